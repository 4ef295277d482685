//! Who comes to the doors.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::table::{Needs, Row};
use crate::Failure;
use crate::prove::stocked::{PASSWORD, Stocked, made};

/// The role of the first account, which holds every permission.
const OWNER: &str = "owner";

/// Somebody, by what they show.
#[derive(Debug, Clone)]
pub(super) struct Person {
    /// Who, for a sentence.
    pub(super) name: String,
    /// What they are.
    pub(super) who: Who,
    /// Their access token.
    pub(super) bearer: Option<String>,
    /// What they show for a cart, and for an order.
    pub(super) tokens: Option<[String; 2]>,
    /// The permission whose holders and others they stand for.
    pub(super) made_for: Option<&'static str>,
}

/// What somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody, with or without the token of a cart that is not asked for.
    Nobody,
    /// The guest to whom a cart and an order belong.
    Guest,
    /// The customer to whom an address, a cart and an order belong.
    Ada,
    /// A customer to whom nothing belongs.
    Eve,
    /// Somebody who works for the shop and may do this.
    Staff(Vec<String>),
    /// Whoever wrote their token themselves, or comes too late with it, or had it taken from them.
    Forger,
}

impl Person {
    fn new(name: &str, who: Who, bearer: Option<&str>) -> Self {
        Self { name: name.to_owned(), who, bearer: bearer.map(str::to_owned), tokens: None, made_for: None }
    }

    fn showing(self, cart: &str, order: &str) -> Self {
        Self { tokens: Some([cart.to_owned(), order.to_owned()]), ..self }
    }

    /// Whether they have anything to show at an operation that needs this, that nobody else shows there.
    pub(super) fn matters(&self, needs: Needs) -> bool {
        match self.made_for {
            Some(permission) => needs == Needs::Permission(permission),
            None => self.tokens.is_none() || matches!(needs, Needs::Owner | Needs::Customer | Needs::Account),
        }
    }

    /// Whether they hold a permission.
    pub(super) fn may(&self, permission: &str) -> bool {
        matches!(&self.who, Who::Staff(held) if held.iter().any(|held| held == permission || held == "*"))
    }
}

/// Everybody there is without regard to permissions, and the forgers with them.
pub(super) fn public(shop: &Stocked, forged: &[(String, String)]) -> Vec<Person> {
    let (ada, eve, guest) = (&shop.ada, &shop.eve, &shop.guest);
    let stranger = shop.stranger.as_str();
    let mut people = vec![
        Person::new("nobody", Who::Nobody, None),
        Person::new("another guest", Who::Nobody, None).showing(stranger, stranger),
        Person::new("a guest with the tokens of a customer", Who::Nobody, None)
            .showing(&ada.goods.cart_token, &ada.goods.order_token),
        Person::new("another customer", Who::Eve, Some(&eve.token)),
        Person::new("another customer with the tokens of the first", Who::Eve, Some(&eve.token))
            .showing(&ada.goods.cart_token, &ada.goods.order_token),
        Person::new("the guest", Who::Guest, None).showing(&guest.cart_token, &guest.order_token),
        Person::new("the customer", Who::Ada, Some(&ada.token)),
    ];
    people.extend(
        forgeries(&ada.token)
            .iter()
            .chain(forged)
            .map(|(name, token)| Person::new(name, Who::Forger, Some(token))),
    );
    people
}

/// Tokens made of one that is good.
fn forgeries(token: &str) -> Vec<(String, String)> {
    let mut parts = token.split('.');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    let (head, claims, signature) = (part(), part(), part());
    let changed = |change: &dyn Fn(&mut Value)| {
        let read = URL_SAFE_NO_PAD.decode(&claims).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let mut claims: Value = read.unwrap_or_default();
        change(&mut claims);
        URL_SAFE_NO_PAD.encode(claims.to_string())
    };
    let promoted = changed(&|claims| {
        claims["kind"] = json!("staff");
        claims["permissions"] = json!(["*"]);
    });
    let none = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "typ": "at+jwt" }).to_string());
    vec![
        ("a customer who made themselves staff".into(), format!("{head}.{promoted}.{signature}")),
        ("somebody with an unsigned token".into(), format!("{none}.{promoted}.")),
    ]
}

/// Staff: one for each role there was, one who may do only this and one who may do all but this, for each permission.
pub(super) async fn staff(shop: &Stocked, table: &[Row]) -> Result<Vec<Person>, Failure> {
    let roles = shop.owner.get("/v1/admin/roles").await?;
    let mut people = Vec::new();
    // What is tried on the shop's spare role ends the tokens of those who have it.
    let spare = |role: &&Value| role["name"] == shop.seen["roles"];
    for role in roles["data"].as_array().into_iter().flatten().filter(|role| !spare(role)) {
        let (name, held) = (role["name"].as_str().unwrap_or_default(), strings(&role["permissions"]));
        people.push(hire(shop, name, held).await?);
    }
    let mut permissions: Vec<&'static str> = table
        .iter()
        .filter_map(
            |(_, needs)| if let Needs::Permission(permission) = needs { Some(*permission) } else { None },
        )
        .collect();
    permissions.sort_unstable();
    permissions.dedup();
    for &permission in &permissions {
        let plain = permission.replace(':', "-");
        let others =
            permissions.iter().filter(|other| **other != permission).map(|other| (*other).to_owned());
        for (name, held) in [
            (format!("only-{plain}"), vec![permission.to_owned()]),
            (format!("all-but-{plain}"), others.collect()),
        ] {
            made(&shop.owner, "/v1/admin/roles", &json!({ "name": name, "permissions": held })).await?;
            people.push(Person { made_for: Some(permission), ..hire(shop, &name, held).await? });
        }
    }
    Ok(people)
}

async fn hire(shop: &Stocked, role: &str, held: Vec<String>) -> Result<Person, Failure> {
    let email = format!("{role}@staff.example");
    let body = json!({ "email": email, "name": role, "role": role, "password": PASSWORD });
    made(&shop.owner, "/v1/admin/staff", &body).await?;
    let token = shop.owner.sign_in(&email, PASSWORD).await?;
    let name = if role == OWNER { "the owner".to_owned() } else { format!("staff in the role {role}") };
    Ok(Person::new(&name, Who::Staff(held), Some(&token)))
}

/// Those whose tokens were good a moment ago: an owner who was dismissed, and a customer who has signed out.
pub(super) async fn revoked(shop: &Stocked) -> Result<Vec<Person>, Failure> {
    let (_, dismissed) = dismissed(shop, "dismissed@staff.example").await?;
    let who = json!({ "email": shop.eve.email, "password": PASSWORD });
    let left = shop.owner.post("/v1/auth/login", &who, &[]).await?.expect(StatusCode::OK)?;
    let session = json!({ "refreshToken": left["refreshToken"] });
    shop.owner.post("/v1/auth/logout", &session, &[]).await?.expect(StatusCode::NO_CONTENT)?;
    let person = |name, tokens: &Value| Person::new(name, Who::Forger, tokens["accessToken"].as_str());
    Ok(vec![person("an owner who was dismissed", &dismissed), person("a customer who has signed out", &left)])
}

/// Takes on an owner and disables the account. Returns what they signed in with, and the tokens they got for it.
async fn dismissed(shop: &Stocked, email: &str) -> Result<(Value, Value), Failure> {
    let body = json!({ "email": email, "name": "Gone", "role": OWNER, "password": PASSWORD });
    let account = made(&shop.owner, "/v1/admin/staff", &body).await?;
    let who = json!({ "email": email, "password": PASSWORD });
    let tokens = shop.owner.post("/v1/auth/login", &who, &[]).await?.expect(StatusCode::OK)?;
    let path = format!("/v1/admin/staff/{}", account["id"].as_str().unwrap_or_default());
    let change = json!({ "status": "disabled" });
    shop.owner.patch(&path, &change, &[]).await?.expect(StatusCode::OK)?;
    Ok((who, tokens))
}

/// What somebody gets whose account was disabled: no new token, neither for their password nor for the old token.
pub(super) async fn disabled(shop: &Stocked) -> Result<Vec<String>, Failure> {
    let (who, tokens) = dismissed(shop, "gone@staff.example").await?;
    let old = json!({ "refreshToken": tokens["refreshToken"] });
    let mut wrong = Vec::new();
    for (path, body, status, code) in [
        ("/v1/auth/login", who, 403, "account_disabled"),
        ("/v1/auth/refresh", old, 401, "invalid_refresh_token"),
    ] {
        let reply = shop.owner.without_token().post(path, &body, &[]).await?;
        if reply.status != status || reply.body["code"] != code {
            wrong.push(format!("POST {path} of disabled staff: {} {}", reply.status, reply.body));
        }
    }
    Ok(wrong)
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
