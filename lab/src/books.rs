//! The books of a shop on PostgreSQL, read past the shop itself, and held against what customers were told.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::Failure;
use crate::server::{Server, split};

/// How long what is under way may go on disagreeing once every order has come to its end.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// The databases of a shop that customers' orders are in.
pub struct Books {
    product: PgPool,
    order: PgPool,
}

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
        Ok(Self { product: of("product")?, order: of("order")? })
    }

    /// What does not agree, a sentence each, after waiting so long for what is under way to come to its end.
    /// `acknowledged` are the numbers of the orders that customers were told of.
    ///
    /// # Errors
    /// The books cannot be read.
    pub async fn differences(
        &self,
        server: &Server,
        acknowledged: &HashSet<String>,
        patience: Duration,
    ) -> Result<Vec<String>, Failure> {
        let give_up = Instant::now() + patience;
        loop {
            let mut found = self.orders(acknowledged).await?;
            if found.is_empty() || Instant::now() >= give_up {
                found.extend(server.differences(AFTERWARDS).await?);
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
        number(&self.order, "SELECT COUNT(*) FROM orders WHERE status = 'placed'").await
    }

    /// Every order that was acknowledged is placed and paid, and no other; nothing is left over of the rest.
    async fn orders(&self, acknowledged: &HashSet<String>) -> Result<Vec<String>, Failure> {
        let placed: Vec<(String,)> = sqlx::query_as("SELECT number FROM orders WHERE status = 'placed'")
            .fetch_all(&self.order)
            .await?;
        let placed: HashSet<String> = placed.into_iter().map(|(number,)| number).collect();
        let (lost, unknown) =
            (acknowledged.difference(&placed).count(), placed.difference(acknowledged).count());
        let open = "SELECT COUNT(*) FROM orders WHERE status NOT IN ('placed', 'canceled')";
        let unpaid = "SELECT COUNT(*) FROM orders WHERE status = 'placed' AND payment_status <> 'paid'";
        let waiting = "SELECT COUNT(*) FROM checkouts WHERE wake_at IS NOT NULL";
        let reserved = "SELECT CAST(COALESCE(SUM(reserved), 0) AS BIGINT) FROM stock_levels";
        let numbers = [
            (lost as i64, "orders were acknowledged and are not placed"),
            (unknown as i64, "orders are placed and nobody was told"),
            (number(&self.order, open).await?, "orders are neither placed nor canceled"),
            (number(&self.order, unpaid).await?, "orders are placed and not paid"),
            (number(&self.order, waiting).await?, "checkouts have not come to their end"),
            (number(&self.product, reserved).await?, "units are still promised"),
        ];
        let wrong = numbers.into_iter().filter(|(number, _)| *number != 0);
        Ok(wrong.map(|(number, what)| format!("{number} {what}")).collect())
    }
}

async fn number(pool: &PgPool, sql: &str) -> Result<i64, Failure> {
    let (number,): (i64,) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(pool).await?;
    Ok(number)
}
