//! What the order module says, as far as it moves stock: an order that is placed takes its goods off the shelf, one
//! that is canceled may bring them back.

use std::collections::BTreeMap;

use kernel::event::EventData as _;
use kernel::{Event, Moment};
use order_api::{OrderCanceled, OrderId, OrderItemsCanceled, OrderPlaced, RestockedItem};
use platform::Tx;
use platform::events::{Hears, Listener, ListenerError};
use product_api::{ReservedItem, VariantId};

use crate::catalogue::kept::Kept;
use crate::reservation::expiry::Heard;
use crate::reservation::service::{Reservations, Sale};
use crate::stock::{self, LevelChange, Line, Movement, MovementKind, put_back};

/// What this module hears.
pub(crate) const HEARS: Hears = Hears {
    name: "stock",
    source: "order",
    types: &[OrderPlaced::TYPE, OrderCanceled::TYPE, OrderItemsCanceled::TYPE],
};

/// Hears of orders.
pub(crate) struct Orders {
    reservations: Reservations,
    kept: Kept,
    heard: Heard,
}

impl Orders {
    /// A listener that says in `heard` how far it has come.
    pub(crate) fn new(reservations: Reservations, kept: Kept, heard: Heard) -> Self {
        Self { reservations, kept, heard }
    }
}

#[kernel::macros::async_trait]
impl Listener for Orders {
    fn hears(&self) -> Hears {
        HEARS
    }

    async fn apply(&self, tx: &mut Tx, event: &Event) -> Result<(), ListenerError> {
        if let Some(placed) = event.read::<OrderPlaced>()? {
            return self.sell(tx, vec![placed]).await;
        }
        if let Some(canceled) = event.read::<OrderCanceled>()? {
            return self.restock(tx, event, canceled.order_id, &canceled.restock).await;
        }
        if let Some(canceled) = event.read::<OrderItemsCanceled>()? {
            return self.restock(tx, event, canceled.order_id, &canceled.restock).await;
        }
        Ok(())
    }

    async fn apply_all(&self, tx: &mut Tx, events: &[&Event]) -> Result<(), ListenerError> {
        // A busy shop places many orders between two looks. They are sold together.
        let mut placed = Vec::new();
        for event in events {
            if let Some(order) = event.read::<OrderPlaced>()? {
                placed.push(order);
            } else {
                self.sell(tx, std::mem::take(&mut placed)).await?;
                self.apply(tx, event).await?;
            }
        }
        self.sell(tx, placed).await
    }

    fn caught_up(&self, at: Moment) {
        self.heard.up_to(at);
    }
}

impl Orders {
    async fn sell(&self, tx: &mut Tx, placed: Vec<OrderPlaced>) -> Result<(), ListenerError> {
        let sales: Vec<Sale> = placed
            .into_iter()
            .map(|order| Sale { key: order.reservation_key, cause: order.order_id.to_string() })
            .collect();
        let Some(short) = self.reservations.consume(tx, &sales).await? else { return Ok(()) };
        // Set aside for an operator, with later events of the order: once there is stock again, it is replayed.
        let cause = &short.cause;
        Err(ListenerError::Refused(format!("{cause} was placed after its stock had been sold to others")))
    }

    /// Puts goods back where they were taken from. An order that took none brings none back.
    async fn restock(
        &self,
        tx: &mut Tx,
        event: &Event,
        order: OrderId,
        restock: &[RestockedItem],
    ) -> Result<(), ListenerError> {
        let returned = returned(restock)?;
        if returned.is_empty() {
            return Ok(());
        }
        let cause = order.to_string();
        let variants: Vec<VariantId> = returned.iter().map(|item| item.variant_id).collect();
        let sold = stock::store::sold(tx, &cause, &variants).await?;
        let clock = tx.db().clock().clone();
        let movement = |line: Line| Movement {
            id: clock.id(),
            effect_id: event.id,
            variant_id: line.variant_id,
            location_id: line.location_id,
            kind: MovementKind::Restocked,
            delta: line.quantity,
            cause: cause.clone(),
            reason: None,
            created_at: clock.now(),
        };
        let movements: Vec<Movement> = put_back(&returned, &sold).into_iter().map(movement).collect();
        // What this event has brought back before does not come back again.
        let fresh = stock::store::insert_movements(tx, &movements).await?;
        let changes: Vec<LevelChange> = stock::gather(&fresh, 1, 0);
        match stock::change::apply(tx, &self.kept, &changes).await? {
            Some(_) => Ok(()),
            None => Err(ListenerError::Refused("a level that sold goods is gone".to_owned())),
        }
    }
}

/// What comes back, each variant once.
fn returned(restock: &[RestockedItem]) -> Result<Vec<ReservedItem>, ListenerError> {
    let mut returned: BTreeMap<VariantId, i64> = BTreeMap::new();
    for item in restock {
        let variant = item.variant_id.parse().map_err(|_| {
            ListenerError::Refused(format!("`{}` is not the id of a variant", item.variant_id))
        })?;
        *returned.entry(variant).or_default() += item.quantity.max(0);
    }
    returned.retain(|_, quantity| *quantity > 0);
    Ok(returned.into_iter().map(|(variant_id, quantity)| ReservedItem { variant_id, quantity }).collect())
}
