use std::io::{Cursor, Read};

use super::*;

const HEADER: &str = "Handle,Title,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,\
     Variant Price,Variant Compare At Price,Image Src,Image Position,Image Alt Text,Variant Image";

fn open<R: Read>(file: R) -> Result<Products<R>, FileError> {
    Products::open(file, "USD".parse().unwrap(), Clock::system())
}

fn all(rows: &str) -> (Vec<ReadProduct>, Faults) {
    let mut products = open(Cursor::new(format!("{HEADER}\n{rows}"))).unwrap();
    let mut read = Vec::new();
    while let Some(product) = products.next().unwrap() {
        read.push(product);
    }
    (read, products.faults)
}

fn faults(rows: &str) -> Vec<(u64, String, String)> {
    let errors = all(rows).1.errors.into_iter();
    errors.map(|fault| (fault.row, fault.column, fault.code)).collect()
}

fn fault(row: u64, column: &str, code: &str) -> (u64, String, String) {
    (row, column.into(), code.into())
}

#[test]
fn rows_of_one_handle_are_one_product() {
    let (read, faults) = all("pot,Clay pot,\"Pot, Plants\",true,Size,Small,p-s,1,9.99,,https://x/1,2,One,\n\
         pot,,,,,Large,p-l,3,15.99,20,https://x/2,1,,https://x/1\n\
         pot,,,,,,,,,,https://x/3,,,\n\
         sofa,Sofa,,false,Title,Default Title,,2,500,,,,,\n");
    assert_eq!(faults, Faults::default());
    let pot = &read[0].product;
    assert_eq!((pot.title.as_str(), pot.status), ("Clay pot", ProductStatus::Active));
    assert_eq!(pot.tags, ["Pot", "Plants"]);
    let urls: Vec<_> = pot.images.iter().map(|image| image.url.as_str()).collect();
    assert_eq!(urls, ["https://x/2", "https://x/1", "https://x/3"]);
    let variants = pot.variants.as_ref().unwrap();
    assert_eq!(variants[1].options, Chosen::Values(vec!["Large".into()]));
    assert_eq!(variants[1].prices[0].price.amount, 1599);
    assert_eq!(variants[1].prices[0].compare_at, Some(2000));
    assert_eq!((variants[1].stock, variants[1].image.as_deref()), (Some(3), Some("https://x/1")));
    let sofa = &read[1].product;
    assert_eq!((sofa.status, sofa.options.len()), (ProductStatus::Draft, 0));
    assert_eq!(sofa.variants.as_ref().unwrap()[0].prices[0].price.amount, 50_000);
}

#[test]
fn a_fault_is_named_by_row_and_column() {
    let good = "a,A,,true,Title,Default Title,a,1,1,,,,,\n";
    let at_row_three = |row: &str| faults(&format!("{good}{row}\n"));
    for (row, column, code) in [
        ("b,,,true,,,,1,1,,,,,", "Title", "invalid_length"),
        ("b,B,,perhaps,,,,1,1,,,,,", "Published", "invalid_boolean"),
        ("b,B,,true,,,,1.5,1,,,,,", "Variant Inventory Qty", "invalid_number"),
        ("b,B,,true,,,,1,1.999,,,,,", "Variant Price", "invalid_price"),
        ("b,B,,true,,,,1,\"1,99\",,,,,", "Variant Price", "invalid_price"),
        ("b,B,,true,,,,1,-1,,,,,", "Variant Price", "out_of_range"),
        ("b,B,,true,,,a,1,1,,,,,", "Variant SKU", "duplicate"),
        ("b,B,,true,,,,1,1,,javascript:x,,,", "Image Src", "invalid_url"),
        (",B,,true,,,,1,1,,,,,", "Handle", "missing"),
        ("b,B,,true", "Option1 Name", "wrong_number_of_cells"),
    ] {
        assert_eq!(at_row_three(row).first(), Some(&fault(3, column, code)), "{row}");
    }
}

#[test]
fn a_combination_and_a_handle_are_there_once() {
    let twice = "a,A,,true,Size,S,,1,1,,,,,\na,,,,,S,,1,1,,,,,\n";
    assert_eq!(faults(twice), [fault(3, "Option1 Value", "duplicate")]);
    let apart = "a,A,,,,,,,,,,,,\nb,B,,,,,,,,,,,,\na,A,,,,,,,,,,,,\n";
    assert_eq!(faults(apart), [fault(4, "Handle", "duplicate")]);
}

#[test]
fn what_is_owed_is_not_there() {
    let (read, faults) = all("a,A,,true,,,,-3,1,,,,,\n");
    assert_eq!(read[0].product.variants.as_ref().unwrap()[0].stock, Some(0));
    assert_eq!((faults.error_count, faults.warnings[0].code.as_str()), (0, "negative_stock"));
}

#[test]
fn other_files_are_told_what_they_lack() {
    let refused = |text: &'static str| open(Cursor::new(text)).err().unwrap().to_string();
    assert!(refused("").contains("`Handle` is missing"));
    assert!(refused("Name,Price\n").contains("`Handle` is missing"));
    assert!(refused("Handle,Title,Title\n").contains("`Title` is there twice"));
    assert!(open(Cursor::new("\u{feff}handle,TITLE\n")).is_ok());
}

/// So many bytes of one kind.
struct Endless(u8, u64);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = (buffer.len() as u64).min(self.1) as usize;
        buffer[..read].fill(self.0);
        self.1 -= read as u64;
        Ok(read)
    }
}

#[test]
fn a_file_made_to_exhaust_memory_is_refused_on_the_way() {
    let columns = open(Endless(b',', 10_000_000)).err().unwrap();
    assert!(matches!(columns, FileError::RowTooLarge(1)), "{columns}");
    let columns = open(Endless(b',', 100_000)).err().unwrap();
    assert!(matches!(columns, FileError::TooManyColumns), "{columns}");
    let line = Cursor::new("Handle,Title\na,\"").chain(Endless(b'x', 1 << 30));
    let mut products = open(line).unwrap();
    assert!(matches!(products.next(), Err(FileError::RowTooLarge(2))));
}

#[test]
fn bytes_that_are_no_text_are_named() {
    let mut products = open(Cursor::new(b"Handle,Title\na,\xff\n".as_slice())).unwrap();
    products.next().unwrap();
    assert_eq!(products.faults.errors[0].code, "invalid_encoding");
}
