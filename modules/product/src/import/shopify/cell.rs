//! The cells of a row, each read as what it is meant to be. What cannot be read is noted, never guessed.

use csv::ByteRecord;
use kernel::{Currency, Money};

use super::column::{Column, Columns};
use crate::import::{Faults, RowFault};
use crate::product::ProductStatus;

/// A row.
pub(super) struct Cells<'a> {
    record: &'a ByteRecord,
    columns: &'a Columns,
    row: u64,
    currency: Currency,
    faults: &'a mut Faults,
}

impl<'a> Cells<'a> {
    pub(super) fn new(
        record: &'a ByteRecord,
        columns: &'a Columns,
        row: u64,
        currency: Currency,
        faults: &'a mut Faults,
    ) -> Self {
        let (cells, wanted) = (record.len(), columns.headers.len());
        if cells != wanted {
            faults.error(RowFault {
                row,
                column: columns.headers.get(cells).or(columns.headers.last()).cloned().unwrap_or_default(),
                code: "wrong_number_of_cells".to_owned(),
                detail: format!("this row has {cells} cells and the header {wanted}"),
            });
        }
        Self { record, columns, row, currency, faults }
    }

    pub(super) fn row(&self) -> u64 {
        self.row
    }

    /// A text as it stands; `None` when the cell is blank.
    pub(super) fn text(&mut self, column: Column) -> Option<String> {
        let cell = self.columns.cell(self.record, column)?;
        let Ok(text) = str::from_utf8(cell) else {
            self.error(column, "invalid_encoding", "the cell is not UTF-8; save the file as CSV UTF-8");
            return None;
        };
        (!text.trim().is_empty()).then(|| text.to_owned())
    }

    /// `true` or `false`, in any case.
    pub(super) fn boolean(&mut self, column: Column) -> Option<bool> {
        let text = self.text(column)?;
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.error(column, "invalid_boolean", "expected `true` or `false`");
                None
            }
        }
    }

    /// A whole number, which some write with a point and zeros.
    pub(super) fn number(&mut self, column: Column) -> Option<i64> {
        let text = self.text(column)?;
        let text = text.trim();
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let number = if fraction.bytes().all(|digit| digit == b'0') { whole.parse().ok() } else { None };
        if number.is_none() {
            self.error(column, "invalid_number", "expected a whole number");
        }
        number
    }

    /// An amount in major units: `19.99`.
    pub(super) fn money(&mut self, column: Column) -> Option<Money> {
        let text = self.text(column)?;
        match Money::from_decimal(text.trim(), self.currency) {
            Ok(money) => Some(money),
            Err(error) => {
                self.error(column, "invalid_price", &error.to_string());
                None
            }
        }
    }

    /// How many there are. Every variant's stock is counted here, whatever the file says of trackers.
    pub(super) fn stock(&mut self) -> Option<i64> {
        let policy = self.text(Column::Policy).map(|policy| policy.trim().to_ascii_lowercase());
        if policy.is_some_and(|policy| matches!(policy.as_str(), "continue" | "true")) {
            let detail = "it will not be sold beyond its stock";
            self.warning(Column::Policy, "unsupported", detail);
        }
        match self.number(Column::Quantity)? {
            owed if owed < 0 => {
                self.warning(Column::Quantity, "negative_stock", "taken as 0: nothing is there");
                Some(0)
            }
            there => Some(there),
        }
    }

    /// The status, which older files do not have.
    pub(super) fn status(&mut self) -> Option<ProductStatus> {
        let text = self.text(Column::Status)?;
        let status = ProductStatus::try_from(text.trim().to_ascii_lowercase());
        if status.is_err() {
            self.error(Column::Status, "invalid_value", "expected `active`, `draft` or `archived`");
        }
        status.ok()
    }

    /// Tags, each once.
    pub(super) fn tags(&mut self) -> Vec<String> {
        let text = self.text(Column::Tags).unwrap_or_default();
        let mut tags: Vec<String> = Vec::new();
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if !tags.iter().any(|known| known == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags
    }

    pub(super) fn error(&mut self, column: Column, code: &str, detail: &str) {
        let fault = self.fault(column, code, detail);
        self.faults.error(fault);
    }

    fn warning(&mut self, column: Column, code: &str, detail: &str) {
        let fault = self.fault(column, code, detail);
        self.faults.warning(fault);
    }

    fn fault(&self, column: Column, code: &str, detail: &str) -> RowFault {
        RowFault {
            row: self.row,
            column: column.header().to_owned(),
            code: code.to_owned(),
            detail: detail.to_owned(),
        }
    }
}
