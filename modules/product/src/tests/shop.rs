//! A shop's product module, and what the order module would say to it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::event::EventData;
use kernel::{Call, Clock, Event, Moment, Money};
use platform::events::{Listener as _, ListenerError};
use platform::testing::{self, TestDb};
use product_api::{Products, ProductsError, ReleaseStock, ReserveStock, ReservedItem, VariantId};
use uuid::Uuid;

use crate::product::{NewProduct, Product, ProductStatus};
use crate::reservation::expiry::Expiry;
use crate::reservation::{ReservationStatus, store as reservations_store};
use crate::stock::Level;
use crate::variant::{NewVariant, Price};
use crate::{MIGRATIONS, Module, NAME, Settings, listen, stock};

/// A shop's product module, and what the order module would say to it.
pub(super) struct Shop {
    pub(super) db: TestDb,
    pub(super) module: Module,
    pub(super) contract: Arc<dyn Products>,
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::over(testing::db(NAME, MIGRATIONS).await)
    }

    pub(super) async fn open_at(clock: Clock) -> Self {
        Self::over(testing::db_at(NAME, MIGRATIONS, clock).await)
    }

    pub(super) fn over(db: TestDb) -> Self {
        let settings = Settings::in_currency("USD".parse().unwrap());
        let module = Module::new((*db).clone(), db.tasks(), settings);
        Self { contract: module.contract(), module, db }
    }

    /// A product on sale with one variant of which there are so many.
    pub(super) async fn sells(&self, sku: &str, stock: i64) -> VariantId {
        self.sells_all(sku, &[stock]).await.variants[0].id
    }

    /// A product on sale with variants of which there are so many each.
    pub(super) async fn sells_all(&self, title: &str, stock: &[i64]) -> Product {
        let variant = |(index, stock): (usize, &i64)| NewVariant {
            sku: Some(format!("{title}-{index}")),
            title: Some(format!("No {index}")),
            prices: vec![usd(1999)],
            stock: Some(*stock),
            ..NewVariant::default()
        };
        let new = NewProduct {
            title: title.into(),
            status: ProductStatus::Active,
            variants: Some(stock.iter().enumerate().map(variant).collect()),
            ..NewProduct::default()
        };
        self.module.products.create(self.db.clock().id(), new, "staff:test").await.unwrap()
    }

    pub(super) async fn reserve(
        &self,
        key: Uuid,
        items: &[(VariantId, i64)],
    ) -> Result<Moment, ProductsError> {
        let item = |(variant_id, quantity): &(VariantId, i64)| ReservedItem {
            variant_id: *variant_id,
            quantity: *quantity,
        };
        let request = ReserveStock { key, items: items.iter().map(item).collect(), lease_seconds: 900 };
        self.contract.reserve(&call(), request).await.map(|reservation| reservation.expires_at)
    }

    pub(super) async fn release(&self, key: Uuid) {
        self.contract.release(&call(), ReleaseStock { key }).await.unwrap();
    }

    pub(super) fn listener(&self) -> listen::Orders {
        let module = &self.module;
        listen::Orders::new(module.reservations.clone(), module.kept.clone(), module.heard.clone())
    }

    /// Hears an event as its listener would, in a transaction of its own.
    pub(super) async fn hears<E: EventData>(&self, event: &E) -> Result<Event, ListenerError> {
        let told = self.said(event);
        self.hears_again(&told).await?;
        Ok(told)
    }

    /// What the order module would say.
    pub(super) fn said<E: EventData>(&self, event: &E) -> Event {
        Event {
            specversion: "1.0".into(),
            id: self.db.clock().uuid(),
            source: "/order".into(),
            kind: E::TYPE.into(),
            subject: event.subject(),
            time: self.db.clock().now(),
            datacontenttype: "application/json".into(),
            data: serde_json::to_value(event).unwrap(),
            position: 1,
            traceparent: None,
        }
    }

    pub(super) async fn hears_again(&self, event: &Event) -> Result<(), ListenerError> {
        let mut tx = self.db.begin().await?;
        self.listener().apply(&mut tx, event).await?;
        tx.commit().await?;
        Ok(())
    }

    pub(super) async fn hears_together(&self, events: &[&Event]) -> Result<(), ListenerError> {
        let mut tx = self.db.begin().await?;
        self.listener().apply_all(&mut tx, events).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Everything the order module has said up to this moment is heard, and leases are looked after.
    pub(super) async fn expires(&self, heard: Moment) {
        self.listener().caught_up(heard);
        let module = &self.module;
        let (kept, heard) = (module.kept.clone(), module.heard.clone());
        let expiry = Expiry::new((*self.db).clone(), kept, heard, Duration::from_mins(1));
        while expiry.sweep().await.unwrap() {}
    }

    pub(super) async fn levels(&self) -> Vec<Level> {
        let page = kernel::PageRequest { after: None, limit: 10_000 };
        stock::store::list_levels(&self.db, None, &page).await.unwrap().data
    }

    /// On hand and set aside, over all locations.
    pub(super) async fn stock(&self, variant: VariantId) -> (i64, i64) {
        let levels = self.levels().await;
        let own = levels.iter().filter(|level| level.variant_id == variant);
        own.fold((0, 0), |sum, level| (sum.0 + level.on_hand, sum.1 + level.reserved))
    }

    /// The books: movements add up to what is there, and held reservations to what is set aside.
    pub(super) async fn books_balance(&self) {
        let sums: Vec<(VariantId, product_api::LocationId, i64)> = self
            .db
            .query(
                "SELECT variant_id, location_id, CAST(SUM(delta) AS BIGINT)
                 FROM stock_movements
                 GROUP BY variant_id, location_id",
            )
            .all()
            .await
            .unwrap();
        let moved: BTreeMap<_, _> = sums.into_iter().map(|(v, l, sum)| ((v, l), sum)).collect();
        let page = kernel::PageRequest { after: None, limit: 100_000 };
        let held = reservations_store::list(&self.db, &[ReservationStatus::Held], &page).await.unwrap();
        let mut set_aside = BTreeMap::new();
        for line in held.data.iter().flat_map(|held| &held.lines) {
            *set_aside.entry((line.variant_id, line.location_id)).or_default() += line.quantity;
        }
        for level in self.levels().await {
            let place = (level.variant_id, level.location_id);
            assert_eq!(level.on_hand, moved.get(&place).copied().unwrap_or(0), "movements of {place:?}");
            assert_eq!(level.reserved, set_aside.get(&place).copied().unwrap_or(0), "held of {place:?}");
            assert!(level.reserved >= 0 && level.on_hand >= level.reserved);
        }
    }

    /// How often events of this type were told.
    pub(super) async fn told(&self, kind: &str) -> i64 {
        let (count,): (i64,) = self
            .db
            .query("SELECT COUNT(*) FROM events WHERE type = $1")
            .bind(kind.to_owned())
            .one()
            .await
            .unwrap();
        count
    }
}

pub(super) fn call() -> Call {
    Call::by_module("test", Duration::from_secs(10))
}

pub(super) fn usd(amount: i64) -> Price {
    Price { price: Money::new(amount, "USD".parse().unwrap()), compare_at: None }
}

pub(super) fn noon() -> Clock {
    Clock::held_at("2026-05-01T12:00:00Z".parse().unwrap())
}
