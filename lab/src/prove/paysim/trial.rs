//! A shop and a payment provider, and what they go through together.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Found, explain};
use crate::Failure;
use crate::api::Api;
use crate::bench::checkout;
use crate::paysim::books::Content;
use crate::paysim::script::Script;
use crate::paysim::{Paysim, Running};
use crate::server::{self, Server, Settings, Store};

/// How long the shop may take to bring everything to its end.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the provider tells late is on its way for so long, though nobody here knows it.
const LATE: Duration = Duration::from_secs(4);
/// What the movements of money are made to go through.
const MOVED: [Script; 9] = [
    Script::Approve,
    Script::DoThenDrop,
    Script::DoThen500,
    Script::DoThenHang,
    Script::Drop,
    Script::Hang,
    Script::NotJson,
    Script::OtherAmount,
    Script::Decline,
];

/// A shop and its provider.
pub struct Trial {
    server: Server,
    staff: Api,
    sim: Running,
    variant: String,
    folder: TempDir,
}

impl Trial {
    /// Opens a shop of this binary and a provider, each a process of its own; without a program for the provider it is here.
    ///
    /// # Errors
    /// One of them does not open.
    pub async fn open(shop: &Path, program: Option<&Path>, store: Store) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let listen = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let server = Server::start_set(shop, store, &[server::EVERYTHING], settings(listen)).await?;
        let options = Paysim {
            listen,
            journal: folder.path().join("journal"),
            webhooks: format!("{}/v1/webhooks/paysim", server.address),
            key: Paysim::KEY.to_owned(),
            secret: Paysim::SECRET.to_owned(),
        };
        let sim = match program {
            Some(program) => Running::start(program, options).await?,
            None => Running::start_here(options).await?,
        };
        let staff = server.staff().await?;
        let product = json!({
            "title": "Tea", "status": "active",
            "variants": [{ "sku": "TEA", "prices": [{ "amount": 1000, "currency": "USD" }], "stock": 100_000 }],
        });
        let product = staff.post("/v1/admin/products", &product, &[]).await?;
        let product = product.expect(reqwest::StatusCode::CREATED)?;
        let variant = product["variants"][0]["id"].as_str().unwrap_or_default().to_owned();
        Ok(Self { server, staff, sim, variant, folder })
    }

    /// Lets it do all it can so often, with a kill in between, and compares the books.
    ///
    /// # Errors
    /// The shop cannot be asked.
    pub async fn go_through(&mut self, rounds: usize) -> Result<Found, Failure> {
        let mut found = Found::default();
        for round in 0..rounds {
            join_all(Script::ALL.into_iter().map(|script| self.buy(script, false)))
                .await
                .into_iter()
                .collect::<Result<Vec<()>, Failure>>()?;
            // As many as there are ways to move, twice, to be moved below.
            for _ in 0..MOVED.len() {
                self.buy(Script::Approve, false).await?;
                self.buy(Script::Approve, true).await?;
            }
            found.asked += (Script::ALL.len() + 2 * MOVED.len()) as u64;
            found.faults += (Script::ALL.len() - 2) as u64;
            found.astray += 1;
            self.quiet(LATE).await?;
            self.sim.kill_and_restart().await?;
            self.move_money().await?;
            found.asked += 2 * MOVED.len() as u64;
            found.faults += 2 * (MOVED.len() as u64 - 1) + 1;
            self.quiet(Duration::ZERO).await?;
            let _ = writeln!(std::io::stderr(), "round {} of {rounds}", round + 1);
        }
        found.differences = self.differences().await?;
        Ok(found)
    }

    /// Stops both.
    ///
    /// # Errors
    /// The shop cannot be stopped.
    pub async fn close(self) -> Result<(), Failure> {
        self.server.stop().await
    }

    /// Buys one. What the shop says of an outcome that is not known is its affair; the books are looked at later.
    async fn buy(&self, script: Script, manual: bool) -> Result<(), Failure> {
        let mut body = checkout(&self.variant);
        body["payment"] = json!({ "provider": "paysim", "token": script.name() });
        if manual {
            body["payment"]["capture"] = json!("manual");
        }
        let payer = Api::new(self.server.address.clone())?;
        let status = payer.post("/v1/checkout", &body, &[("idempotency-key", &key())]).await?.status;
        let fits = match script {
            Script::Approve | Script::AnswerTwice | Script::HookEarly | Script::HookTwice => status == 201,
            Script::Decline => status == 402,
            _ => status.as_u16() < 500,
        };
        if fits { Ok(()) } else { Err(format!("`{}` was answered {status}", script.name()).into()) }
    }

    /// Gives back, takes or gives up the money of untouched payments, each in another way of going wrong.
    async fn move_money(&self) -> Result<(), Failure> {
        let intents = self.staff.all("/v1/admin/payment-intents").await?;
        let untouched = |status: &'static str| {
            let approved = move |intent: &&Value| {
                let whole = intent["refunded"]["amount"] == 0 && intent["disputed"]["amount"] == 0;
                intent["status"] == status && whole
            };
            intents.iter().filter(approved).filter_map(|intent| intent["id"].as_str().map(str::to_owned))
        };
        // All at once: whichever call comes next takes what is said about the next.
        for script in MOVED.into_iter().chain(MOVED) {
            self.next(script).await?;
        }
        let refunds = untouched("succeeded").take(MOVED.len()).map(|intent| self.refund(intent));
        let ends = untouched("requiresCapture").take(MOVED.len()).enumerate();
        let ends = ends.map(|(at, intent)| self.end(intent, at % 2 == 0));
        let (refunds, ends) = tokio::join!(join_all(refunds), join_all(ends));
        refunds.into_iter().chain(ends).collect()
    }

    async fn refund(&self, intent: String) -> Result<(), Failure> {
        let amount = json!({ "amount": 600, "currency": "USD" });
        let body = json!({ "paymentIntentId": intent, "amount": amount, "reason": "tried" });
        self.staff.post("/v1/admin/refunds", &body, &[("idempotency-key", &key())]).await.map(|_| ())
    }

    /// Takes a part of what is promised, or gives all of it up.
    async fn end(&self, intent: String, take: bool) -> Result<(), Failure> {
        let (path, key) = (format!("/v1/admin/payment-intents/{intent}"), key());
        let headers = [("idempotency-key", key.as_str())];
        if take {
            let part = json!({ "amount": { "amount": 400, "currency": "USD" } });
            self.staff.post(&format!("{path}/capture"), &part, &headers).await?;
        } else {
            self.staff.post_nothing(&format!("{path}/cancel"), &headers).await?;
        }
        Ok(())
    }

    /// Says what is done with the next movement.
    async fn next(&self, script: Script) -> Result<(), Failure> {
        let told = json!({ "call": "movement", "script": script });
        let control = Api::new(format!("http://{}", self.sim.address()))?;
        control.post("/control/next", &told, &[]).await?.expect(reqwest::StatusCode::OK).map(|_| ())
    }

    /// Waits until nothing is on its way any more. What never comes to rest is among the differences.
    async fn quiet(&self, at_least: Duration) -> Result<(), Failure> {
        let give_up = Instant::now() + PATIENCE;
        tokio::time::sleep(at_least).await;
        while Instant::now() < give_up && !explain::moving(&self.staff).await?.is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    async fn differences(&self) -> Result<Vec<String>, Failure> {
        let control = Api::new(format!("http://{}", self.sim.address()))?;
        let told: Content = serde_json::from_value(control.get("/control/books").await?)?;
        let journal = Content::read(&self.folder.path().join("journal"))?;
        let mut differences = explain::differences(&self.staff, &journal).await?;
        if told != journal {
            differences.push("the provider's journal and what it says are not the same".to_owned());
        }
        Ok(differences)
    }
}

/// How the shop is told of its provider.
fn settings(listen: SocketAddr) -> Settings {
    vec![
        ("CLEAVE__PAYMENT__PROVIDERS__PAYSIM__URL", format!("http://{listen}")),
        ("CLEAVE__PAYMENT__PROVIDERS__PAYSIM__KEY", "env:PAYSIM_KEY".to_owned()),
        ("CLEAVE__PAYMENT__PROVIDERS__PAYSIM__WEBHOOK_SECRET", "env:PAYSIM_SECRET".to_owned()),
        ("CLEAVE__PAYMENT__PROVIDER_TIMEOUT_SECONDS", "1".to_owned()),
        ("PAYSIM_KEY", Paysim::KEY.to_owned()),
        ("PAYSIM_SECRET", Paysim::SECRET.to_owned()),
    ]
}

fn key() -> String {
    format!("{:032x}", rand::random::<u128>())
}
