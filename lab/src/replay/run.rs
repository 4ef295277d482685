//! Does what the plan says, through the API alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Options;
use super::plan::{Plan, Sale, VariantKey};
use crate::Failure;
use crate::api::Api;

const PASSWORD: &str = "seventeen eighty-five";

/// What was done, as the shop answered it.
pub struct Journal {
    /// Variant ids in the shop.
    pub variants: HashMap<VariantKey, String>,
    /// The order of each sale.
    pub orders: Vec<Order>,
    /// How long the buying took.
    pub buying: Duration,
    /// How long each purchase took, in microseconds, from an empty cart to the placed order.
    pub purchases: Histogram<u64>,
    /// How long the completing request of each purchase took, in microseconds.
    pub completions: Histogram<u64>,
}

/// An order in the shop.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// Its lines, by variant id.
    pub items: HashMap<String, String>,
}

/// Fills the catalogue, signs customers up, buys, and cancels.
pub(super) async fn run(plan: &Plan, api: &Api, staff: &Api, options: &Options) -> Result<Journal, Failure> {
    let variants = fill(plan, staff, options).await?;
    let customers = sign_up(plan, api, options).await?;

    let purchases = Mutex::new(crate::histogram());
    let completions = Mutex::new(crate::histogram());
    let bar = bar(options, plan.sales.len(), "invoices bought");
    let began = Instant::now();
    let orders: Vec<Order> = stream::iter(&plan.sales)
        .map(|sale| {
            let buyer = customers.get(&sale.customer).unwrap_or(api);
            let (variants, bar, purchases, completions) = (&variants, &bar, &purchases, &completions);
            async move {
                let began = Instant::now();
                let (order, completion) = buy(sale, buyer, variants).await?;
                record(purchases, began.elapsed());
                record(completions, completion);
                bar.inc(1);
                Ok::<_, Failure>(order)
            }
        })
        .buffered(options.concurrency)
        .try_collect()
        .await?;
    let buying = began.elapsed();
    bar.finish_and_clear();

    cancel(plan, &orders, &variants, staff, options).await?;
    let inner = |histogram: Mutex<Histogram<u64>>| histogram.into_inner().map_err(|_| "a buyer panicked");
    Ok(Journal { variants, orders, buying, purchases: inner(purchases)?, completions: inner(completions)? })
}

/// One product for each stock code, one variant for each of its prices, with the stock that will be sold.
async fn fill(plan: &Plan, staff: &Api, options: &Options) -> Result<HashMap<VariantKey, String>, Failure> {
    let mut products: BTreeMap<&str, Vec<(i64, i64)>> = BTreeMap::new();
    for ((code, price), units) in &plan.units {
        products.entry(code).or_default().push((*price, *units));
    }
    let bar = bar(options, products.len(), "products put on sale");
    let created: Vec<Vec<(VariantKey, String)>> = stream::iter(products)
        .map(|(code, prices)| {
            let bar = &bar;
            async move {
                let points: Vec<String> = prices.iter().map(|(price, _)| price.to_string()).collect();
                let variants: Vec<Value> = prices
                    .iter()
                    .map(|(price, units)| {
                        json!({
                            "sku": format!("{code}@{price}"), "options": { "Price point": price.to_string() },
                            "prices": [{ "amount": price, "currency": "GBP" }], "stock": units,
                        })
                    })
                    .collect();
                let body = json!({
                    "title": plan.titles[code], "slug": format!("item-{}", slug(code)), "status": "active",
                    "options": [{ "name": "Price point", "values": points }], "variants": variants,
                });
                let reply = staff.post("/v1/admin/products", &body, &[]).await?;
                let product = reply.expect(StatusCode::CREATED)?;
                bar.inc(1);
                let ids = product["variants"].as_array().ok_or("a product without variants")?.iter();
                let named = ids.map(|variant| {
                    let sku = variant["sku"].as_str().unwrap_or_default();
                    let price =
                        sku.rsplit('@').next().and_then(|price| price.parse().ok()).unwrap_or_default();
                    ((code.to_owned(), price), variant["id"].as_str().unwrap_or_default().to_owned())
                });
                Ok::<_, Failure>(named.collect())
            }
        })
        .buffered(options.concurrency)
        .try_collect()
        .await?;
    bar.finish_and_clear();
    Ok(created.into_iter().flatten().collect())
}

/// Signs every customer of the file up and in.
async fn sign_up(plan: &Plan, api: &Api, options: &Options) -> Result<HashMap<String, Api>, Failure> {
    let mut numbers: Vec<&String> =
        plan.sales.iter().map(|sale| &sale.customer).filter(|customer| !customer.is_empty()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let bar = bar(options, numbers.len(), "customers signed up");
    let signed_in = stream::iter(numbers)
        .map(|number| {
            let bar = &bar;
            async move {
                let email = format!("customer-{number}@retail.example");
                let body =
                    json!({ "email": email, "password": PASSWORD, "name": format!("Customer {number}") });
                api.post("/v1/auth/register", &body, &[]).await?.expect(StatusCode::CREATED)?;
                let token = api.sign_in(&email, PASSWORD).await?;
                bar.inc(1);
                Ok::<_, Failure>((number.clone(), api.with_token(&token)))
            }
        })
        .buffered(options.concurrency.min(8))
        .try_collect()
        .await?;
    bar.finish_and_clear();
    Ok(signed_in)
}

/// One invoice: a cart, an address, and the payment. Returns the order and how long completing the cart took.
async fn buy(
    sale: &Sale,
    buyer: &Api,
    variants: &HashMap<VariantKey, String>,
) -> Result<(Order, Duration), Failure> {
    let items: Vec<Value> = sale
        .items
        .iter()
        .map(|(variant, quantity)| json!({ "variantId": variants[variant], "quantity": quantity }))
        .collect();
    let body = json!({ "currency": "GBP", "items": items });
    let cart = buyer.post("/v1/carts", &body, &[]).await?.expect(StatusCode::CREATED)?;
    let (id, token) = (text(&cart, "id"), text(&cart, "token"));
    let guest = [("x-cart-token", token.as_str())];

    let address = json!({
        "name": format!("Customer {}", sale.customer), "line1": format!("Invoice {}", sale.invoice),
        "city": sale.country, "country": country_code(&sale.country),
    });
    let email = format!("customer-{}@retail.example", sale.customer);
    let details = json!({ "email": email, "shippingAddress": address });
    let cart = buyer.patch(&format!("/v1/carts/{id}"), &details, &guest).await?.expect(StatusCode::OK)?;

    let payment = json!({
        "payment": { "provider": "test", "token": "approve" }, "expectedTotal": cart["totals"]["total"],
    });
    let key = [("x-cart-token", token.as_str()), ("idempotency-key", sale.invoice.as_str())];
    let began = Instant::now();
    let reply = buyer.post(&format!("/v1/carts/{id}/complete"), &payment, &key).await?;
    let completion = began.elapsed();
    let order =
        reply.expect(StatusCode::CREATED).map_err(|error| format!("invoice {}: {error}", sale.invoice))?;
    let items = order["items"].as_array().into_iter().flatten();
    let items = items.map(|item| (text(item, "variantId"), text(item, "id"))).collect();
    Ok((Order { id: text(&order, "id"), items }, completion))
}

/// Takes back what was taken back, one request for each order.
async fn cancel(
    plan: &Plan,
    orders: &[Order],
    variants: &HashMap<VariantKey, String>,
    staff: &Api,
    options: &Options,
) -> Result<(), Failure> {
    let mut by_order: BTreeMap<usize, BTreeMap<&str, i64>> = BTreeMap::new();
    for taken in &plan.cancellations {
        *by_order.entry(taken.sale).or_default().entry(&variants[&taken.variant]).or_default() +=
            taken.quantity;
    }
    let bar = bar(options, by_order.len(), "orders canceled, whole or in part");
    stream::iter(by_order)
        .map(|(sale, taken)| {
            let bar = &bar;
            async move {
                let order = &orders[sale];
                let items: Vec<Value> = taken
                    .iter()
                    .map(|(variant, quantity)| json!({ "orderItemId": order.items[*variant], "quantity": quantity }))
                    .collect();
                let body = json!({ "items": items, "reason": "as in the retailer's file" });
                let key = format!("cancel-{}", plan.sales[sale].invoice);
                let path = format!("/v1/admin/orders/{}/cancel", order.id);
                staff.post(&path, &body, &[("idempotency-key", &key)]).await?.expect(StatusCode::OK)?;
                bar.inc(1);
                Ok::<_, Failure>(())
            }
        })
        .buffered(options.concurrency)
        .try_collect::<Vec<()>>()
        .await?;
    bar.finish_and_clear();
    Ok(())
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn slug(code: &str) -> String {
    code.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "-")
}

fn record(histogram: &Mutex<Histogram<u64>>, took: Duration) {
    if let Ok(mut histogram) = histogram.lock() {
        histogram.saturating_record(took.as_micros() as u64);
    }
}

fn bar(options: &Options, length: usize, what: &'static str) -> ProgressBar {
    if !options.progress {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {per_sec}, {eta} left");
    ProgressBar::new(length as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}

/// ISO 3166-1 codes of the countries in the file.
fn country_code(country: &str) -> &'static str {
    match country {
        "Australia" => "AU",
        "Austria" => "AT",
        "Bahrain" => "BH",
        "Belgium" => "BE",
        "Channel Islands" => "JE",
        "Cyprus" => "CY",
        "Czech Republic" => "CZ",
        "Denmark" => "DK",
        "EIRE" => "IE",
        "Finland" => "FI",
        "France" => "FR",
        "Germany" => "DE",
        "Greece" => "GR",
        "Hong Kong" => "HK",
        "Iceland" => "IS",
        "Israel" => "IL",
        "Italy" => "IT",
        "Japan" => "JP",
        "Lebanon" => "LB",
        "Lithuania" => "LT",
        "Netherlands" => "NL",
        "Norway" => "NO",
        "Poland" => "PL",
        "Portugal" => "PT",
        "Saudi Arabia" => "SA",
        "Singapore" => "SG",
        "Spain" => "ES",
        "Sweden" => "SE",
        "Switzerland" => "CH",
        "United Arab Emirates" => "AE",
        "United Kingdom" => "GB",
        // "Unspecified", "European Community" and the like: the user-assigned code for unknown.
        _ => "ZZ",
    }
}
