//! What must be true when everything has come to rest, whatever went wrong on the way.

use std::collections::BTreeMap;

use platform::Db;
use uuid::Uuid;

use super::customers::Told;
use super::plan::Plan;
use super::shop::{PRICE, Shop};
use crate::Failure;

/// Whether nothing is under way any more, and if something is, what.
pub(super) async fn under_way(shop: &Shop) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for (db, what, sql) in [
        (&shop.order, "checkouts", "SELECT COUNT(*) FROM checkouts WHERE wake_at IS NOT NULL"),
        (&shop.payment, "attempts", "SELECT COUNT(*) FROM attempts WHERE ask_at IS NOT NULL"),
        (&shop.payment, "movements of money", "SELECT COUNT(*) FROM movements WHERE ask_at IS NOT NULL"),
        (&shop.payment, "jobs", "SELECT COUNT(*) FROM jobs WHERE failed_at IS NULL"),
        (&shop.product, "reservations", "SELECT COUNT(*) FROM reservations WHERE status = 'held'"),
    ] {
        let count = number(db, sql).await?;
        if count != 0 {
            found.push(format!("{count} {what} are still under way"));
        }
    }
    for (reader, source) in
        [(&shop.order, &shop.payment), (&shop.product, &shop.order), (&shop.payment, &shop.order)]
    {
        let last = number(source, "SELECT COALESCE(MAX(position), 0) FROM events").await?;
        let parked =
            number(reader, "SELECT COUNT(*) FROM parked_events WHERE next_attempt IS NOT NULL").await?;
        // A cursor need not be stored while nothing is wanted; what was applied is compared elsewhere.
        let unread = last > 0 && number(reader, "SELECT COUNT(*) FROM cursors").await? == 0;
        if unread || parked > 0 {
            found.push(format!("{} has not heard all that {} says", reader.module(), source.module()));
        }
    }
    let wanted = shop.wanted().await?;
    found.extend(shop.applied.faults(&wanted).into_iter().filter(|fault| fault.contains("never")));
    Ok(found)
}

/// What is wrong.
pub(super) async fn faults(shop: &Shop, plan: &Plan, told: &[Told]) -> Result<Vec<String>, Failure> {
    let mut found = shop.applied.faults(&shop.wanted().await?);
    found.extend(logs(shop).await?);
    found.extend(goods(shop, plan).await?);
    found.extend(money(shop).await?);
    found.extend(orders(shop, told).await?);
    Ok(found)
}

async fn number(db: &Db, sql: &'static str) -> Result<i64, Failure> {
    let (number,): (i64,) = db.query(sql).one().await?;
    Ok(number)
}

/// Each of these that is not what it should be.
async fn each(db: &Db, all: &[(&str, i64, &'static str)]) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for (what, expected, sql) in all {
        let is = number(db, sql).await?;
        if is != *expected {
            found.push(format!("{what}: {is} and not {expected}"));
        }
    }
    Ok(found)
}

/// Logs have no gaps and tell what happens once only once; nothing was given up.
async fn logs(shop: &Shop) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for db in [&shop.order, &shop.product, &shop.payment] {
        let all = [
            ("positions missing", 0, "SELECT COALESCE(MAX(position), 0) - COUNT(*) FROM events"),
            ("events set aside", 0, "SELECT COUNT(*) FROM parked_events"),
            ("jobs given up", 0, "SELECT COUNT(*) FROM jobs WHERE failed_at IS NOT NULL"),
            (
                "events told twice",
                0,
                "SELECT COUNT(*) FROM (
                     SELECT 1 FROM events
                     WHERE type IN ('order.created', 'order.placed', 'order.canceled', 'payment.captured',
                         'payment.authorized', 'payment.voided', 'refund.succeeded')
                     GROUP BY type, subject, CASE WHEN type LIKE 'order.%' THEN '' ELSE data END
                     HAVING COUNT(*) > 1
                 )",
            ),
        ];
        found.extend(each(db, &all).await?.into_iter().map(|fault| format!("{}: {fault}", db.module())));
    }
    Ok(found)
}

/// What was ordered has left the shelf once, and nothing is promised to anybody.
async fn goods(shop: &Shop, plan: &Plan) -> Result<Vec<String>, Failure> {
    let ordered = "SELECT COALESCE(SUM(quantity - canceled), 0)
        FROM order_items JOIN orders ON orders.id = order_items.order_id
        WHERE orders.status = 'placed'";
    let ordered = number(&shop.order, ordered).await?;
    let moved = number(&shop.product, "SELECT COALESCE(SUM(delta), 0) FROM stock_movements").await?;
    let mut found = each(
        &shop.product,
        &[
            ("pieces on the shelf", plan.stock - ordered, "SELECT on_hand FROM stock_levels"),
            ("pieces promised", 0, "SELECT reserved FROM stock_levels"),
        ],
    )
    .await?;
    if moved != -ordered {
        found.push(format!("pieces moved: {moved}, and {ordered} are ordered"));
    }
    Ok(found)
}

/// An intent as the shop keeps it.
type Kept = (Uuid, i64, i64, i64, String);

/// The shop's books say what the bank's say, the ledger says what the intents say, and the orders say so as well.
async fn money(shop: &Shop) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let kept: Vec<Kept> = shop
        .payment
        .query(
            "SELECT attempts.id, authorized, captured, refunded, order_id
             FROM attempts JOIN intents ON intents.id = attempts.intent_id",
        )
        .all()
        .await?;
    let kept: BTreeMap<Uuid, Kept> = kept.into_iter().map(|row| (row.0, row)).collect();
    let books = shop.books.open().charges.clone();
    let mut made: BTreeMap<String, u32> = BTreeMap::new();
    for (charge, charged) in &books {
        let bank = (charged.promised(), charged.taken(), charged.refunded);
        match kept.get(charge) {
            None => found.push(format!("the shop does not know of the charge {charge}")),
            Some((_, authorized, captured, refunded, order)) => {
                if (*authorized, *captured, *refunded) != bank {
                    found.push(format!("of a charge for {order} the bank says {bank:?} and the shop {authorized}, {captured}, {refunded}"));
                }
                *made.entry(order.clone()).or_default() += u32::from(charged.is_made());
            }
        }
    }
    let twice = made.iter().filter(|(_, times)| **times > 1);
    found.extend(twice.map(|(order, times)| format!("{order} was charged {times} times")));
    let off = [
        (
            "cents in the ledger that the intents do not know",
            0,
            "SELECT (SELECT COALESCE(SUM(amount_minor), 0) FROM transfers WHERE credit = 'sales')
                 - (SELECT COALESCE(SUM(amount_minor), 0) FROM transfers WHERE debit = 'sales')
                 - (SELECT COALESCE(SUM(captured - refunded), 0) FROM intents)",
        ),
        (
            "cents on their way",
            0,
            "SELECT COALESCE(SUM(pending_capture + pending_void + pending_refund), 0) FROM intents",
        ),
    ];
    found.extend(each(&shop.payment, &off).await?);
    Ok(found)
}

/// An order with its money, as the order module keeps it.
type Row = (Uuid, String, i64, i64, i64, i64);

/// Who was told of an order has it, who has one has paid for it once, and nobody else has paid.
async fn orders(shop: &Shop, told: &[Told]) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let rows: Vec<Row> = shop
        .order
        .query("SELECT id, status, total_minor, authorized_minor, captured_minor, refunded_minor FROM orders")
        .all()
        .await?;
    for (id, status, total, authorized, captured, refunded) in &rows {
        let order = kernel::Id::<order_api::OrderKind>::from_uuid(*id).to_string();
        let held = authorized + captured - refunded;
        let expected = if status == "placed" { *total } else { 0 };
        if held != expected || (status != "placed" && status != "canceled") {
            found.push(format!("{order} is {status} and {held} of {total} are held"));
        }
        let named = order.clone();
        let of = "SELECT COALESCE(SUM(authorized), 0), COALESCE(SUM(captured), 0), COALESCE(SUM(refunded), 0)
             FROM intents WHERE order_id = $1";
        let paid: (i64, i64, i64) = shop.payment.query(of).bind(named).one().await?;
        if paid != (*authorized, *captured, *refunded) {
            found.push(format!("{order} says {authorized}, {captured}, {refunded} and its payment {paid:?}"));
        }
        if *total % PRICE != 0 {
            found.push(format!("{order} costs {total}"));
        }
    }
    let mut answers: BTreeMap<&str, &Told> = BTreeMap::new();
    let mut placed: BTreeMap<usize, String> = BTreeMap::new();
    for told in told {
        let first = answers.entry(&told.key).or_insert(told);
        if (first.status, &first.body) != (told.status, &told.body) {
            let text = |told: &Told| format!("{} {}", told.status, String::from_utf8_lossy(&told.body));
            found.push(format!("{} was answered {} and then {}", told.key, text(first), text(told)));
        }
        if let Some(order) = told.order().filter(|_| told.key.starts_with("wish")) {
            let one = placed.entry(told.wish).or_insert_with(|| order.clone());
            if *one != order {
                found.push(format!("one wish became two orders, {one} and {order}"));
            }
            if !rows
                .iter()
                .any(|row| kernel::Id::<order_api::OrderKind>::from_uuid(row.0).to_string() == order)
            {
                found.push(format!("{order} was acknowledged and is not there"));
            }
        }
    }
    let twice = "SELECT COUNT(*) FROM (
            SELECT 1 FROM orders WHERE status <> 'canceled' GROUP BY cart_id HAVING COUNT(*) > 1
        )";
    found.extend(each(&shop.order, &[("carts with two orders", 0, twice)]).await?);
    Ok(found)
}
