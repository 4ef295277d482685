//! A shop to try things in: filled through its own API, as anybody would fill it.

use std::fmt;
use std::time::Duration;

use platform::tls::plain_client;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use user::StaffError;

use crate::OpenShop;
use crate::compose::HireError;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const STAFF: &str = "owner@demo.example";
const CUSTOMER: &str = "ada@demo.example";

/// What the demo shop was filled with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filled {
    address: String,
    /// `None` when the shop was filled at an earlier start.
    logins: Option<Logins>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Logins {
    staff_email: &'static str,
    staff_password: String,
    customer_email: &'static str,
    customer_password: String,
    products: usize,
}

/// Fills an empty shop. A shop that was filled before is left as it is.
///
/// # Errors
/// The shop refuses what should be fine, which would be a bug.
pub async fn fill(shop: &OpenShop) -> Result<Filled, Failure> {
    let address = format!("http://{}", shop.public());
    let password = || format!("{:016x}", rand::random::<u64>());
    let (staff_password, customer_password) = (password(), password());
    let created = shop.modules.hire(STAFF, "Demo Owner", "owner", &staff_password).await;
    match created {
        Ok(_) => {}
        Err(HireError::Staff(StaffError::EmailTaken)) => return Ok(Filled { address, logins: None }),
        Err(error) => return Err(error.into()),
    }
    let api = Api { client: plain_client()?.timeout(Duration::from_secs(10)).no_proxy().build()?, address };
    let token = api.sign_in(STAFF, &staff_password).await?;
    let catalogue = catalogue();
    let products = catalogue.len();
    for product in catalogue {
        api.post("/v1/admin/products", &token, product).await?;
    }
    for (currency, standard, express) in [("USD", 495, 1495), ("EUR", 450, 1350), ("GBP", 395, 1195)] {
        for (name, amount) in [("Standard, 3 to 5 days", standard), ("Express, next day", express)] {
            let option = json!({ "name": name, "price": { "amount": amount, "currency": currency } });
            api.post("/v1/admin/shipping-options", &token, option).await?;
        }
    }
    for (country, region, basis_points) in [
        ("DE", None, 1900),
        ("FR", None, 2000),
        ("GB", None, 2000),
        ("US", Some("CA"), 725),
        ("US", Some("NY"), 400),
    ] {
        let region = json!({ "country": country, "region": region, "basisPoints": basis_points });
        api.post("/v1/admin/tax-regions", &token, region).await?;
    }
    let customer = json!({ "email": CUSTOMER, "password": customer_password, "name": "Ada Demo" });
    api.post("/v1/auth/register", "", customer).await?;
    let logins =
        Logins { staff_email: STAFF, staff_password, customer_email: CUSTOMER, customer_password, products };
    Ok(Filled { address: api.address, logins: Some(logins) })
}

struct Api {
    client: Client,
    address: String,
}

impl Api {
    async fn sign_in(&self, email: &str, password: &str) -> Result<String, Failure> {
        let answer = self.post("/v1/auth/login", "", json!({ "email": email, "password": password })).await?;
        Ok(answer["accessToken"].as_str().unwrap_or_default().to_owned())
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Result<Value, Failure> {
        let mut request = self.client.post(format!("{}{path}", self.address)).json(&body);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status();
        let answer: Value = response.json().await?;
        match status {
            StatusCode::OK | StatusCode::CREATED => Ok(answer),
            refused => Err(format!("{path} answered {refused}: {answer}").into()),
        }
    }
}

/// A small tea shop.
fn catalogue() -> Vec<Value> {
    let prices = |usd: i64| {
        json!([
            { "amount": usd, "currency": "USD" },
            { "amount": usd * 92 / 100, "currency": "EUR" },
            { "amount": usd * 79 / 100, "currency": "GBP" },
        ])
    };
    let tea = |title: &str, sku: &str, text: &str, usd: i64| {
        json!({
            "title": title, "description": text, "status": "active", "type": "Tea", "vendor": "Demo Tea House",
            "options": [{ "name": "Size", "values": ["100 g", "250 g"] }],
            "variants": [
                { "sku": format!("{sku}-100"), "options": { "Size": "100 g" }, "prices": prices(usd), "stock": 200 },
                { "sku": format!("{sku}-250"), "options": { "Size": "250 g" }, "prices": prices(usd * 9 / 4), "stock": 80 },
            ],
        })
    };
    let ware = |title: &str, sku: &str, text: &str, usd: i64, stock: i64| {
        json!({
            "title": title, "description": text, "status": "active", "type": "Ware", "vendor": "Demo Pottery",
            "variants": [{ "sku": sku, "prices": prices(usd), "stock": stock }],
        })
    };
    vec![
        tea(
            "First Flush Darjeeling",
            "TEA-DARJ",
            "Spring leaves from the lower slopes, light and floral.",
            1450,
        ),
        tea("Smoky Lapsang", "TEA-LAPS", "Dried over pinewood; not for the faint of heart.", 1150),
        tea("Jasmine Pearls", "TEA-JASM", "Green tea rolled by hand, scented three nights in a row.", 1890),
        tea("House Breakfast", "TEA-BRKF", "Strong enough for milk, kind enough for without.", 790),
        ware("Stoneware Teapot", "POT-STONE", "Holds 0.9 l and does not drip.", 5400, 25),
        ware("Glass Cup", "CUP-GLASS", "Double-walled; the tea seems to float.", 1600, 120),
        ware("Bamboo Whisk", "WHISK", "For matcha, a hundred tines.", 2200, 40),
        ware("The Last Yixing Pot", "POT-YIXING", "There is exactly one.", 24_000, 1),
    ]
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.logins {
            None => write!(f, "The demo shop was filled at an earlier start; its logins were shown then."),
            Some(logins) => write!(
                f,
                "{} products are on sale: curl {}/v1/products\n\
                 Staff:    {}  password {}\n\
                 Customer: {}  password {}",
                logins.products,
                self.address,
                logins.staff_email,
                logins.staff_password,
                logins.customer_email,
                logins.customer_password
            ),
        }
    }
}
