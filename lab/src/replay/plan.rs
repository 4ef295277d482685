//! What a file of invoices asks of a shop: the rules, and the sales and cancellations they leave.
//!
//! Rules, in this order, for each line:
//!
//! 1. The stock code is no merchandise: `POST`, `DOT`, `C2` are carriage; `M` a manual entry; `S` samples; `D` a
//!    discount; `B` an adjustment of bad debt; `AMAZONFEE`, `BANK CHARGES`, `CRUK`, `PADS` fees. Left out.
//! 2. The description is blank: a correction in the warehouse. Left out.
//! 3. The price is zero or negative: a gift, a loss or a correction. Left out.
//! 4. The invoice begins with `C`: its quantity, which must be negative, cancels what the same customer bought before
//!    under the same stock code at the same price, the latest purchase first. What has no such purchase in the file
//!    is left out, unit by unit.
//! 5. The quantity is not positive: a correction in the warehouse. Left out.
//! 6. Everything else is a sale. Equal variants on one invoice are one line.
//!
//! Stock codes are compared in capitals; a stock code at one price is a variant.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use kernel::{Currency, Money};
use serde::Deserialize;

use crate::Failure;

/// A line of the file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    invoice_no: String,
    stock_code: String,
    description: String,
    quantity: i64,
    invoice_date: String,
    unit_price: String,
    #[serde(rename = "CustomerID")]
    customer_id: String,
    country: String,
}

/// A stock code at one price, in minor units.
pub type VariantKey = (String, i64);

/// What the file asks for.
#[derive(Debug, Default)]
pub struct Plan {
    /// Titles by stock code.
    pub titles: BTreeMap<String, String>,
    /// Units sold of each variant, all sales together: the stock to begin with.
    pub units: BTreeMap<VariantKey, i64>,
    /// Invoices that become orders, in the order of the file.
    pub sales: Vec<Sale>,
    /// Cancellations, in the order of the file.
    pub cancellations: Vec<Cancellation>,
    /// Lines, or units of cancellations, that are left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Lines read.
    pub lines: u64,
}

/// An invoice that becomes an order.
#[derive(Debug, Clone)]
pub struct Sale {
    /// Its number.
    pub invoice: String,
    /// The customer; a guest when empty.
    pub customer: String,
    /// The country it went to, as the file names it.
    pub country: String,
    /// Year and month: `2010-12`.
    pub month: String,
    /// What was bought.
    pub items: BTreeMap<VariantKey, i64>,
}

/// Units of an earlier sale that are taken back.
#[derive(Debug, Clone)]
pub struct Cancellation {
    /// The sale's place in [`Plan::sales`].
    pub sale: usize,
    /// The variant.
    pub variant: VariantKey,
    /// How many units.
    pub quantity: i64,
}

impl Sale {
    /// What it comes to, in minor units.
    pub fn total(&self) -> i64 {
        self.items.iter().map(|((_, price), quantity)| price * quantity).sum()
    }

    /// Units in it.
    pub fn units(&self) -> i64 {
        self.items.values().sum()
    }
}

/// Why a line is left out, if it is.
fn left_out(line: &Line, price: i64) -> Option<&'static str> {
    match line.stock_code.to_uppercase().as_str() {
        "POST" | "DOT" | "C2" => return Some("carriage"),
        "M" => return Some("manual entry"),
        "S" => return Some("samples"),
        "D" => return Some("discount"),
        "B" => return Some("bad debt"),
        "AMAZONFEE" | "BANK CHARGES" | "CRUK" | "PADS" => return Some("fee"),
        _ => {}
    }
    if line.description.trim().is_empty() {
        return Some("blank description");
    }
    if price <= 0 {
        return Some("no price");
    }
    let cancels = line.invoice_no.starts_with('C');
    (!cancels && line.quantity <= 0).then_some("negative quantity outside a cancellation")
}

impl Plan {
    /// Reads a file, gzipped or not; only the first `limit` invoices when given.
    ///
    /// # Errors
    /// The file is not there or not in that format.
    pub fn read(file: &Path, limit: Option<usize>) -> Result<Self, Failure> {
        let opened = File::open(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let raw = BufReader::new(opened);
        let gzipped = file.extension().is_some_and(|extension| extension == "gz");
        let reader: Box<dyn Read> = if gzipped { Box::new(GzDecoder::new(raw)) } else { Box::new(raw) };
        Self::of(csv::Reader::from_reader(reader).into_deserialize(), limit)
    }

    fn of(lines: impl Iterator<Item = Result<Line, csv::Error>>, limit: Option<usize>) -> Result<Self, Failure> {
        let currency: Currency = "GBP".parse()?;
        let mut plan = Self::default();
        let mut invoices: HashMap<String, Option<usize>> = HashMap::new();
        // Where units of a customer's variant can still be taken back from, latest purchase last.
        let mut bought: HashMap<(String, VariantKey), Vec<(usize, i64)>> = HashMap::new();
        for line in lines {
            let line = line?;
            if !invoices.contains_key(&line.invoice_no) {
                if limit.is_some_and(|limit| invoices.len() >= limit) {
                    break;
                }
                invoices.insert(line.invoice_no.clone(), None);
            }
            plan.lines += 1;
            let price = Money::from_decimal(&line.unit_price, currency)?.amount;
            if let Some(reason) = left_out(&line, price) {
                *plan.left_out.entry(reason).or_default() += 1;
                continue;
            }
            let code = line.stock_code.to_uppercase();
            plan.titles.entry(code.clone()).or_insert_with(|| line.description.trim().to_owned());
            let variant = (code, price);
            if line.invoice_no.starts_with('C') {
                plan.cancel(&line, &variant, &mut bought);
                continue;
            }
            let sale = *invoices.entry(line.invoice_no.clone()).or_default().get_or_insert_with(|| {
                plan.sales.push(Sale {
                    invoice: line.invoice_no.clone(),
                    customer: line.customer_id.trim_end_matches(".0").to_owned(),
                    country: line.country.clone(),
                    month: line.invoice_date.chars().take(7).collect(),
                    items: BTreeMap::new(),
                });
                plan.sales.len() - 1
            });
            *plan.sales[sale].items.entry(variant.clone()).or_default() += line.quantity;
            *plan.units.entry(variant.clone()).or_default() += line.quantity;
            bought.entry((line.customer_id.clone(), variant)).or_default().push((sale, line.quantity));
        }
        Ok(plan)
    }

    /// Takes units back from the customer's latest purchases.
    fn cancel(
        &mut self,
        line: &Line,
        variant: &VariantKey,
        bought: &mut HashMap<(String, VariantKey), Vec<(usize, i64)>>,
    ) {
        let mut wanted = -line.quantity;
        let purchases = bought.entry((line.customer_id.clone(), variant.clone())).or_default();
        while wanted > 0 {
            let Some((sale, left)) = purchases.last_mut() else { break };
            let quantity = wanted.min(*left);
            self.cancellations.push(Cancellation { sale: *sale, variant: variant.clone(), quantity });
            wanted -= quantity;
            *left -= quantity;
            if *left == 0 {
                purchases.pop();
            }
        }
        if wanted > 0 {
            *self.left_out.entry("units canceled without a purchase in the file").or_default() += wanted as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(lines: &str) -> Plan {
        let header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";
        let text = format!("{header}{lines}");
        Plan::of(csv::Reader::from_reader(text.as_bytes()).into_deserialize(), None).unwrap()
    }

    #[test]
    fn an_invoice_becomes_one_sale_with_one_line_per_variant() {
        let plan = plan(
            "1,85123a,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n\
             1,85123A,HEART,4,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n\
             1,85123A,HEART,1,2010-12-01 08:26:00,2.95,17850.0,United Kingdom\n",
        );
        assert_eq!(plan.sales.len(), 1);
        assert_eq!(plan.sales[0].items, BTreeMap::from([(("85123A".into(), 255), 10), (("85123A".into(), 295), 1)]));
        assert_eq!((plan.sales[0].total(), plan.sales[0].customer.as_str()), (2845, "17850"));
    }

    #[test]
    fn what_is_no_sale_is_counted_by_its_reason() {
        let plan = plan(
            "1,POST,POSTAGE,1,2010-12-01 08:26:00,18.0,1.0,France\n\
             2,21777,,-10,2010-12-01 08:26:00,0.0,,United Kingdom\n\
             3,22423,STAND,1,2010-12-01 08:26:00,0.0,1.0,France\n\
             4,22423,STAND,-1,2010-12-01 08:26:00,1.0,1.0,France\n\
             5,B,Adjust bad debt,1,2010-12-01 08:26:00,11062.06,,United Kingdom\n\
             C6,22423,STAND,-3,2010-12-01 08:26:00,12.75,1.0,France\n",
        );
        assert!(plan.sales.is_empty() && plan.cancellations.is_empty());
        let reasons: Vec<_> = plan.left_out.into_iter().collect();
        assert_eq!(
            reasons,
            [
                ("bad debt", 1),
                ("blank description", 1),
                ("carriage", 1),
                ("negative quantity outside a cancellation", 1),
                ("no price", 1),
                ("units canceled without a purchase in the file", 3),
            ]
        );
    }

    #[test]
    fn a_cancellation_takes_back_the_latest_purchase_first_and_never_more_than_was_bought() {
        let plan = plan(
            "1,22423,STAND,2,2010-12-01 08:26:00,12.75,7.0,France\n\
             2,22423,STAND,3,2010-12-02 08:26:00,12.75,7.0,France\n\
             3,22423,STAND,9,2010-12-02 08:26:00,12.75,8.0,France\n\
             C4,22423,STAND,-4,2010-12-03 08:26:00,12.75,7.0,France\n\
             C5,22423,STAND,-4,2010-12-03 08:26:00,12.75,7.0,France\n",
        );
        let taken: Vec<_> = plan.cancellations.iter().map(|taken| (taken.sale, taken.quantity)).collect();
        assert_eq!(taken, [(1, 3), (0, 1), (0, 1)]);
        assert_eq!(plan.left_out["units canceled without a purchase in the file"], 3);
    }
}
