//! A bank with books of its own. What it did is true, whatever the shop has heard of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::Money;
use payment::sim::{Bank, Word};
use uuid::Uuid;

use super::mutant::Mutant;
use super::plan::{Fate, Kind};
use super::world::{Process, Spot};

/// The bank of a run.
#[derive(Clone, Default)]
pub(super) struct Books(Arc<Mutex<Accounts>>);

/// What it has done.
#[derive(Default)]
pub(super) struct Accounts {
    pub(super) charges: BTreeMap<Uuid, Charged>,
    /// Every instruction it has carried out, once.
    done: BTreeSet<Uuid>,
    /// What payers and webhooks are still to do.
    pub(super) to_tell: Vec<Uuid>,
}

/// A charge that came here.
#[derive(Debug, Clone)]
pub(super) struct Charged {
    pub(super) amount: Money,
    pub(super) at_once: bool,
    pub(super) fate: Fate,
    /// Whether the payer, or time, has decided.
    pub(super) decided: bool,
    pub(super) captured: i64,
    pub(super) voided: i64,
    pub(super) refunded: i64,
}

impl Charged {
    /// Whether money was promised or taken.
    pub(super) fn is_made(&self) -> bool {
        match self.fate {
            Fate::Approve => true,
            Fate::Later | Fate::Confirmed => self.decided,
            Fate::Decline | Fate::Refused | Fate::Abandoned => false,
        }
    }

    /// What is promised and was neither taken nor given up.
    pub(super) fn promised(&self) -> i64 {
        if self.is_made() && !self.at_once { self.amount.amount - self.captured - self.voided } else { 0 }
    }

    /// What was taken and not given back.
    pub(super) fn kept(&self) -> i64 {
        self.taken() - self.refunded
    }

    pub(super) fn taken(&self) -> i64 {
        match (self.is_made(), self.at_once) {
            (true, true) => self.amount.amount,
            (true, false) => self.captured,
            (false, _) => 0,
        }
    }

    fn word(&self, key: Uuid) -> Word {
        match self.fate {
            Fate::Decline => Word::Refused,
            Fate::Refused if self.decided => Word::Refused,
            Fate::Later if !self.decided => Word::Later,
            _ if self.is_made() && self.at_once => Word::Taken,
            _ if self.is_made() => Word::Promised,
            _ => Word::Payer(format!("/v1/webhooks/test/actions/{key}")),
        }
    }
}

impl Books {
    pub(super) fn open(&self) -> MutexGuard<'_, Accounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[kernel::macros::async_trait]
impl Bank for Books {
    async fn charge(&self, key: Uuid, amount: Money, at_once: bool, token: &str) -> Word {
        let trouble = asked("charge").await;
        if trouble == Some(Kind::BankUnreached) {
            return silence();
        }
        let word = {
            let mut books = self.open();
            let fate = Fate::of(token);
            let is_new = !books.charges.contains_key(&key);
            if is_new && matches!(fate, Fate::Later | Fate::Confirmed | Fate::Refused) {
                books.to_tell.push(key);
            }
            let new = Charged { amount, at_once, fate, decided: false, captured: 0, voided: 0, refunded: 0 };
            books.charges.entry(key).or_insert(new).word(key)
        };
        answered(trouble, word, silence()).await
    }

    async fn ask(&self, key: Uuid) -> Word {
        let trouble = asked("ask").await;
        let word = self.open().charges.get(&key).map_or(Word::NeverCame, |charged| charged.word(key));
        answered(trouble, word, silence()).await
    }

    async fn carry_out(&self, key: Uuid, what: &'static str, charge: Uuid, amount: i64) -> Option<bool> {
        let trouble = asked(what).await;
        if trouble == Some(Kind::BankUnreached) {
            return None;
        }
        let done = {
            let mut books = self.open();
            let known = books.done.contains(&key);
            let Some(charged) = books.charges.get_mut(&charge) else { return Some(false) };
            let (left, moved) = match what {
                "refund" => (charged.kept(), &mut charged.refunded),
                "void" => (charged.promised(), &mut charged.voided),
                _ => (charged.promised(), &mut charged.captured),
            };
            if !known && amount <= left {
                *moved += amount;
                books.done.insert(key);
            }
            known || amount <= left
        };
        answered(trouble, Some(done), None).await
    }
}

/// The bank's own word for nothing; the broken shop hears a refusal in it.
fn silence() -> Word {
    let mutant = Process::here().and_then(|process| process.world.mutant);
    if mutant == Some(Mutant::SilenceIsRefusal) { Word::Refused } else { Word::Silence }
}

async fn asked(what: &str) -> Option<Kind> {
    match Process::here() {
        Some(process) => process.turn_at(Spot::Bank, what).await,
        None => None,
    }
}

async fn answered<T>(trouble: Option<Kind>, word: T, silence: T) -> T {
    if let Some(process) = Process::here() {
        process.turn_at(Spot::Answer, "bank").await;
    }
    if matches!(trouble, Some(Kind::BankSilent | Kind::BankUnreached)) { silence } else { word }
}
