//! A cell of the matrix: who, what, whose; and what has to come of it.

use super::objects::Whose;
use super::people::{Person, Who};
use super::table::Needs;
use crate::prove::door::Answer;

/// What has to come of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// They come in; what they find there is another matter.
    In,
    /// They are told who may come in.
    Refused(u16, &'static str, Option<&'static str>),
    /// There is no such thing, as far as they learn.
    NotThere,
}

/// Refusals that say that somebody was not let in.
const OUT: [&str; 6] = [
    "authentication_required",
    "invalid_token",
    "permission_missing",
    "customer_required",
    "invalid_signature",
    "not_found",
];

/// What has to come of it when this person asks for this.
pub(super) fn expected(needs: Needs, person: &Person, whose: Whose) -> Expected {
    if person.who == Who::Forger {
        return Expected::Refused(401, "invalid_token", None);
    }
    let signed_in = person.bearer.is_some();
    match needs {
        Needs::Nothing => there(!matches!(whose, Whose::Unknown | Whose::Hidden)),
        Needs::Signature if whose == Whose::Unknown => Expected::NotThere,
        Needs::Signature => Expected::Refused(400, "invalid_signature", None),
        Needs::Account | Needs::Customer | Needs::Permission(_) if !signed_in => {
            Expected::Refused(401, "authentication_required", None)
        }
        Needs::Account => Expected::In,
        Needs::Customer => match person.who {
            Who::Staff(_) => Expected::Refused(403, "customer_required", None),
            _ => there(whose == Whose::Nobodys || (whose == Whose::Adas && person.who == Who::Ada)),
        },
        Needs::Owner => {
            let owner = match whose {
                Whose::Adas => Who::Ada,
                Whose::Guests => Who::Guest,
                _ => return Expected::NotThere,
            };
            there(person.who == owner)
        }
        Needs::Permission(permission) if person.may(permission) => there(whose != Whose::Unknown),
        Needs::Permission(permission) => Expected::Refused(403, "permission_missing", Some(permission)),
    }
}

fn there(is: bool) -> Expected {
    if is { Expected::In } else { Expected::NotThere }
}

/// What is wrong with the answer, if it is not what had to come.
pub(super) fn amiss(expected: &Expected, answer: &Answer) -> Option<String> {
    if let Some(malformed) = answer.malformed() {
        return Some(malformed);
    }
    let as_it_should = match expected {
        Expected::In => answer.status < 500 && !OUT.contains(&answer.code()),
        Expected::NotThere => (answer.status, answer.code()) == (404, "not_found"),
        Expected::Refused(status, code, permission) => {
            (answer.status, answer.code()) == (*status, *code)
                && permission.is_none_or(|permission| answer.body["permission"] == permission)
        }
    };
    (!as_it_should)
        .then(|| format!("{} {:.200} instead of {expected:?}", answer.status, answer.body.to_string()))
}
