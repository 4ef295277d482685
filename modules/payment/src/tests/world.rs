//! A till on a clock that stands still, with the test provider and one that does as it is told.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kernel::{Clock, Money};
use payment_api::{CaptureMethod, IntentId, PayOrder, Payment};
use platform::testing::{self, TestDb};
use uuid::Uuid;

use crate::intent::Intent;
use crate::intent::store;
use crate::ledger::store::balances;
use crate::movement::service::{MovementError, Wish};
use crate::movement::{Movement, MovementKind};
use crate::provider::test::TestProvider;
use crate::provider::{Charge, Instruction, Outcome, Provider, ProviderError, Providers};
use crate::{MIGRATIONS, Module, NAME};

/// How long providers have here.
pub(super) const LIMIT: Duration = Duration::from_millis(200);
/// After this long somebody else may ask.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

pub(super) struct Till {
    pub(super) db: TestDb,
    pub(super) module: Module,
    pub(super) told: Arc<Told>,
}

/// What the provider that does as it is told does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// What it is asked for.
    Obey,
    /// It sends the payer to a page of its own; else as it is asked.
    AskThePayer,
    /// Nothing, and says so.
    Refuse,
    /// Nobody knows.
    Lose,
    /// It never answers.
    Hang,
}

/// A provider that does as it is told and remembers what it was asked.
pub(super) struct Told {
    pub(super) does: Mutex<Does>,
    /// How charges stand, for whoever asks.
    pub(super) standing: Mutex<Option<Outcome>>,
    /// Every instruction it was given.
    pub(super) heard: Mutex<Vec<(MovementKind, Uuid, i64)>>,
    /// How often it was asked to charge.
    pub(super) charges: AtomicUsize,
    /// How often it was asked how a charge stands.
    pub(super) queries: AtomicUsize,
}

impl Told {
    pub(super) fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    pub(super) fn heard(&self) -> Vec<(MovementKind, Uuid, i64)> {
        self.heard.lock().unwrap().clone()
    }

    async fn answer<T>(&self, done: T) -> Result<T, ProviderError> {
        // Slow enough for others to come in between.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let does = *self.does.lock().unwrap();
        match does {
            Does::Obey | Does::AskThePayer => Ok(done),
            Does::Refuse => Err(ProviderError::Refused),
            Does::Lose => Err(ProviderError::Unknown),
            Does::Hang => std::future::pending().await,
        }
    }
}

#[kernel::macros::async_trait]
impl Provider for Told {
    fn name(&self) -> &'static str {
        "told"
    }

    fn knows(&self, _: &str) -> bool {
        true
    }

    async fn authorize(&self, charge: &Charge) -> Result<Outcome, ProviderError> {
        self.charges.fetch_add(1, Ordering::SeqCst);
        if *self.does.lock().unwrap() == Does::AskThePayer {
            return Ok(Outcome::RequiresAction("https://bank.example/".into()));
        }
        self.answer(match charge.capture {
            CaptureMethod::Automatic => Outcome::Captured("told".into()),
            CaptureMethod::Manual => Outcome::Authorized("told".into()),
        })
        .await
    }

    async fn query(&self, _: &Charge) -> Result<Option<Outcome>, ProviderError> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        let standing = self.standing.lock().unwrap().clone();
        self.answer(standing).await
    }

    async fn carry_out(&self, instruction: &Instruction) -> Result<(), ProviderError> {
        let Instruction { key, kind, amount, .. } = instruction;
        self.heard.lock().unwrap().push((*kind, *key, amount.amount));
        self.answer(()).await
    }
}

/// A till that has just opened.
pub(super) async fn till() -> Till {
    let clock = Clock::held_at("2026-01-01T00:00:00Z".parse().unwrap());
    let db = testing::db_at(NAME, MIGRATIONS, clock).await;
    let told = Arc::new(Told {
        does: Mutex::new(Does::Obey),
        standing: Mutex::new(None),
        heard: Mutex::default(),
        charges: AtomicUsize::new(0),
        queries: AtomicUsize::new(0),
    });
    let test: Arc<dyn Provider> = Arc::new(TestProvider::new(db.clock().clone()));
    let providers = Providers::new([test, told.clone() as Arc<dyn Provider>], LIMIT);
    let secrets = ["test", "told"].map(|name| (name.to_owned(), SECRET.parse().unwrap()));
    let secrets = secrets.into();
    let module = Module::with((*db).clone(), db.tasks(), providers, secrets);
    Till { db, module, told }
}

pub(super) fn usd(amount: i64) -> Money {
    Money::new(amount, "USD".parse().unwrap())
}

pub(super) fn key(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(super) fn order(number: u128, token: &str, capture: CaptureMethod) -> PayOrder {
    PayOrder {
        key: key(number),
        order_id: format!("order {number}"),
        customer_id: None,
        amount: usd(1000),
        capture,
        provider: "test".into(),
        token: token.into(),
    }
}

/// The same at the provider that does as it is told.
pub(super) fn told(number: u128, capture: CaptureMethod) -> PayOrder {
    PayOrder { provider: "told".into(), ..order(number, "any", capture) }
}

impl Till {
    pub(super) async fn pay(&self, number: u128, token: &str) -> Payment {
        self.module.intents.pay(order(number, token, CaptureMethod::Automatic)).await.unwrap()
    }

    /// An intent of a thousand at the provider that does as it is told.
    pub(super) async fn told(&self, number: u128, capture: CaptureMethod) -> Intent {
        self.module.intents.pay(told(number, capture)).await.unwrap();
        self.intent(number).await
    }

    pub(super) async fn intent(&self, number: u128) -> Intent {
        store::find_by_key(&self.db, key(number)).await.unwrap().unwrap()
    }

    pub(super) async fn move_money(
        &self,
        kind: MovementKind,
        intent_id: IntentId,
        amount: Option<i64>,
    ) -> Result<Movement, MovementError> {
        let id = self.db.clock().uuid();
        let wish = Wish { id, intent_id, kind, amount: amount.map(usd), reason: "a reason".into() };
        self.module.movements.carry_out(wish).await
    }

    /// Asks about all that is due.
    pub(super) async fn recover(&self) {
        self.module.intents.attempts.recover().await.unwrap();
        self.module.movements.recover().await.unwrap();
    }

    pub(super) fn advance(&self, by: Duration) {
        self.db.clock().advance(by);
    }

    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        let (count,): (i64,) = self.db.query(sql).one().await.unwrap();
        count
    }

    /// The kinds of what was said, in order.
    pub(super) async fn said(&self) -> Vec<String> {
        let rows: Vec<(String,)> = self.db.query("SELECT type FROM events ORDER BY id").all().await.unwrap();
        rows.into_iter().map(|(kind,)| kind).collect()
    }

    /// The ledger adds up to nothing and says the same as the intents, of which none has more on its way than its
    /// movements say.
    pub(super) async fn audit(&self) {
        let balances = balances(&self.db).await.unwrap();
        assert_eq!(balances.iter().map(|balance| balance.amount).sum::<i64>(), 0, "{balances:?}");
        let of = |account: &str| -> i64 {
            let of = balances.iter().filter(|balance| balance.account.starts_with(account));
            of.map(|balance| balance.amount).sum()
        };
        let (authorized, kept, disputed, pending): (i64, i64, i64, i64) = self
            .db
            .query(
                "SELECT CAST(COALESCE(SUM(authorized), 0) AS BIGINT),
                     CAST(COALESCE(SUM(captured - refunded), 0) AS BIGINT),
                     CAST(COALESCE(SUM(disputed), 0) AS BIGINT),
                     CAST(COALESCE(SUM(pending_capture + pending_void + pending_refund), 0) AS BIGINT)
                 FROM intents",
            )
            .one()
            .await
            .unwrap();
        let accounts = (of("holds"), of("clearing:"), of("disputes"), of("sales"));
        assert_eq!(accounts, (authorized, kept - disputed, disputed, -kept));
        let moving =
            "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM movements WHERE ask_at IS NOT NULL";
        assert_eq!(self.count(moving).await, pending);
    }
}
