//! What is said to a provider over HTTP and what it answers, and which answers are believed.

use kernel::Money;
use payment_api::{AttemptId, CaptureMethod};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::movement::MovementKind;
use crate::provider::{Charge, Instruction, Outcome};

/// Why a charge is declined, in the words that the API knows. The last stands for all others.
const DECLINE_CODES: [&str; 6] =
    ["card_declined", "insufficient_funds", "expired_card", "lost_card", "do_not_honor", "processing_error"];
/// The longest name of a provider's own for a charge.
const LONGEST_REFERENCE: usize = 200;
/// The longest address that a payer is sent to.
const LONGEST_URL: usize = 2_000;

/// Why an answer is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unbelievable {
    #[error("its answer is not what the protocol says: {0}")]
    NotUnderstood(String),
    #[error("its answer is about something else than was asked")]
    AboutSomethingElse,
    #[error("its answer is about {said}, it was asked about {asked}")]
    OtherAmount { said: Money, asked: Money },
    #[error("it answered `{0}`, which is not what was asked for")]
    OtherStatus(&'static str),
    #[error("its answer lacks `{0}`, or what is there cannot be one")]
    Lacks(&'static str),
}

/// A charge that is asked for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChargeBody<'c> {
    amount: Money,
    capture: CaptureMethod,
    token: &'c str,
}

/// How a charge went, as the provider tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChargeAnswer {
    charge: AttemptId,
    status: ChargeStatus,
    amount: Money,
    reference: Option<String>,
    decline_code: Option<String>,
    action_url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ChargeStatus {
    Captured,
    Authorized,
    Declined,
    RequiresAction,
    Pending,
}

/// Money that is to be moved.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MovementBody {
    kind: MovementKind,
    amount: Money,
}

/// How a movement went, as the provider tells it.
#[derive(Debug, Deserialize)]
pub(super) struct MovementAnswer {
    movement: Uuid,
    kind: String,
    status: Fate,
    amount: Money,
}

/// How a movement went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Fate {
    /// The money moved.
    Succeeded,
    /// It will not.
    Refused,
    /// It is not known yet.
    Pending,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    charge: AttemptId,
}

/// Whether an answer says something that is believed of this charge.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn believes(charge: &Charge, answer: &[u8]) -> bool {
    ChargeAnswer::read(answer).is_ok_and(|read| read.believe(charge).is_ok())
}

/// Whether a 404 says that this charge never arrived.
pub(super) fn never_heard_of(charge: &Charge, answer: &[u8]) -> bool {
    understood::<Refusal>(answer)
        .is_ok_and(|refusal| refusal.code == "unknown_charge" && refusal.charge.uuid() == charge.key)
}

impl<'c> ChargeBody<'c> {
    pub(super) fn of(charge: &'c Charge) -> Self {
        Self { amount: charge.amount, capture: charge.capture, token: &charge.token }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl MovementBody {
    pub(super) fn of(instruction: &Instruction) -> Self {
        Self { kind: instruction.kind, amount: instruction.amount }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl ChargeAnswer {
    pub(super) fn read(answer: &[u8]) -> Result<Self, Unbelievable> {
        understood(answer)
    }

    /// What that means for the charge it was asked about.
    pub(super) fn believe(self, charge: &Charge) -> Result<Outcome, Unbelievable> {
        if self.charge.uuid() != charge.key {
            return Err(Unbelievable::AboutSomethingElse);
        }
        if self.amount != charge.amount {
            return Err(Unbelievable::OtherAmount { said: self.amount, asked: charge.amount });
        }
        let reference = || {
            let fits = |text: &String| (1..=LONGEST_REFERENCE).contains(&text.len()) && !text.contains('\0');
            self.reference.clone().filter(fits).ok_or(Unbelievable::Lacks("reference"))
        };
        match (self.status, charge.capture) {
            (ChargeStatus::Captured, CaptureMethod::Automatic) => Ok(Outcome::Captured(reference()?)),
            (ChargeStatus::Authorized, CaptureMethod::Manual) => Ok(Outcome::Authorized(reference()?)),
            (ChargeStatus::Captured, CaptureMethod::Manual) => Err(Unbelievable::OtherStatus("captured")),
            (ChargeStatus::Authorized, CaptureMethod::Automatic) => {
                Err(Unbelievable::OtherStatus("authorized"))
            }
            (ChargeStatus::Declined, _) => Ok(Outcome::Declined(unified(self.decline_code.as_deref()))),
            (ChargeStatus::RequiresAction, _) => {
                let url = self.action_url.filter(|url| {
                    url.len() <= LONGEST_URL && (url.starts_with("https://") || url.starts_with("http://"))
                });
                url.map(Outcome::RequiresAction).ok_or(Unbelievable::Lacks("actionUrl"))
            }
            (ChargeStatus::Pending, _) => Ok(Outcome::Pending),
        }
    }
}

impl MovementAnswer {
    pub(super) fn read(answer: &[u8]) -> Result<Self, Unbelievable> {
        understood(answer)
    }

    /// What that means for the movement it was asked for.
    pub(super) fn believe(self, instruction: &Instruction) -> Result<Fate, Unbelievable> {
        if self.movement != instruction.key || self.kind != instruction.kind.as_str() {
            return Err(Unbelievable::AboutSomethingElse);
        }
        if self.amount != instruction.amount {
            return Err(Unbelievable::OtherAmount { said: self.amount, asked: instruction.amount });
        }
        Ok(self.status)
    }
}

/// An answer that is JSON as a whole. Left to itself the reader skips what it is not asked for, whatever bytes it is of.
fn understood<T: for<'de> Deserialize<'de>>(answer: &[u8]) -> Result<T, Unbelievable> {
    let text =
        str::from_utf8(answer).map_err(|_| Unbelievable::NotUnderstood("it is not UTF-8".to_owned()))?;
    serde_json::from_str(text).map_err(|error| Unbelievable::NotUnderstood(place(&error)))
}

fn unified(code: Option<&str>) -> &'static str {
    DECLINE_CODES.into_iter().find(|known| Some(*known) == code).unwrap_or("processing_error")
}

/// Where an answer is wrong, without a word of what it holds.
fn place(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or cannot be what it is",
        _ => "it is not JSON",
    };
    format!("{what}, line {} column {}", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn charge(capture: CaptureMethod) -> Charge {
        Charge {
            key: Uuid::from_u128(7),
            amount: Money::new(1000, "USD".parse().unwrap()),
            capture,
            token: "tok".into(),
            sent_at: kernel::Moment::from_micros(0),
        }
    }

    /// An answer that is right, with these fields instead.
    fn answer(changes: Value) -> Value {
        let mut answer = json!({
            "charge": AttemptId::from_uuid(Uuid::from_u128(7)), "status": "captured", "reference": "ch_1",
            "amount": { "amount": 1000, "currency": "USD" }, "aFieldOfLater": true,
        });
        answer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        answer
    }

    fn heard(changes: Value, capture: CaptureMethod) -> Result<Outcome, Unbelievable> {
        ChargeAnswer::read(answer(changes).to_string().as_bytes())?.believe(&charge(capture))
    }

    #[test]
    fn an_answer_as_the_protocol_says_is_believed() {
        let automatic = |changes| heard(changes, CaptureMethod::Automatic).unwrap();
        assert_eq!(automatic(json!({})), Outcome::Captured("ch_1".into()));
        assert_eq!(automatic(json!({ "status": "pending" })), Outcome::Pending);
        let declined = |code: &str| automatic(json!({ "status": "declined", "declineCode": code }));
        assert_eq!(declined("lost_card"), Outcome::Declined("lost_card"));
        assert_eq!(declined("R2-D2"), Outcome::Declined("processing_error"));
        let url = json!({ "status": "requiresAction", "actionUrl": "https://bank.example/3ds" });
        assert_eq!(automatic(url), Outcome::RequiresAction("https://bank.example/3ds".into()));
        let promised = heard(json!({ "status": "authorized" }), CaptureMethod::Manual);
        assert_eq!(promised, Ok(Outcome::Authorized("ch_1".into())));
    }

    #[test]
    fn an_answer_that_is_not_text_throughout_is_no_answer() {
        let mut bytes = answer(json!({ "aFieldOfLater": "?" })).to_string().into_bytes();
        let at = bytes.iter().position(|byte| *byte == b'?').unwrap();
        assert!(ChargeAnswer::read(&bytes).is_ok());
        bytes[at] = 0xFF;
        assert!(matches!(ChargeAnswer::read(&bytes), Err(Unbelievable::NotUnderstood(_))));
    }

    #[test]
    fn an_answer_about_another_charge_amount_or_currency_is_no_answer() {
        let other = AttemptId::from_uuid(Uuid::from_u128(8));
        for changes in [
            json!({ "charge": other }),
            json!({ "amount": { "amount": 999, "currency": "USD" } }),
            json!({ "amount": { "amount": 1000, "currency": "EUR" } }),
            json!({ "amount": { "amount": "1000", "currency": "USD" } }),
            json!({ "status": "authorized" }),
            json!({ "status": "settled" }),
            json!({ "reference": null }),
            json!({ "reference": "" }),
            json!({ "status": "requiresAction" }),
            json!({ "status": "requiresAction", "actionUrl": "javascript:alert(1)" }),
        ] {
            heard(changes.clone(), CaptureMethod::Automatic).expect_err(&changes.to_string());
        }
        heard(json!({}), CaptureMethod::Manual).expect_err("captured, though it was to be promised");
        ChargeAnswer::read(b"<html>").unwrap_err();
    }

    #[test]
    fn only_a_provider_that_says_so_has_never_heard_of_a_charge() {
        let said = |code: &str, charge: u128| {
            let charge = AttemptId::from_uuid(Uuid::from_u128(charge));
            let answer = json!({ "code": code, "charge": charge }).to_string();
            never_heard_of(&super::tests::charge(CaptureMethod::Automatic), answer.as_bytes())
        };
        assert!(said("unknown_charge", 7));
        assert!(!said("unknown_charge", 8), "it was about another");
        assert!(!said("not_found", 7));
        assert!(!never_heard_of(&charge(CaptureMethod::Automatic), b"<html>no such page</html>"));
    }

    #[test]
    fn a_movement_is_believed_when_it_is_the_one_that_was_asked_for() {
        let amount = Money::new(600, "USD".parse().unwrap());
        let (key, kind) = (Uuid::from_u128(9), MovementKind::Refund);
        let asked = Instruction { key, kind, charge: charge(CaptureMethod::Automatic), amount };
        let said = |movement: u128, kind: &str, amount: i64| {
            let amount = json!({ "amount": amount, "currency": "USD" });
            let movement = Uuid::from_u128(movement);
            let body = json!({ "movement": movement, "kind": kind, "status": "succeeded", "amount": amount });
            MovementAnswer::read(body.to_string().as_bytes()).unwrap().believe(&asked)
        };
        assert_eq!(said(9, "refund", 600), Ok(Fate::Succeeded));
        for wrong in [said(8, "refund", 600), said(9, "void", 600), said(9, "refund", 601)] {
            wrong.unwrap_err();
        }
    }
}
