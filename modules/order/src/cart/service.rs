//! What one can do with a cart.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{Address, AddressFault, Call, CallFailure, Currency, Money, MoneyError};
use order_api::{CartId, CartItemId, ShippingOptionId};
use platform::{Commands, Db, DbError};
use product_api::{Products, ProductsError, QuoteVariants, VariantId};

use super::{Cart, CartRefusal, CartStatus, PricedCart, PricedLine, SoldLine, requirements, store};
use crate::pricing::{self, PricedItem};
use crate::shipping::{self, ShippingOption};
use crate::tax;
use crate::token::{GuestToken, Visitor};

/// How often a change is tried again when somebody else changed the cart in between.
const TRIES: u32 = 5;

/// The carts.
#[derive(Clone)]
pub(crate) struct Carts {
    db: Db,
    pub(super) commands: Commands,
    products: Arc<dyn Products>,
}

/// What is to be put into a cart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewItem {
    /// What.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: i64,
}

/// What is to be changed on a cart: `None` keeps, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub(crate) struct CartChange {
    /// Where the confirmation goes.
    pub email: Option<Option<String>>,
    /// Where the parcel goes.
    pub shipping_address: Option<Option<Address>>,
    /// Where the invoice goes.
    pub billing_address: Option<Option<Address>>,
    /// How it is shipped.
    pub shipping_option_id: Option<Option<ShippingOptionId>>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CartError {
    /// The cart refuses.
    #[error(transparent)]
    Refused(#[from] CartRefusal),
    /// There is no such cart, or it is somebody else's: both look the same.
    #[error("there is no such cart")]
    NotFound,
    /// The variant is not sold, or not in this currency.
    #[error("this variant is not sold in {currency}")]
    VariantUnavailable {
        /// Its place in the request.
        index: usize,
        /// The cart's currency.
        currency: Currency,
    },
    /// An address has a field that cannot be so.
    #[error("an address is not valid")]
    Address {
        /// Which address, as in JSON.
        pointer: &'static str,
        /// What is wrong.
        #[source]
        fault: AddressFault,
    },
    /// Not an e-mail address.
    #[error("expected an e-mail address")]
    InvalidEmail,
    /// The way of shipping is unknown or not for this currency.
    #[error("this shipping option is not offered for the cart")]
    InvalidShippingOption,
    /// Others changed the cart again and again in the meantime.
    #[error("the cart was changed by somebody else in the meantime")]
    Contended,
    /// The amounts are larger than a shop can mean.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// The product module refused.
    #[error(transparent)]
    Products(#[from] ProductsError),
    /// The store failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<CallFailure> for CartError {
    fn from(failure: CallFailure) -> Self {
        Self::Products(failure.into())
    }
}

impl Carts {
    /// The carts in this database, priced by this catalogue.
    pub(crate) fn new(db: Db, commands: Commands, products: Arc<dyn Products>) -> Self {
        Self { db, commands, products }
    }

    /// A new cart with these things in it, for whoever holds the token. The same id again is a repetition of a request
    /// that was never answered.
    pub(crate) async fn create(
        &self,
        call: &Call,
        id: CartId,
        currency: Currency,
        items: &[NewItem],
        token: &GuestToken,
    ) -> Result<PricedCart, CartError> {
        let cart = self.compose(call, id, currency, items, token)?;
        let priced = self.price(call, cart).await?;
        if let Some(index) = priced.lines.iter().position(|line| line.sold.is_none()) {
            return Err(CartError::VariantUnavailable { index, currency });
        }
        let mut tx = self.db.begin().await?;
        store::insert(&mut tx, &priced.cart);
        tx.commit().await?;
        Ok(priced)
    }

    /// A cart as it would be, stored nowhere yet.
    pub(crate) fn compose(
        &self,
        call: &Call,
        id: CartId,
        currency: Currency,
        items: &[NewItem],
        token: &GuestToken,
    ) -> Result<Cart, CartRefusal> {
        let now = self.db.clock().now();
        let mut cart = Cart {
            id,
            status: CartStatus::Open,
            currency,
            customer_id: customer(call),
            token_hash: token.hash(),
            email: None,
            shipping_address: None,
            billing_address: None,
            shipping_option_id: None,
            items: Vec::with_capacity(items.len()),
            order_id: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        for item in items {
            cart.add(self.db.clock().id(), item.variant_id, item.quantity)?;
        }
        Ok(cart)
    }

    /// A visitor's own cart, with prices as they are now.
    pub(crate) async fn find(
        &self,
        call: &Call,
        visitor: &Visitor,
        id: CartId,
    ) -> Result<PricedCart, CartError> {
        let cart = self.own(visitor, id).await?;
        self.price(call, cart).await
    }

    /// Puts things in.
    pub(crate) async fn add(
        &self,
        call: &Call,
        visitor: &Visitor,
        id: CartId,
        item: NewItem,
    ) -> Result<PricedCart, CartError> {
        let line = self.db.clock().id();
        let add = |cart: &mut Cart| cart.add(line, item.variant_id, item.quantity);
        self.change(call, visitor, id, add, Some(item.variant_id)).await
    }

    /// Sets how many of a line there are.
    pub(crate) async fn set_quantity(
        &self,
        call: &Call,
        visitor: &Visitor,
        id: CartId,
        item: CartItemId,
        quantity: i64,
    ) -> Result<PricedCart, CartError> {
        self.change(call, visitor, id, |cart| cart.set_quantity(item, quantity), None).await
    }

    /// Takes a line out.
    pub(crate) async fn remove(
        &self,
        call: &Call,
        visitor: &Visitor,
        id: CartId,
        item: CartItemId,
    ) -> Result<PricedCart, CartError> {
        self.change(call, visitor, id, |cart| cart.remove(item), None).await
    }

    /// Says who, where and how.
    pub(crate) async fn update(
        &self,
        call: &Call,
        visitor: &Visitor,
        id: CartId,
        change: CartChange,
    ) -> Result<PricedCart, CartError> {
        let change = change.check()?;
        let offered = match change.shipping_option_id {
            Some(Some(option)) => {
                shipping::store::list(&self.db).await?.into_iter().find(|known| known.id == option)
            }
            _ => None,
        };
        let currency = self.own(visitor, id).await?.currency;
        let chosen = matches!(change.shipping_option_id, Some(Some(_)));
        if chosen && !offered.is_some_and(|option| option.is_for(currency)) {
            return Err(CartError::InvalidShippingOption);
        }
        let apply = |cart: &mut Cart| {
            change.clone().apply(cart);
            Ok(())
        };
        self.change(call, visitor, id, apply, None).await
    }

    /// The ways of shipping that a visitor's cart can choose from.
    pub(crate) async fn shipping_options(
        &self,
        visitor: &Visitor,
        id: CartId,
    ) -> Result<Vec<ShippingOption>, CartError> {
        let cart = self.own(visitor, id).await?;
        let mut options = shipping::store::list(&self.db).await?;
        options.retain(|option| option.is_for(cart.currency));
        Ok(options)
    }

    /// A visitor's own cart, without prices.
    pub(crate) async fn own(&self, visitor: &Visitor, id: CartId) -> Result<Cart, CartError> {
        let cart = store::find(&self.db, id).await?.ok_or(CartError::NotFound)?;
        if visitor.owns(cart.customer_id, &cart.token_hash) { Ok(cart) } else { Err(CartError::NotFound) }
    }

    /// Changes a cart, again if somebody else was faster. The prices are asked for before anything is stored.
    async fn change(
        &self,
        call: &Call,
        visitor: &Visitor,
        id: CartId,
        change: impl Fn(&mut Cart) -> Result<(), CartRefusal>,
        must_be_sold: Option<VariantId>,
    ) -> Result<PricedCart, CartError> {
        for _ in 0..TRIES {
            let mut cart = self.own(visitor, id).await?;
            cart.writable()?;
            change(&mut cart)?;
            cart.updated_at = self.db.clock().now();
            let mut priced = self.price(call, cart).await?;
            let unsold =
                |line: &PricedLine| line.sold.is_none() && Some(line.item.variant_id) == must_be_sold;
            if priced.lines.iter().any(unsold) {
                return Err(CartError::VariantUnavailable { index: 0, currency: priced.cart.currency });
            }
            let mut tx = self.db.begin().await?;
            if store::update(&mut tx, &priced.cart).await? {
                tx.commit().await?;
                priced.cart.version += 1;
                return Ok(priced);
            }
        }
        Err(CartError::Contended)
    }

    /// Puts the shop's prices on a cart.
    pub(crate) async fn price(&self, call: &Call, cart: Cart) -> Result<PricedCart, CartError> {
        let variants = self.quote(call, &cart).await?;
        let options = shipping::store::list(&self.db).await?;
        let rates = match &cart.shipping_address {
            Some(_) => tax::store::list(&self.db).await?,
            None => Vec::new(),
        };
        let offered = options.iter().any(|option| option.is_for(cart.currency));
        let chosen = options
            .into_iter()
            .find(|option| Some(option.id) == cart.shipping_option_id && option.is_for(cart.currency));
        let basis_points = cart
            .shipping_address
            .as_ref()
            .map_or(0, |address| tax::rate(&rates, &address.country, address.region.as_deref()));

        let zero = Money::zero(cart.currency);
        let wanted: Vec<PricedItem<'_>> = cart
            .items
            .iter()
            .filter_map(|item| {
                let variant = variants.get(&item.variant_id)?;
                Some(PricedItem { quantity: item.quantity, variant, unit_price: variant.unit_price? })
            })
            .collect();
        let shipping = chosen.as_ref().map_or(zero, |option| option.price);
        let (totals, line_prices) = pricing::price(cart.currency, &wanted, shipping, basis_points)?;

        let mut line_prices = line_prices.into_iter();
        let mut lines = Vec::with_capacity(cart.items.len());
        for item in &cart.items {
            let variant = variants.get(&item.variant_id).filter(|variant| variant.unit_price.is_some());
            let sold = variant.and_then(|variant| {
                let price = line_prices.next()?;
                let unit_price = variant.unit_price?;
                Some(SoldLine { variant: variant.clone(), unit_price, total: price.total, tax: price.tax })
            });
            lines.push(PricedLine { item: *item, sold });
        }
        let requirements = requirements(&cart, &lines, offered);
        Ok(PricedCart { cart, lines, totals, shipping: chosen, tax_basis_points: basis_points, requirements })
    }

    async fn quote(
        &self,
        call: &Call,
        cart: &Cart,
    ) -> Result<HashMap<VariantId, product_api::QuotedVariant>, CartError> {
        if cart.items.is_empty() {
            return Ok(HashMap::new());
        }
        let variant_ids = cart.items.iter().map(|item| item.variant_id).collect();
        let quote = self.products.quote(call, QuoteVariants { variant_ids, currency: cart.currency }).await?;
        Ok(quote.variants.into_iter().map(|variant| (variant.variant_id, variant)).collect())
    }
}

/// The customer behind a call; staff and guests shop as guests.
pub(crate) fn customer(call: &Call) -> Option<uuid::Uuid> {
    match &call.principal {
        kernel::Principal::Customer { account } => Some(*account),
        _ => None,
    }
}

impl CartChange {
    /// Parses what has rules.
    pub(crate) fn check(self) -> Result<Self, CartError> {
        let address = |pointer, value: Option<Option<Address>>| match value {
            Some(Some(address)) => match address.check() {
                Ok(checked) => Ok(Some(Some(checked))),
                Err(fault) => Err(CartError::Address { pointer, fault }),
            },
            other => Ok(other),
        };
        if let Some(Some(email)) = &self.email {
            check_email(email)?;
        }
        Ok(Self {
            shipping_address: address("/shippingAddress", self.shipping_address)?,
            billing_address: address("/billingAddress", self.billing_address)?,
            ..self
        })
    }

    /// Puts the change on a cart.
    pub(crate) fn apply(self, cart: &mut Cart) {
        if let Some(email) = self.email {
            cart.email = email;
        }
        if let Some(address) = self.shipping_address {
            cart.shipping_address = address;
        }
        if let Some(address) = self.billing_address {
            cart.billing_address = address;
        }
        if let Some(option) = self.shipping_option_id {
            cart.shipping_option_id = option;
        }
    }
}

/// One `@` between a local part and a host with a dot, within the lengths of RFC 5321. Whether mail arrives is another
/// question, and no pattern answers it.
fn check_email(email: &str) -> Result<(), CartError> {
    let plausible = email.len() <= 254
        && email.bytes().all(|byte| byte.is_ascii_graphic() || byte >= 0x80)
        && email.split_once('@').is_some_and(|(local, host)| {
            (1..=64).contains(&local.len())
                && !host.contains('@')
                && host.split('.').count() >= 2
                && host.split('.').all(|label| !label.is_empty() && label.len() <= 63)
        });
    if plausible { Ok(()) } else { Err(CartError::InvalidEmail) }
}
