//! A product module that keeps everything in memory, to start another module with.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kernel::{Call, Clock};
use uuid::Uuid;

use crate::{
    Products, ProductsError, Quote, QuoteVariants, QuotedVariant, ReleaseStock, Released, Reservation,
    ReserveStock, ReservedItem, ShortItem,
};

/// Sells what was put on it. It keeps the contract, but for leases: they do not end by themselves.
pub struct Shelf {
    clock: Clock,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    variants: Vec<QuotedVariant>,
    /// What is set aside, by key; `None` once it is released.
    reservations: HashMap<Uuid, Option<Vec<ReservedItem>>>,
}

impl Shelf {
    /// An empty one.
    pub fn new(clock: Clock) -> Self {
        Self { clock, kept: Mutex::default() }
    }

    /// Puts a variant on it, with as many as are `available`.
    pub fn put(&self, variant: QuotedVariant) {
        self.kept().variants.push(variant);
    }

    /// How many are left of each, in the order in which they were put on it.
    pub fn left(&self) -> Vec<i64> {
        self.kept().variants.iter().map(|variant| variant.available).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn short(&self, items: &[ReservedItem]) -> Vec<ShortItem> {
        let left = |item: &ReservedItem| {
            let variant = self.variants.iter().find(|variant| variant.variant_id == item.variant_id);
            variant.map_or(0, |variant| variant.available)
        };
        let short = items.iter().filter(|item| left(item) < item.quantity);
        short.map(|item| ShortItem { variant_id: item.variant_id, available: left(item) }).collect()
    }

    fn move_stock(&mut self, items: &[ReservedItem], sign: i64) {
        for item in items {
            let variant = self.variants.iter_mut().find(|variant| variant.variant_id == item.variant_id);
            if let Some(variant) = variant {
                variant.available += sign * item.quantity;
            }
        }
    }
}

#[kernel::macros::async_trait]
impl Products for Shelf {
    async fn quote(&self, _: &Call, asked: QuoteVariants) -> Result<Quote, ProductsError> {
        let kept = self.kept();
        let variants = kept.variants.iter().filter(|variant| asked.variant_ids.contains(&variant.variant_id));
        let priced = variants.cloned().map(|mut variant| {
            variant.unit_price = variant.unit_price.filter(|price| price.currency == asked.currency);
            variant
        });
        Ok(Quote { variants: priced.collect() })
    }

    async fn reserve(&self, _: &Call, asked: ReserveStock) -> Result<Reservation, ProductsError> {
        let mut kept = self.kept();
        match kept.reservations.get(&asked.key) {
            Some(None) => return Err(ProductsError::ReservationEnded),
            Some(Some(_)) => {}
            None => {
                let short = kept.short(&asked.items);
                if !short.is_empty() {
                    return Err(ProductsError::OutOfStock { short });
                }
                kept.move_stock(&asked.items, -1);
                kept.reservations.insert(asked.key, Some(asked.items));
            }
        }
        let lease = Duration::from_secs(asked.lease_seconds.into());
        Ok(Reservation { key: asked.key, expires_at: self.clock.now().plus(lease) })
    }

    async fn release(&self, _: &Call, asked: ReleaseStock) -> Result<Released, ProductsError> {
        let mut kept = self.kept();
        if let Some(items) = kept.reservations.get_mut(&asked.key).and_then(Option::take) {
            kept.move_stock(&items, 1);
        }
        Ok(Released {})
    }
}
