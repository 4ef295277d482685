//! The shop's books, read through its API, against the file.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::plan::Plan;
use super::run::Journal;
use crate::Failure;
use crate::api::Api;

/// How long refunds and restocked goods may take to arrive: they follow their events.
const SETTLE: Duration = Duration::from_mins(2);

/// What was replayed, and whether the books agree.
#[derive(Debug)]
pub struct Report {
    /// Lines of the file that were read.
    pub lines: u64,
    /// Lines, or units, that were left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// By month and country: what the file says.
    pub expected: Books,
    /// By month and country: what the shop says.
    pub actual: Books,
    /// Everything that does not agree; empty when all does.
    pub differences: Vec<String>,
    /// Orders placed per second while buying.
    pub orders_per_second: f64,
    /// Microseconds from an empty cart to the placed order: median and 99th percentile.
    pub purchase: (u64, u64),
    /// Microseconds of the completing request: median and 99th percentile.
    pub completion: (u64, u64),
}

/// Figures by month and country.
pub type Books = BTreeMap<(String, String), Figures>;

/// What was sold in a month to a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Orders.
    pub orders: i64,
    /// Units sold.
    pub units: i64,
    /// What they came to, in pence.
    pub revenue: i64,
    /// What went back, in pence.
    pub refunded: i64,
    /// Units taken back.
    pub canceled: i64,
}

/// Compares, waiting a while for what follows from cancellations.
pub(super) async fn check(plan: &Plan, journal: &Journal, staff: &Api) -> Result<Report, Failure> {
    let expected = expected(plan);
    let give_up = Instant::now() + SETTLE;
    loop {
        let actual = books(plan, journal, staff).await?;
        let mut differences = compare(&expected, &actual);
        differences.extend(stock(plan, journal, staff).await?);
        differences.extend(ledger(&expected, staff).await?);
        if differences.is_empty() || Instant::now() >= give_up {
            return Ok(report(plan, journal, expected, actual, differences));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn report(
    plan: &Plan,
    journal: &Journal,
    expected: Books,
    actual: Books,
    differences: Vec<String>,
) -> Report {
    let quantiles = |histogram: &hdrhistogram::Histogram<u64>| {
        (histogram.value_at_quantile(0.5), histogram.value_at_quantile(0.99))
    };
    Report {
        lines: plan.lines,
        left_out: plan.left_out.clone(),
        expected,
        actual,
        differences,
        orders_per_second: journal.orders.len() as f64 / journal.buying.as_secs_f64().max(f64::EPSILON),
        purchase: quantiles(&journal.purchases),
        completion: quantiles(&journal.completions),
    }
}

fn expected(plan: &Plan) -> Books {
    let mut books = Books::new();
    for sale in &plan.sales {
        let figures = books.entry((sale.month.clone(), sale.country.clone())).or_default();
        figures.orders += 1;
        figures.units += sale.units();
        figures.revenue += sale.total();
    }
    for taken in &plan.cancellations {
        let sale = &plan.sales[taken.sale];
        let figures = books.entry((sale.month.clone(), sale.country.clone())).or_default();
        figures.canceled += taken.quantity;
        figures.refunded += taken.variant.1 * taken.quantity;
    }
    books
}

/// What the shop says of every order it has, found again by the invoice in its address.
async fn books(plan: &Plan, journal: &Journal, staff: &Api) -> Result<Books, Failure> {
    let months: HashMap<&str, &str> =
        plan.sales.iter().map(|sale| (sale.invoice.as_str(), sale.month.as_str())).collect();
    let mut books = Books::new();
    let orders = all(staff, "/v1/admin/orders").await?;
    for order in &orders {
        let invoice = order["shippingAddress"]["line1"].as_str().unwrap_or_default();
        let month = months.get(invoice.trim_start_matches("Invoice ")).copied().unwrap_or("unknown");
        let country = order["shippingAddress"]["city"].as_str().unwrap_or_default();
        let figures = books.entry((month.to_owned(), country.to_owned())).or_default();
        figures.orders += 1;
        figures.revenue += order["totals"]["total"]["amount"].as_i64().unwrap_or_default();
        figures.refunded += order["amounts"]["refunded"]["amount"].as_i64().unwrap_or_default();
        for item in order["items"].as_array().into_iter().flatten() {
            figures.units += item["quantity"].as_i64().unwrap_or_default();
            figures.canceled += item["canceledQuantity"].as_i64().unwrap_or_default();
        }
    }
    if orders.len() != journal.orders.len() {
        books.entry(("unknown".into(), format!("{} orders", orders.len()))).or_default().orders = 0;
    }
    Ok(books)
}

fn compare(expected: &Books, actual: &Books) -> Vec<String> {
    let mut places: Vec<_> = expected.keys().chain(actual.keys()).collect();
    places.sort_unstable();
    places.dedup();
    let none = Figures::default();
    places
        .into_iter()
        .filter_map(|place| {
            let (file, shop) = (expected.get(place).unwrap_or(&none), actual.get(place).unwrap_or(&none));
            (file != shop)
                .then(|| format!("{} {}: the file says {file:?}, the shop {shop:?}", place.0, place.1))
        })
        .collect()
}

/// Every variant's stock is what was put there, less what was sold, plus what came back; nothing is held any more,
/// and the movements say how it came about.
async fn stock(plan: &Plan, journal: &Journal, staff: &Api) -> Result<Vec<String>, Failure> {
    let mut back: HashMap<&str, i64> = HashMap::new();
    for taken in &plan.cancellations {
        *back.entry(&journal.variants[&taken.variant]).or_default() += taken.quantity;
    }
    let mut levels: HashMap<String, Value> = HashMap::new();
    for level in all(staff, "/v1/admin/stock-levels").await? {
        levels.insert(level["variantId"].as_str().unwrap_or_default().to_owned(), level);
    }
    let mut moved: HashMap<(String, String), i64> = HashMap::new();
    for movement in all(staff, "/v1/admin/stock-movements").await? {
        let text = |field: &str| movement[field].as_str().unwrap_or_default().to_owned();
        *moved.entry((text("variantId"), text("kind"))).or_default() +=
            movement["delta"].as_i64().unwrap_or_default();
    }
    let mut differences = Vec::new();
    for (variant, sold) in &plan.units {
        let id = &journal.variants[variant];
        let back = back.get(id.as_str()).copied().unwrap_or_default();
        let movement = |kind: &str| moved.get(&(id.clone(), kind.to_owned())).copied().unwrap_or_default();
        let level = levels.remove(id).unwrap_or_default();
        if level["onHand"] != back || level["reserved"] != 0 {
            differences
                .push(format!("stock of {variant:?}: {back} were to be there and none held, but {level}"));
        }
        if movement("sold") != -sold || movement("restocked") != back || movement("received") != *sold {
            differences.push(format!(
                "movements of {variant:?}: {sold} were to be sold and {back} to come back, but {} and {}",
                -movement("sold"),
                movement("restocked")
            ));
        }
    }
    differences.extend(levels.keys().map(|variant| format!("stock of {variant}, which is not in the file")));
    Ok(differences)
}

/// A whole list, page by page.
async fn all(staff: &Api, path: &str) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let mut page = staff.get(&format!("{path}?limit=100{after}")).await?;
        if let Some(data) = page["data"].as_array_mut() {
            items.append(data);
        }
        match page["nextCursor"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => return Ok(items),
        }
    }
}

/// The ledger adds up to nothing, and what was captured and refunded is what the file says.
async fn ledger(expected: &Books, staff: &Api) -> Result<Vec<String>, Failure> {
    let answer = staff.get("/v1/admin/ledger/balances").await?;
    let balances = answer["data"].as_array().cloned().unwrap_or_default();
    let of = |wanted: &str| -> i64 { balances.iter().filter(|b| is(b, wanted)).map(amount).sum() };
    let sum: i64 = balances.iter().map(amount).sum();
    let revenue: i64 = expected.values().map(|figures| figures.revenue - figures.refunded).sum();
    let mut differences = Vec::new();
    if sum != 0 {
        differences.push(format!("the ledger adds up to {sum}, not to nothing"));
    }
    if of("sales").abs() != revenue {
        differences.push(format!("the ledger has taken {}, the file {revenue}", of("sales")));
    }
    Ok(differences)
}

fn is(balance: &Value, account: &str) -> bool {
    balance["account"].as_str().is_some_and(|name| name.contains(account))
}

fn amount(balance: &Value) -> i64 {
    balance["balance"]["amount"].as_i64().unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} lines read. Left out, by rule:", self.lines)?;
        for (reason, count) in &self.left_out {
            writeln!(f, "  {count:>7}  {reason}")?;
        }
        writeln!(f, "\n  month    country                orders    units      revenue     refunded")?;
        let mut all = Figures::default();
        for ((month, country), figures) in &self.actual {
            row(f, month, country, *figures)?;
            all.orders += figures.orders;
            all.units += figures.units;
            all.revenue += figures.revenue;
            all.refunded += figures.refunded;
        }
        row(f, "all", "", all)?;
        writeln!(
            f,
            "\n{:.0} orders per second; a purchase took {:.1} ms at p50 and {:.1} ms at p99, its last request \
             {:.1} ms and {:.1} ms.",
            self.orders_per_second,
            self.purchase.0 as f64 / 1000.0,
            self.purchase.1 as f64 / 1000.0,
            self.completion.0 as f64 / 1000.0,
            self.completion.1 as f64 / 1000.0,
        )?;
        if self.differences.is_empty() {
            return write!(f, "The books agree with the file: orders, units, revenue, stock and ledger.");
        }
        writeln!(f, "{} differences:", self.differences.len())?;
        for difference in self.differences.iter().take(50) {
            writeln!(f, "  {difference}")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, month: &str, country: &str, figures: Figures) -> fmt::Result {
    let pounds = |pence: i64| format!("{}.{:02}", pence / 100, pence % 100);
    writeln!(
        f,
        "  {month:8} {country:22} {:>6} {:>8} {:>12} {:>12}",
        figures.orders,
        figures.units,
        pounds(figures.revenue),
        pounds(figures.refunded)
    )
}
