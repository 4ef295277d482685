//! Product files as Shopify writes them: one row for each variant and each further image, the rows of a product one
//! after another under its handle, and the product's own fields in its first row.
//!
//! The file is read row by row and never held whole, and a row can only be so large: a file that is made to exhaust
//! the shop's memory is refused on the way.

mod bounded;
mod cell;
mod column;

use std::collections::HashSet;
use std::io::Read;

use csv::{ByteRecord, ReaderBuilder};
use kernel::{Clock, Currency, Id};
use product_api::ProductId;

use super::{Faults, RowFault};
use crate::image::Image;
use crate::option::{Axis, Chosen};
use crate::product::{NewProduct, Product, ProductStatus};
use crate::refusal::{Place, Refusal};
use crate::slug;
use crate::variant::{NewVariant, Price};
use bounded::Bounded;
use cell::Cells;
use column::{Column, Columns};

/// Bytes of a row at the most.
const LARGEST_ROW: usize = 1024 * 1024;
/// Rows of a file at the most: what has to be unique in it is remembered.
const MOST_ROWS: u64 = 250_000;

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A row is larger than any product.
    #[error("row {0} is larger than 1 MiB")]
    RowTooLarge(u64),
    /// The header names more columns than a spreadsheet of products has.
    #[error("the file has more than {} columns", column::MOST)]
    TooManyColumns,
    /// A column that cannot be missed is not there.
    #[error("the column `{0}` is missing; this is not a product file in Shopify's format")]
    MissingColumn(&'static str),
    /// A column is there twice.
    #[error("the column `{0}` is there twice")]
    ColumnTwice(String),
    /// It has too many rows.
    #[error("a file may have at most {MOST_ROWS} rows; split it")]
    TooManyRows,
    /// It cannot be read as CSV, or not at all.
    #[error("row {0} cannot be read")]
    Unreadable(u64, #[source] csv::Error),
}

/// A product as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadProduct {
    /// The product.
    pub product: NewProduct,
    /// The row of its first line.
    pub row: u64,
    /// The rows of its variants.
    pub variant_rows: Vec<u64>,
}

impl ReadProduct {
    /// Where in the file a rule is broken.
    pub(crate) fn fault(&self, refusal: &Refusal) -> RowFault {
        let of_variant = |index: usize| self.variant_rows.get(index).copied().unwrap_or(self.row);
        let (row, column) = match refusal.place {
            Place::Field(field) | Place::Option(_, field) | Place::Image(_, field) => {
                (self.row, column::of_field(field))
            }
            Place::Variant(index, field) => (of_variant(index), column::of_field(field)),
            Place::Price(index, _, field) => (index.map_or(self.row, of_variant), column::of_field(field)),
            Place::Tag(_) => (self.row, Some(Column::Tags)),
        };
        RowFault {
            row,
            column: column.unwrap_or(Column::Handle).header().to_owned(),
            code: refusal.fault.code().to_owned(),
            detail: refusal.to_string(),
        }
    }
}

/// Reads the products of a file one by one.
pub(crate) struct Products<R> {
    csv: csv::Reader<Bounded<R>>,
    columns: Columns,
    currency: Currency,
    clock: Clock,
    row: u64,
    record: ByteRecord,
    /// The record is read and belongs to the next product.
    ahead: bool,
    handles: HashSet<String>,
    skus: HashSet<String>,
    barcodes: HashSet<String>,
    /// What was found wrong so far.
    pub faults: Faults,
}

impl<R: Read> Products<R> {
    /// Reads the header. `currency` is that of the prices.
    ///
    /// # Errors
    /// This is not such a file.
    pub(crate) fn open(file: R, currency: Currency, clock: Clock) -> Result<Self, FileError> {
        let file = Bounded::new(file, LARGEST_ROW);
        let mut csv = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
        let mut header = ByteRecord::new();
        read(&mut csv, &mut header, 1)?;
        Ok(Self {
            columns: Columns::read(&header)?,
            csv,
            currency,
            clock,
            row: 1,
            record: header,
            ahead: false,
            handles: HashSet::new(),
            skus: HashSet::new(),
            barcodes: HashSet::new(),
            faults: Faults::default(),
        })
    }

    /// Rows that were read, without the header.
    pub(crate) fn rows(&self) -> u64 {
        self.row - 1
    }

    /// The next product; `None` at the end. What is wrong with it is among the faults, and then it is a product as
    /// far as it could be read.
    ///
    /// # Errors
    /// The file cannot be read any further.
    pub(crate) fn next(&mut self) -> Result<Option<ReadProduct>, FileError> {
        if !self.ahead && !self.advance()? {
            return Ok(None);
        }
        self.ahead = false;
        let handle = self.handle();
        let mut product = Group::begin(&mut self.cells(), handle.clone());
        while self.advance()? {
            if self.handle() != handle {
                self.ahead = true;
                break;
            }
            product.add(&mut self.cells());
        }
        let read = product.finish();
        self.check(&read, &handle);
        Ok(Some(read))
    }

    /// Reads the next row that is not empty.
    fn advance(&mut self) -> Result<bool, FileError> {
        loop {
            if !read(&mut self.csv, &mut self.record, self.row + 1)? {
                return Ok(false);
            }
            self.row += 1;
            if self.row > MOST_ROWS {
                return Err(FileError::TooManyRows);
            }
            if self.record.iter().any(|cell| !cell.trim_ascii().is_empty()) {
                return Ok(true);
            }
        }
    }

    fn handle(&self) -> String {
        self.columns
            .cell(&self.record, Column::Handle)
            .map(|cell| String::from_utf8_lossy(cell.trim_ascii()).into_owned())
            .unwrap_or_default()
    }

    fn cells(&mut self) -> Cells<'_> {
        Cells::new(&self.record, &self.columns, self.row, self.currency, &mut self.faults)
    }

    /// What holds for a product alone, and for it among the others of the file.
    fn check(&mut self, read: &ReadProduct, handle: &str) {
        let fault = |row, column: Column, code: &str, detail: &str| RowFault {
            row,
            column: column.header().to_owned(),
            code: code.to_owned(),
            detail: detail.to_owned(),
        };
        if handle.is_empty() {
            self.faults.error(fault(read.row, Column::Handle, "missing", "every row needs a handle"));
            return;
        }
        if !self.handles.insert(read.product.slug.clone().unwrap_or_default()) {
            let detail = "the rows of a product stand together, and no other product has its handle";
            self.faults.error(fault(read.row, Column::Handle, "duplicate", detail));
        }
        let clock = &self.clock;
        let (id, slug) = (clock.id::<product_api::ProductKind>(), read.product.slug.clone());
        let id: ProductId = Id::from_uuid(id.uuid());
        let made =
            Product::new(id, slug.unwrap_or_default(), read.product.clone(), || clock.id(), clock.now());
        if let Err(refusal) = made {
            self.faults.error(read.fault(&refusal));
            return;
        }
        let variants = read.product.variants.iter().flatten().zip(&read.variant_rows);
        for (variant, row) in variants {
            let detail = "another variant of the file has it";
            if variant.sku.as_ref().is_some_and(|sku| !self.skus.insert(sku.clone())) {
                self.faults.error(fault(*row, Column::Sku, "duplicate", detail));
            }
            if variant.barcode.as_ref().is_some_and(|barcode| !self.barcodes.insert(barcode.clone())) {
                self.faults.error(fault(*row, Column::Barcode, "duplicate", detail));
            }
        }
    }
}

fn read<R: Read>(
    csv: &mut csv::Reader<Bounded<R>>,
    record: &mut ByteRecord,
    row: u64,
) -> Result<bool, FileError> {
    csv.get_mut().next_row();
    csv.read_byte_record(record).map_err(|error| {
        if csv.get_ref().is_exhausted() {
            FileError::RowTooLarge(row)
        } else {
            FileError::Unreadable(row, error)
        }
    })
}

/// A product while its rows are read.
struct Group {
    read: ReadProduct,
    variants: Vec<NewVariant>,
    images: Vec<(i64, Image)>,
}

impl Group {
    fn begin(cells: &mut Cells<'_>, handle: String) -> Self {
        let published = cells.boolean(Column::Published).unwrap_or(true);
        let status = match cells.status() {
            None | Some(ProductStatus::Active) if published => ProductStatus::Active,
            Some(ProductStatus::Archived) => ProductStatus::Archived,
            _ => ProductStatus::Draft,
        };
        let product = NewProduct {
            title: cells.text(Column::Title).unwrap_or_default(),
            slug: Some(if slug::check(&handle).is_ok() { handle } else { slug::derive(&handle) }),
            description: cells.text(Column::Body),
            vendor: cells.text(Column::Vendor),
            kind: cells.text(Column::Kind),
            tags: cells.tags(),
            status,
            options: axes(cells),
            ..NewProduct::default()
        };
        if cells.boolean(Column::GiftCard) == Some(true) {
            cells.error(Column::GiftCard, "unsupported", "gift cards cannot be sold as products");
        }
        let read = ReadProduct { product, row: cells.row(), variant_rows: Vec::new() };
        let mut group = Self { read, variants: Vec::new(), images: Vec::new() };
        group.add_variant(cells);
        group.add_image(cells);
        group
    }

    /// A further row: another variant, another image, or both.
    fn add(&mut self, cells: &mut Cells<'_>) {
        let is_variant = [Column::Option1Value, Column::Sku, Column::Price].into_iter();
        if is_variant.clone().any(|column| cells.text(column).is_some()) {
            self.add_variant(cells);
        }
        self.add_image(cells);
    }

    fn add_variant(&mut self, cells: &mut Cells<'_>) {
        let values = Column::OPTIONS.iter().take(self.read.product.options.len());
        let values: Vec<String> = values.map(|(_, value)| cells.text(*value).unwrap_or_default()).collect();
        let price = cells.money(Column::Price).map(|price| Price {
            price,
            compare_at: cells.money(Column::CompareAt).map(|compare_at| compare_at.amount),
        });
        self.variants.push(NewVariant {
            sku: cells.text(Column::Sku),
            barcode: cells.text(Column::Barcode),
            title: None,
            options: Chosen::Values(values),
            prices: price.into_iter().collect(),
            requires_shipping: cells.boolean(Column::RequiresShipping).unwrap_or(true),
            taxable: cells.boolean(Column::Taxable).unwrap_or(true),
            weight_grams: cells.number(Column::Grams),
            stock: cells.stock(),
            image: cells.text(Column::VariantImage),
        });
        self.read.variant_rows.push(cells.row());
    }

    fn add_image(&mut self, cells: &mut Cells<'_>) {
        let Some(url) = cells.text(Column::ImageSrc) else { return };
        let alt = cells.text(Column::ImageAlt);
        if self.images.iter().any(|(_, image)| image.url == url) {
            return;
        }
        let position = cells.number(Column::ImagePosition).unwrap_or(i64::MAX);
        self.images.push((position, Image { url, alt, variant_id: None }));
    }

    fn finish(mut self) -> ReadProduct {
        // Stable: images without a position stay in the order of the file, behind those that have one.
        self.images.sort_by_key(|(position, _)| *position);
        self.read.product.images = self.images.into_iter().map(|(_, image)| image).collect();
        self.read.product.variants = Some(self.variants);
        self.read
    }
}

/// The axes that the first row names. A product without any is written as one with the title "Default Title".
fn axes(cells: &mut Cells<'_>) -> Vec<Axis> {
    let named =
        Column::OPTIONS.iter().map_while(|(name, value)| Some((cells.text(*name)?, cells.text(*value))));
    let named: Vec<(String, Option<String>)> = named.collect();
    if let [(name, Some(value))] = named.as_slice()
        && name == "Title"
        && value == "Default Title"
    {
        return Vec::new();
    }
    named.into_iter().map(|(name, _)| Axis { name, values: Vec::new() }).collect()
}

#[cfg(test)]
mod tests;
