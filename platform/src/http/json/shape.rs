//! A first pass over a body that looks only at its shape: syntax, depth, and names that are there twice.
//!
//! serde would take the last of two equal names in a map and stops counting levels only at 128. Two readers that
//! disagree about a repeated name are how a proxy is made to approve what the shop then does not do.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Problem, escape, malformed, refused};

const DEEPEST: u8 = 32;

/// Refuses what no `T` could make right.
pub(super) fn check(text: &str) -> Result<(), Problem> {
    let fault = RefCell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);
    let outcome = Shape { depth: 0, fault: &fault }.deserialize(&mut json).and_then(|()| json.end());
    match (outcome, fault.into_inner()) {
        (Ok(()), _) if text.trim_ascii_start().starts_with('{') => Ok(()),
        (Ok(()), _) => Err(refused(String::new(), "wrong_type", "Expected an object")),
        (Err(_), Some(Misshapen::TooDeep)) => Err(malformed("The body is nested more than 32 levels deep")),
        (Err(_), Some(Misshapen::Twice { pointer })) => {
            Err(refused(pointer, "duplicate_field", "This field is there twice"))
        }
        (Err(error), None) => {
            Err(malformed(format!("Not JSON at line {} column {}", error.line(), error.column())))
        }
    }
}

enum Misshapen {
    TooDeep,
    Twice { pointer: String },
}

#[derive(Clone, Copy)]
struct Shape<'a> {
    depth: u8,
    fault: &'a RefCell<Option<Misshapen>>,
}

impl Shape<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == DEEPEST {
            self.fault.replace(Some(Misshapen::TooDeep));
            return Err(E::custom("too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// On the way back from a repeated name each level puts its own place in front of the pointer.
    fn place<E>(self, place: impl FnOnce() -> String) -> impl FnOnce(E) -> E {
        move |error| {
            if let Some(Misshapen::Twice { pointer }) = &mut *self.fault.borrow_mut() {
                pointer.insert_str(0, &format!("/{}", place()));
            }
            error
        }
    }
}

/// A name, borrowed from the body unless it has escapes.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> DeserializeSeed<'de> for Shape<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shape<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut names: Vec<Name<'de>> = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            map.next_value_seed(inner).map_err(self.place(|| escape(&name.0)))?;
            names.push(name);
        }
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(()),
            Some(pair) => {
                self.fault.replace(Some(Misshapen::Twice { pointer: format!("/{}", escape(&pair[0].0)) }));
                Err(A::Error::custom("a name is there twice"))
            }
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut index = 0_usize;
        while let Some(()) = seq.next_element_seed(inner).map_err(self.place(|| index.to_string()))? {
            index += 1;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
