//! The columns that mean something, under the names that Shopify has given them over the years.

use csv::ByteRecord;

use super::FileError;

/// Columns of a file at the most. A spreadsheet of products has about fifty.
pub(super) const MOST: usize = 1000;

/// A column that is read. All others are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Handle,
    Title,
    Body,
    Vendor,
    Kind,
    Tags,
    Published,
    Status,
    Option1Name,
    Option1Value,
    Option2Name,
    Option2Value,
    Option3Name,
    Option3Value,
    Sku,
    Grams,
    Quantity,
    Policy,
    Price,
    CompareAt,
    RequiresShipping,
    Taxable,
    Barcode,
    ImageSrc,
    ImagePosition,
    ImageAlt,
    GiftCard,
    VariantImage,
}

/// Each column with its header, and with the one of newer files.
const NAMES: [(Column, &str, &str); 28] = [
    (Column::Handle, "Handle", "URL handle"),
    (Column::Title, "Title", "Title"),
    (Column::Body, "Body (HTML)", "Description"),
    (Column::Vendor, "Vendor", "Vendor"),
    (Column::Kind, "Type", "Type"),
    (Column::Tags, "Tags", "Tags"),
    (Column::Published, "Published", "Published on online store"),
    (Column::Status, "Status", "Status"),
    (Column::Option1Name, "Option1 Name", "Option1 name"),
    (Column::Option1Value, "Option1 Value", "Option1 value"),
    (Column::Option2Name, "Option2 Name", "Option2 name"),
    (Column::Option2Value, "Option2 Value", "Option2 value"),
    (Column::Option3Name, "Option3 Name", "Option3 name"),
    (Column::Option3Value, "Option3 Value", "Option3 value"),
    (Column::Sku, "Variant SKU", "SKU"),
    (Column::Grams, "Variant Grams", "Weight value (grams)"),
    (Column::Quantity, "Variant Inventory Qty", "Inventory quantity"),
    (Column::Policy, "Variant Inventory Policy", "Continue selling when out of stock"),
    (Column::Price, "Variant Price", "Price"),
    (Column::CompareAt, "Variant Compare At Price", "Compare-at price"),
    (Column::RequiresShipping, "Variant Requires Shipping", "Requires shipping"),
    (Column::Taxable, "Variant Taxable", "Charge tax"),
    (Column::Barcode, "Variant Barcode", "Barcode"),
    (Column::ImageSrc, "Image Src", "Product image URL"),
    (Column::ImagePosition, "Image Position", "Image position"),
    (Column::ImageAlt, "Image Alt Text", "Image alt text"),
    (Column::GiftCard, "Gift Card", "Gift card"),
    (Column::VariantImage, "Variant Image", "Variant image URL"),
];

impl Column {
    /// Name and value of each option.
    pub(super) const OPTIONS: [(Self, Self); 3] = [
        (Self::Option1Name, Self::Option1Value),
        (Self::Option2Name, Self::Option2Value),
        (Self::Option3Name, Self::Option3Value),
    ];

    /// What stands above it.
    pub(super) fn header(self) -> &'static str {
        NAMES[self as usize].1
    }
}

/// The column that a field of a product is read from.
pub(super) fn of_field(field: &str) -> Option<Column> {
    Some(match field {
        "slug" => Column::Handle,
        "title" => Column::Title,
        "description" => Column::Body,
        "vendor" => Column::Vendor,
        "type" => Column::Kind,
        "tags" => Column::Tags,
        "name" => Column::Option1Name,
        "options" | "values" => Column::Option1Value,
        "sku" => Column::Sku,
        "barcode" => Column::Barcode,
        "weightGrams" => Column::Grams,
        "stock" => Column::Quantity,
        "amount" | "prices" => Column::Price,
        "compareAtAmount" => Column::CompareAt,
        "url" | "images" => Column::ImageSrc,
        "alt" => Column::ImageAlt,
        "image" => Column::VariantImage,
        _ => return None,
    })
}

/// Where in a file each column stands.
pub(super) struct Columns {
    places: [Option<usize>; NAMES.len()],
    /// What stands above all columns, those that are passed over included.
    pub(super) headers: Vec<String>,
}

impl Columns {
    pub(super) fn read(header: &ByteRecord) -> Result<Self, FileError> {
        if header.len() > MOST {
            return Err(FileError::TooManyColumns);
        }
        let mut places = [None; NAMES.len()];
        let mut headers = Vec::with_capacity(header.len());
        for (place, cell) in header.iter().enumerate() {
            // Spreadsheets put a byte order mark in front of the first header.
            let name = cell.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(cell).trim_ascii();
            headers.push(String::from_utf8_lossy(name).into_owned());
            let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
            let Some((column, _, _)) = NAMES.iter().find(|(_, old, new)| is(old) || is(new)) else {
                continue;
            };
            let known: &mut Option<usize> = &mut places[*column as usize];
            if known.replace(place).is_some() {
                return Err(FileError::ColumnTwice(column.header().to_owned()));
            }
        }
        for needed in [Column::Handle, Column::Title] {
            if places[needed as usize].is_none() {
                return Err(FileError::MissingColumn(needed.header()));
            }
        }
        Ok(Self { places, headers })
    }

    /// A cell of a row; `None` when the file has no such column or the row is too short.
    pub(super) fn cell<'r>(&self, record: &'r ByteRecord, column: Column) -> Option<&'r [u8]> {
        self.places[column as usize].and_then(|place| record.get(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_has_its_own_name() {
        for (place, (column, _, _)) in NAMES.iter().enumerate() {
            assert_eq!(*column as usize, place);
        }
    }
}
