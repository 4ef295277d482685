//! A shop with one of everything, a customer's, a guest's and the staff's, to be asked about by those who may and those
//! who may not.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::Failure;
use crate::api::Api;
use crate::described::Samples;

/// Everybody's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What there is.
pub(crate) struct Stocked {
    /// The shop, for its owner.
    pub(crate) owner: Api,
    /// Bodies that name what there is.
    pub(crate) samples: Samples,
    /// A customer, to whom an address, a cart and an order belong.
    pub(crate) ada: Customer,
    /// A customer to whom nothing belongs.
    pub(crate) eve: Customer,
    /// A guest's.
    pub(crate) guest: Goods,
    /// The token of another guest's cart.
    pub(crate) stranger: String,
    /// A product that is not on sale.
    pub(crate) draft: String,
    /// What staff see, by the collection it is in.
    pub(crate) seen: BTreeMap<&'static str, String>,
}

/// A customer.
pub(crate) struct Customer {
    /// What they sign in with.
    pub(crate) email: String,
    /// Their access token.
    pub(crate) token: String,
    /// What is theirs.
    pub(crate) goods: Goods,
}

/// What belongs to somebody.
#[derive(Default)]
pub(crate) struct Goods {
    /// An address in the address book.
    pub(crate) address: String,
    /// A cart.
    pub(crate) cart: String,
    /// What is in it.
    pub(crate) item: String,
    /// What a guest shows for it.
    pub(crate) cart_token: String,
    /// An order.
    pub(crate) order: String,
    /// What a guest shows for it.
    pub(crate) order_token: String,
}

impl Stocked {
    /// Puts everything into an open shop, which this is for its owner.
    ///
    /// # Errors
    /// The shop refuses.
    pub(crate) async fn fill(owner: &Api) -> Result<Self, Failure> {
        let mut seen = BTreeMap::new();
        let product = json!({
            "title": "Cup", "status": "active",
            "variants": [{ "sku": "STOCKED-CUP", "prices": [{ "amount": 1000, "currency": "USD" }], "stock": 100_000 }],
        });
        let product = made(owner, "/v1/admin/products", &product).await?;
        let variant = id(&product["variants"][0]);
        let draft = id(&made(owner, "/v1/admin/products", &json!({ "title": "Not yet" })).await?);
        for (collection, body) in [
            ("shipping-options", json!({ "name": "By post", "price": { "amount": 0, "currency": "USD" } })),
            ("tax-regions", json!({ "country": "NZ", "basisPoints": 1500 })),
            ("roles", json!({ "name": "spare", "permissions": [] })),
            ("staff", json!({ "email": "spare@stocked.example", "name": "Spare", "role": "spare" })),
            ("imports", json!({ "csv": "Handle,Title,Variant Price\nmug,Mug,1.00\n", "currency": "USD" })),
        ] {
            let thing = made(owner, &format!("/v1/admin/{collection}"), &body).await?;
            seen.insert(collection, if collection == "roles" { "spare".to_owned() } else { id(&thing) });
        }
        let mut shop = Self {
            owner: owner.clone(),
            samples: Samples::default(),
            ada: Customer::register(owner, "ada@stocked.example").await?,
            eve: Customer::register(owner, "eve@stocked.example").await?,
            guest: Goods::default(),
            stranger: String::new(),
            draft,
            seen,
        };
        let ada = owner.with_token(&shop.ada.token);
        shop.ada.goods = shop.buy(&ada, &variant).await?;
        shop.ada.goods.address = id(&made(&ada, "/v1/addresses", &address()).await?);
        let nobody = owner.without_token();
        shop.guest = shop.buy(&nobody, &variant).await?;
        let other = made(&nobody, "/v1/carts", &json!({ "currency": "USD" })).await?;
        shop.stranger = other["token"].as_str().unwrap_or_default().to_owned();
        shop.know(&product).await?;
        Ok(shop)
    }

    /// Buys, and puts the same into another cart.
    async fn buy(&self, buyer: &Api, variant: &str) -> Result<Goods, Failure> {
        let body = json!({ "currency": "USD", "items": [{ "variantId": variant, "quantity": 2 }] });
        let bought = made(buyer, "/v1/carts", &body).await?;
        let token = bought["token"].as_str().unwrap_or_default().to_owned();
        let (shown, path) = ([("x-cart-token", token.as_str())], format!("/v1/carts/{}", id(&bought)));
        let details = json!({
            "email": "guest@stocked.example", "shippingAddress": address(),
            "shippingOptionId": self.seen["shipping-options"],
        });
        buyer.patch(&path, &details, &shown).await?.expect(StatusCode::OK)?;
        let key = key();
        let headers = [shown[0], ("idempotency-key", key.as_str())];
        let pay = json!({ "payment": { "provider": "test", "token": "approve" } });
        let order =
            buyer.post(&format!("{path}/complete"), &pay, &headers).await?.expect(StatusCode::CREATED)?;
        let cart = made(buyer, "/v1/carts", &body).await?;
        Ok(Goods {
            address: String::new(),
            cart: id(&cart),
            item: id(&cart["items"][0]),
            cart_token: cart["token"].as_str().unwrap_or_default().to_owned(),
            order: id(&order),
            order_token: token,
        })
    }

    /// Looks up what came about by itself, and makes what it takes an order for.
    async fn know(&mut self, product: &Value) -> Result<(), Failure> {
        let (owner, order) = (self.owner.clone(), self.ada.goods.order.clone());
        let shown = owner.get(&format!("/v1/admin/orders/{order}")).await?;
        let intents = owner.get(&format!("/v1/admin/payment-intents?orderId={order}")).await?;
        let intent = id(&intents["data"][0]);
        let refund = json!({
            "paymentIntentId": intent, "amount": { "amount": 1, "currency": "USD" }, "reason": "a scratch",
        });
        let refund = made(&owner, "/v1/admin/refunds", &refund).await?;
        let process = owner.get("/v1/admin/processes?state=placed").await?;
        let location = owner.get("/v1/admin/stock-locations").await?;
        let ada = owner.with_token(&self.ada.token).get("/v1/account").await?;
        for (collection, thing) in [
            ("orders", &shown),
            ("payment-intents", &intents["data"][0]),
            ("refunds", &refund),
            ("processes", &process["data"][0]),
            ("products", product),
            ("variants", &product["variants"][0]),
            ("customers", &ada),
            ("stock-locations", &location["data"][0]),
        ] {
            self.seen.insert(collection, id(thing));
        }
        let things = self.seen.values().cloned().chain([id(&shown["items"][0])]);
        self.samples.ids = things.filter_map(|id| Some((id.split_once('_')?.0.to_owned(), id))).collect();
        Ok(())
    }
}

impl Customer {
    async fn register(shop: &Api, email: &str) -> Result<Self, Failure> {
        let body = json!({ "email": email, "password": PASSWORD, "name": "A Customer" });
        made(shop, "/v1/auth/register", &body).await?;
        let token = shop.sign_in(email, PASSWORD).await?;
        Ok(Self { email: email.to_owned(), token, goods: Goods::default() })
    }
}

/// Makes something, under a key of its own.
pub(crate) async fn made(shop: &Api, path: &str, body: &Value) -> Result<Value, Failure> {
    let key = key();
    let reply = shop.post(path, body, &[("idempotency-key", &key)]).await?;
    if reply.status.is_success() {
        return Ok(reply.body);
    }
    Err(format!("{path} answers {}: {}", reply.status, reply.body).into())
}

/// A key that nobody has used.
pub(crate) fn key() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap_or_default().to_owned()
}

fn address() -> Value {
    json!({ "name": "Ada", "line1": "1 Main St", "city": "Portland", "region": "OR", "postalCode": "97201", "country": "US" })
}
