//! The module's contract: what composed answers ask of it.

use kernel::{Call, CallFailure};
use order_api::{FindOrders, OrderSummaries, OrderSummary, Orders, OrdersError};

use crate::Module;
use crate::order::store;

/// Ids in one question at the most.
const BATCH: u32 = 100;

#[kernel::macros::async_trait]
impl Orders for Module {
    async fn orders(&self, _: &Call, request: FindOrders) -> Result<OrderSummaries, OrdersError> {
        if request.ids.len() > BATCH as usize {
            return Err(OrdersError::TooMany { limit: BATCH });
        }
        let orders = store::find_all(&self.db, &request.ids).await.map_err(|error| {
            tracing::error!(error = %error, "orders cannot be read");
            CallFailure::internal()
        })?;
        let summary = |order: crate::order::Order| OrderSummary {
            id: order.id,
            number: order.number,
            status: order.status.as_str().to_owned(),
            total: order.totals.total,
        };
        Ok(OrderSummaries { orders: orders.into_iter().map(summary).collect() })
    }
}
