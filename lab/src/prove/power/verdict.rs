//! What a module's files hold after a cut: whether SQLite finds them whole, and which orders are in them.

use std::collections::HashSet;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

use super::trace::Order;
use crate::Failure;

/// What was found in a module's files.
pub(super) struct Verdict {
    /// What is broken in them.
    pub(super) broken: Vec<String>,
    /// How many orders, in the order in which they were acknowledged, are all there.
    pub(super) holds: usize,
}

/// What each module has to show for an order: its name there, or how many there are.
enum Shown {
    /// The column of this query names them.
    Named(&'static str, fn(&Order) -> &str),
    /// There are as many as the smallest of these numbers.
    Counted(&'static str),
    /// Nothing.
    Nothing,
}

/// Orders are placed, paid and the sum of their lines; payments have the whole amount, and their transfers say the same;
/// of the stock as much is promised or gone.
fn shown(module: &str) -> Shown {
    match module {
        "order" => Shown::Named(
            "SELECT number FROM orders
            WHERE status IN ('placed', 'completed') AND payment_status = 'paid'
                AND subtotal_minor =
                    (SELECT SUM(total_minor) FROM order_items WHERE order_id = orders.id)",
            |order| &order.number,
        ),
        "payment" => Shown::Named(
            "SELECT order_id FROM intents
            WHERE status = 'succeeded' AND captured = amount_minor
                AND captured =
                    (SELECT SUM(amount_minor) FROM transfers WHERE intent_id = intents.id AND kind = 'capture')",
            |order| &order.id,
        ),
        "product" => Shown::Counted(
            "SELECT MIN(
                (SELECT COUNT(*) FROM reservations WHERE status IN ('held', 'consumed')),
                (SELECT SUM(delta) FROM stock_movements WHERE kind = 'received')
                    - (SELECT SUM(on_hand - reserved) FROM stock_levels)
            )",
        ),
        _ => Shown::Nothing,
    }
}

impl Verdict {
    /// Opens the database of a module in this folder, as the shop would, and looks.
    pub(super) async fn on(folder: &Path, module: &str, told: &[Order]) -> Result<Self, Failure> {
        let file = folder.join(format!("{module}.db"));
        if !file.exists() {
            return Ok(Self { broken: Vec::new(), holds: 0 });
        }
        let options = SqliteConnectOptions::new().filename(&file);
        let mut broken = Vec::new();
        let mut holds = 0;
        match SqliteConnection::connect_with(&options).await {
            Ok(mut database) => {
                match Self::look(&mut database, module, told, &mut broken).await {
                    Ok(found) => holds = found,
                    Err(error) => broken.push(format!("{module}: {error}")),
                }
                // Files are put in their place next, so this has to have let go of them.
                let _ = database.close().await;
            }
            Err(error) => broken.push(format!("{module}: {error}")),
        }
        Ok(Self { broken, holds })
    }

    async fn look(
        database: &mut SqliteConnection,
        module: &str,
        told: &[Order],
        broken: &mut Vec<String>,
    ) -> Result<usize, sqlx::Error> {
        let whole: Vec<(String,)> =
            sqlx::query_as("PRAGMA integrity_check").fetch_all(&mut *database).await?;
        broken.extend(
            whole.into_iter().filter(|(said,)| said != "ok").map(|(said,)| format!("{module}: {said}")),
        );
        let strays = sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *database).await?;
        if !strays.is_empty() {
            broken.push(format!("{module}: {} rows refer to rows that are not there", strays.len()));
        }
        let is_begun: (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('orders', 'transfers', 'stock_levels')",
        )
        .fetch_one(&mut *database)
        .await?;
        match shown(module) {
            Shown::Nothing => Ok(usize::MAX),
            _ if is_begun.0 == 0 => Ok(0),
            Shown::Named(sql, name) => {
                let there: Vec<(String,)> = sqlx::query_as(AssertSqlSafe(sql)).fetch_all(database).await?;
                let there: HashSet<String> = there.into_iter().map(|(name,)| name).collect();
                Ok(told.iter().take_while(|order| there.contains(name(order))).count())
            }
            Shown::Counted(sql) => {
                let (number,): (Option<i64>,) =
                    sqlx::query_as(AssertSqlSafe(sql)).fetch_one(database).await?;
                Ok(number.unwrap_or_default().max(0) as usize)
            }
        }
    }
}
