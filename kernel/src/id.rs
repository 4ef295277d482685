//! Typed identifiers: a prefix that says what is meant, and a `UUIDv7` that says which.
//!
//! The text form is a [TypeID](https://github.com/jetify-com/typeid): `ord_01jd…`, the UUID in 26 characters of
//! lower-case Crockford base32. An id with another prefix does not parse, so a product's id can never be used
//! where an order's belongs.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LEN: usize = 26;

/// A kind of thing that has ids.
pub trait Entity: 'static {
    /// The prefix of its ids, without the underscore: `"ord"`.
    const PREFIX: &'static str;
}

/// The id of a `T`. Ids made later sort later.
pub struct Id<T> {
    uuid: Uuid,
    of: PhantomData<fn() -> T>,
}

/// Why a text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The prefix is missing or belongs to another kind of thing.
    #[error("expected an id that starts with `{expected}_`")]
    WrongPrefix {
        /// The prefix that was expected.
        expected: &'static str,
    },
    /// The part after the prefix is not 26 characters of lower-case Crockford base32 that fit 128 bits.
    #[error("the part after `{prefix}_` must be 26 characters of lower-case Crockford base32")]
    Malformed {
        /// The prefix of the expected kind.
        prefix: &'static str,
    },
}

impl<T> Id<T> {
    /// The id with this UUID.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, of: PhantomData }
    }

    /// The UUID, as it is stored.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<T: Entity> FromStr for Id<T> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let suffix = text
            .strip_prefix(T::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or(IdError::WrongPrefix { expected: T::PREFIX })?;
        decode(suffix).map(Self::from_uuid).ok_or(IdError::Malformed { prefix: T::PREFIX })
    }
}

impl<T: Entity> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = encode(self.uuid);
        f.write_str(T::PREFIX)?;
        f.write_str("_")?;
        f.write_str(str::from_utf8(&suffix).map_err(|_| fmt::Error)?)
    }
}

impl<T: Entity> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names kinds of things and their ids: `ids! { /// An order. OrderId = Order("ord"); }`.
#[macro_export]
macro_rules! ids {
    ($( $(#[$doc:meta])* $Id:ident = $Kind:ident($prefix:literal); )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub enum $Kind {}

            impl $crate::Entity for $Kind {
                const PREFIX: &'static str = $prefix;
            }

            $(#[$doc])*
            pub type $Id = $crate::Id<$Kind>;
        )+
    };
}

fn encode(uuid: Uuid) -> [u8; SUFFIX_LEN] {
    let mut rest = uuid.as_u128();
    let mut text = [b'0'; SUFFIX_LEN];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(rest & 31) as usize];
        rest >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<Uuid> {
    let bytes = text.as_bytes();
    // 26 × 5 = 130 bits: the first character may only use its lower three.
    if bytes.len() != SUFFIX_LEN || !(b'0'..=b'7').contains(&bytes[0]) {
        return None;
    }
    let mut value = 0_u128;
    for byte in bytes {
        let digit = ALPHABET.iter().position(|letter| letter == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some(Uuid::from_u128(value))
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<T: Entity> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Entity> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);
        impl<T: Entity> de::Visitor<'_> for Text<T> {
            type Value = Id<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an id that starts with `{}_`", T::PREFIX)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<T>, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl<T: Entity> utoipa::PartialSchema for Id<T> {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some(format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", T::PREFIX)))
            .examples([serde_json::Value::String(format!("{}_01jdzq4h5gf3bs8v0c7j3n2k9m", T::PREFIX))])
            .into()
    }
}

impl<T: Entity> utoipa::ToSchema for Id<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        format!("Id_{}", T::PREFIX).into()
    }
}

#[cfg(feature = "sql")]
mod sql {
    use super::{Id, Uuid};
    use sqlx::{Database, Decode, Encode, Type, encode::IsNull, error::BoxDynError};

    impl<DB: Database, T> Type<DB> for Id<T>
    where
        Uuid: Type<DB>,
    {
        fn type_info() -> DB::TypeInfo {
            Uuid::type_info()
        }
        fn compatible(ty: &DB::TypeInfo) -> bool {
            Uuid::compatible(ty)
        }
    }

    impl<'q, DB: Database, T> Encode<'q, DB> for Id<T>
    where
        Uuid: Encode<'q, DB>,
    {
        fn encode_by_ref(&self, buf: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
            self.uuid.encode_by_ref(buf)
        }
    }

    impl<'r, DB: Database, T> Decode<'r, DB> for Id<T>
    where
        Uuid: Decode<'r, DB>,
    {
        fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
            Uuid::decode(value).map(Self::from_uuid)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug)]
    struct Order;
    impl Entity for Order {
        const PREFIX: &'static str = "ord";
    }

    proptest! {
        #[test]
        fn every_id_survives_its_text(value: u128) {
            let id = Id::<Order>::from_uuid(Uuid::from_u128(value));
            prop_assert_eq!(id.to_string().parse::<Id<Order>>(), Ok(id));
        }

        #[test]
        fn ids_sort_like_their_text(a: u128, b: u128) {
            let (a, b) = (Id::<Order>::from_uuid(Uuid::from_u128(a)), Id::<Order>::from_uuid(Uuid::from_u128(b)));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }

    #[test]
    fn the_published_typeid_example_decodes() {
        // From the TypeID specification, valid.json.
        assert_eq!(
            decode("01h455vb4pex5vsknk084sn02q"),
            Some(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057))
        );
    }

    #[test]
    fn another_prefix_or_a_bad_suffix_is_refused() {
        for text in [
            "prod_01h455vb4pex5vsknk084sn02q",
            "01h455vb4pex5vsknk084sn02q",
            "ord_",
            "ord_81h455vb4pex5vsknk084sn02q",
            "ord_01H455VB4PEX5VSKNK084SN02Q",
            "ord_01h455vb4pex5vsknk084sn02qq",
            "ord_01h455vb4pex5vsknk084sn02é",
        ] {
            assert!(text.parse::<Id<Order>>().is_err(), "{text}");
        }
    }
}
