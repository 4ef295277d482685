//! `?fields=`: only some of the members of an answer.
//!
//! It only ever takes away. What a name may be is decided by the API's description before anything is asked, so a name
//! that is not there and one that is hidden are refused alike.

use std::collections::BTreeMap;

use platform::http::{Problem, invalid_parameter};
use serde_json::Value;

/// The members to keep.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, Kept>);

#[derive(Debug, PartialEq, Eq)]
enum Kept {
    Whole,
    Part(Fields),
}

impl Fields {
    /// Reads names with commas between them, dots between a member and its own.
    ///
    /// # Errors
    /// 400 `invalid_parameter` for a name that is not `known`.
    pub fn read(text: &str, known: impl Fn(&str) -> bool) -> Result<Self, Problem> {
        let mut fields = Self::default();
        for name in text.split(',') {
            if !known(name) {
                let detail = format!("There is no field `{name}` here");
                return Err(invalid_parameter("fields", "unknown_field", &detail));
            }
            fields.add(name);
        }
        Ok(fields)
    }

    /// The whole of a member wins over its parts.
    fn add(&mut self, name: &str) {
        match name.split_once('.') {
            None => {
                self.0.insert(name.to_owned(), Kept::Whole);
            }
            Some((name, rest)) => {
                let kept = self.0.entry(name.to_owned()).or_insert_with(|| Kept::Part(Self::default()));
                if let Kept::Part(part) = kept {
                    part.add(rest);
                }
            }
        }
    }

    /// Takes away from a thing, or from each of several, what was not asked for.
    pub fn keep(&self, thing: &mut Value) {
        match thing {
            Value::Object(members) => members.retain(|name, member| match self.0.get(name) {
                None => false,
                Some(Kept::Whole) => true,
                Some(Kept::Part(part)) => {
                    part.keep(member);
                    true
                }
            }),
            Value::Array(things) => things.iter_mut().for_each(|thing| self.keep(thing)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kept(text: &str, mut thing: Value) -> Value {
        Fields::read(text, |_| true).unwrap().keep(&mut thing);
        thing
    }

    #[test]
    fn what_is_named_stays_and_the_rest_goes() {
        let order = json!({ "id": 1, "total": { "amount": 5, "currency": "USD" }, "lines": [{ "sku": "A", "n": 1 }] });
        assert_eq!(kept("id", order.clone()), json!({ "id": 1 }));
        assert_eq!(
            kept("total.amount,lines.sku", order.clone()),
            json!({ "total": { "amount": 5 }, "lines": [{ "sku": "A" }] })
        );
        assert_eq!(
            kept("lines.n,lines,lines.sku", order.clone()),
            json!({ "lines": [{ "sku": "A", "n": 1 }] })
        );
        assert_eq!(kept("note", order), json!({}), "a member may be absent today");
        assert_eq!(kept("address.city", json!({ "address": null })), json!({ "address": null }));
    }

    #[test]
    fn an_unknown_name_is_refused_by_name() {
        for text in ["", "id,", "id,,total", "cost", "id,cost"] {
            let problem = Fields::read(text, |name| ["id", "total"].contains(&name)).unwrap_err();
            assert_eq!((problem.status().as_u16(), problem.code()), (400, "invalid_parameter"), "{text}");
        }
    }
}
