//! The books of a shop on PostgreSQL, read past the shop itself: what must agree whatever has happened to its processes.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::Failure;
use crate::server::{MODULES, split};

/// The databases of a shop.
pub struct Books([PgPool; 4]);

impl Books {
    /// The books of the shop at this url, which must be allowed to read the databases of all modules.
    ///
    /// # Errors
    /// It is no url of a PostgreSQL server.
    pub fn of(url: &str) -> Result<Self, Failure> {
        let (server, name) = split(url)?;
        let of = |module| {
            PgPoolOptions::new().max_connections(1).connect_lazy(&format!("{server}/{name}_{module}"))
        };
        let [user, product, order, payment] = MODULES.map(of);
        Ok(Self([user?, product?, order?, payment?]))
    }

    /// What does not agree, a sentence each, after waiting so long for what is under way to come to its end.
    /// `acknowledged` are the numbers of the orders that customers were told of.
    ///
    /// # Errors
    /// The books cannot be read.
    pub async fn differences(
        &self,
        acknowledged: &HashSet<String>,
        patience: Duration,
    ) -> Result<Vec<String>, Failure> {
        let give_up = Instant::now() + patience;
        loop {
            let mut found = self.orders(acknowledged).await?;
            found.extend(self.money().await?);
            found.extend(self.goods().await?);
            for (module, pool) in MODULES.iter().zip(&self.0) {
                found.extend(events(module, pool).await?);
            }
            if found.is_empty() || Instant::now() >= give_up {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How many orders are placed.
    ///
    /// # Errors
    /// The books cannot be read.
    pub async fn placed(&self) -> Result<i64, Failure> {
        number(self.order(), "SELECT COUNT(*) FROM orders WHERE status = 'placed'").await
    }

    fn product(&self) -> &PgPool {
        &self.0[1]
    }

    fn order(&self) -> &PgPool {
        &self.0[2]
    }

    fn payment(&self) -> &PgPool {
        &self.0[3]
    }

    /// Every order that was acknowledged is placed, and no other.
    async fn orders(&self, acknowledged: &HashSet<String>) -> Result<Vec<String>, Failure> {
        let placed: Vec<(String,)> = sqlx::query_as("SELECT number FROM orders WHERE status = 'placed'")
            .fetch_all(self.order())
            .await?;
        let placed: HashSet<String> = placed.into_iter().map(|(number,)| number).collect();
        let (lost, unknown) =
            (acknowledged.difference(&placed).count(), placed.difference(acknowledged).count());
        let open = "SELECT COUNT(*) FROM orders WHERE status NOT IN ('placed', 'canceled')";
        let unpaid = "SELECT COUNT(*) FROM orders WHERE status = 'placed' AND payment_status <> 'paid'";
        let waiting = "SELECT COUNT(*) FROM checkouts WHERE wake_at IS NOT NULL";
        Ok(found([
            (lost as i64, "orders were acknowledged and are not placed"),
            (unknown as i64, "orders are placed and nobody was told"),
            (number(self.order(), open).await?, "orders are neither placed nor canceled"),
            (number(self.order(), unpaid).await?, "orders are placed and not paid"),
            (number(self.order(), waiting).await?, "checkouts have not come to their end"),
        ]))
    }

    /// Every placed order was charged once, and the ledger says what the orders say.
    async fn money(&self) -> Result<Vec<String>, Failure> {
        let placed = self.placed().await?;
        let captured = "SELECT CAST(COALESCE(SUM(captured_minor), 0) AS BIGINT) FROM orders";
        let captured = number(self.order(), captured).await?;
        let charges = "SELECT COUNT(*) FROM attempts WHERE status = 'captured'";
        let paid = "SELECT COUNT(DISTINCT order_id) FROM intents WHERE status = 'succeeded'";
        let sales =
            "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM transfers WHERE credit = 'sales'";
        Ok(found([
            (number(self.payment(), charges).await? - placed, "more charges than placed orders"),
            (number(self.payment(), paid).await? - placed, "more orders charged than placed"),
            (number(self.payment(), sales).await? - captured, "cents more in the ledger than on the orders"),
        ]))
    }

    /// What was ordered has left the shelf once, and nothing else is promised.
    async fn goods(&self) -> Result<Vec<String>, Failure> {
        let ordered = "SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT)
            FROM order_items JOIN orders ON orders.id = order_items.order_id WHERE orders.status = 'placed'";
        let ordered = number(self.order(), ordered).await?;
        let sold = "SELECT CAST(COALESCE(-SUM(delta), 0) AS BIGINT) FROM stock_movements WHERE kind = 'sold'";
        let reserved = "SELECT CAST(COALESCE(SUM(reserved), 0) AS BIGINT) FROM stock_levels";
        let unexplained = "SELECT CAST((SELECT COALESCE(SUM(on_hand), 0) FROM stock_levels)
            - (SELECT COALESCE(SUM(delta), 0) FROM stock_movements) AS BIGINT)";
        Ok(found([
            (number(self.product(), sold).await? - ordered, "more units sold than ordered"),
            (number(self.product(), reserved).await?, "units are still promised"),
            (number(self.product(), unexplained).await?, "more units on the shelf than the movements say"),
        ]))
    }
}

/// A log has no gaps, tells nothing twice and keeps the order of each subject; nothing of it was set aside.
async fn events(module: &str, pool: &PgPool) -> Result<Vec<String>, Failure> {
    let waiting = "SELECT COUNT(*) FROM events WHERE position IS NULL";
    let gaps = "SELECT COALESCE(MAX(position), 0) - COUNT(position) FROM events";
    let twice = "SELECT COUNT(*) FROM (
            SELECT 1 FROM events
            WHERE type IN ('order.created', 'order.placed', 'order.canceled', 'payment.captured')
            GROUP BY type, subject HAVING COUNT(*) > 1
        ) AS told";
    let back = "SELECT COUNT(*) FROM (
            SELECT position < LAG(position) OVER (PARTITION BY subject ORDER BY inserted) AS back FROM events
        ) AS told WHERE back";
    let parked = "SELECT COUNT(*) FROM parked_events";
    let found = found([
        (number(pool, waiting).await?, "events wait for their position"),
        (number(pool, gaps).await?, "positions are missing in the log"),
        (number(pool, twice).await?, "events are told twice"),
        (number(pool, back).await?, "events come before an earlier one of their subject"),
        (number(pool, parked).await?, "events are set aside"),
    ]);
    Ok(found.into_iter().map(|what| format!("{module}: {what}")).collect())
}

async fn number(pool: &PgPool, sql: &str) -> Result<i64, Failure> {
    let (number,): (i64,) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(pool).await?;
    Ok(number)
}

/// Each number that is not zero, with what it means.
fn found<const N: usize>(numbers: [(i64, &str); N]) -> Vec<String> {
    let wrong = numbers.into_iter().filter(|(number, _)| *number != 0);
    wrong.map(|(number, what)| format!("{number} {what}")).collect()
}
