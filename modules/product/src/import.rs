//! Imports: files of products on their way into the catalogue.
//!
//! A file is read and checked as a whole first, and nothing of it is in the catalogue then. Only when every row is
//! good can it be confirmed, and only then is it applied: whole products, many in one transaction, the place in the
//! file moving with them. Whoever dies in the middle is continued by somebody else at that place.

pub(crate) mod apply;
pub(crate) mod http;
pub(crate) mod jobs;
pub(crate) mod service;
pub(crate) mod shopify;
pub(crate) mod store;

use kernel::{Currency, Moment};
use product_api::ImportId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Faults of each kind that are told. A file that is wrong throughout is told so by the first of them.
pub(crate) const MOST_FAULTS: usize = 200;

/// A file of products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its id.
    pub id: ImportId,
    /// Where it is in its life.
    pub status: ImportStatus,
    /// The currency of its prices, which the file does not name.
    pub currency: Currency,
    /// What was counted.
    pub counts: Counts,
    /// What is wrong with it, and what was taken otherwise than it is written.
    pub faults: Faults,
    /// Products that are applied.
    pub applied: i64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

/// Where an import is in its life: `reading → previewed → applying → completed`, or `reading → refused`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ImportStatus {
    /// The file is being read.
    Reading,
    /// Every row is good; it waits to be confirmed.
    Previewed,
    /// Some rows are not good; nothing of it is applied.
    Refused,
    /// It is being applied.
    Applying,
    /// It is applied.
    Completed,
}

impl ImportStatus {
    const ALL: [Self; 5] = [Self::Reading, Self::Previewed, Self::Refused, Self::Applying, Self::Completed];

    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Previewed => "previewed",
            Self::Refused => "refused",
            Self::Applying => "applying",
            Self::Completed => "completed",
        }
    }
}

impl TryFrom<String> for ImportStatus {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|status| status.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no status of an import"))
    }
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Rows without the header.
    pub rows: u64,
    /// Products in the file.
    pub products: u64,
    /// Their variants.
    pub variants: u64,
    /// Products that are new; before they are applied, that would be.
    pub created: u64,
    /// Products that were known by their handle.
    pub updated: u64,
    /// Products that could not be applied, because the shop changed after the preview.
    pub failed: u64,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Faults {
    /// What keeps it out; the first of them.
    pub errors: Vec<RowFault>,
    /// How many there are in all.
    pub error_count: u64,
    /// What is taken otherwise than it is written; the first of them.
    pub warnings: Vec<RowFault>,
    /// How many there are in all.
    pub warning_count: u64,
}

/// Something in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowFault {
    /// The row as a spreadsheet numbers it: the header is row 1.
    pub row: u64,
    /// The column's header.
    pub column: String,
    /// What it is, as a code.
    pub code: String,
    /// What it is, as a sentence.
    pub detail: String,
}

impl Faults {
    /// Notes something that keeps the file out.
    pub fn error(&mut self, fault: RowFault) {
        self.error_count += 1;
        if self.errors.len() < MOST_FAULTS {
            self.errors.push(fault);
        }
    }

    /// Notes something that is taken otherwise than it is written.
    pub fn warning(&mut self, fault: RowFault) {
        self.warning_count += 1;
        if self.warnings.len() < MOST_FAULTS {
            self.warnings.push(fault);
        }
    }
}

/// How far an import has come, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many rows are read and checked.
    Read(u64),
    /// So many products of so many are applied.
    Applied(u64, u64),
}
