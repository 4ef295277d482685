//! Moments, and the clock they come from.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::{ContextV7, Timestamp, Uuid};

use crate::id::Id;

/// A moment in UTC, exact to the microsecond, the finest that both databases keep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The moment this many microseconds after 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, as tokens carry them.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This much later. Stops at the last moment that can be expressed.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This much earlier. Stops at the first moment that can be expressed.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    fn date_time(self) -> OffsetDateTime {
        // Years beyond what RFC 3339 can say cannot be parsed or made from the clock.
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl From<OffsetDateTime> for Moment {
    fn from(value: OffsetDateTime) -> Self {
        Self((value.unix_timestamp_nanos().div_euclid(1000)) as i64)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.date_time().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an RFC 3339 date and time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a date and time as in RFC 3339, such as 2026-01-31T09:30:00Z")]
pub struct MomentError;

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let read = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| MomentError)?;
        // An offset may lead out of the years that RFC 3339 can say, and then it could not be said again.
        let in_utc =
            read.checked_to_offset(time::UtcOffset::UTC).filter(|utc| (0..=9999).contains(&utc.year()));
        in_utc.map(Self::from).ok_or(MomentError)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Moment {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .into()
    }
}

impl utoipa::ToSchema for Moment {}

/// Tells the time and makes ids. Handed to whoever needs it, so that a test can hold it still.
#[derive(Clone)]
pub struct Clock(Arc<Source>);

struct Source {
    /// `Some` when a test holds the time.
    held: Option<Mutex<Moment>>,
    ids: Ids,
}

/// What tells ids of the same moment apart.
enum Ids {
    /// A counter and chance, as everywhere.
    ByChance(Mutex<ContextV7>),
    /// A counter alone.
    Counted(AtomicU64),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source { held: None, ids: Ids::ByChance(Mutex::new(ContextV7::new())) }))
    }

    /// A clock that stands still until [`Clock::advance`] moves it.
    pub fn held_at(moment: Moment) -> Self {
        Self(Arc::new(Source {
            held: Some(Mutex::new(moment)),
            ids: Ids::ByChance(Mutex::new(ContextV7::new())),
        }))
    }

    /// The same without any chance: its ids follow from the moment and from how many were made before, so that what is
    /// done again in the same order makes the same ids. Two such clocks make each other's ids.
    pub fn without_chance(moment: Moment) -> Self {
        Self(Arc::new(Source { held: Some(Mutex::new(moment)), ids: Ids::Counted(AtomicU64::new(0)) }))
    }

    /// The moment it is.
    pub fn now(&self) -> Moment {
        match &self.0.held {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
            None => OffsetDateTime::now_utc().into(),
            Some(held) => *held.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        }
    }

    /// Moves a held clock forward. The machine's clock is not ours to move: there it does nothing.
    pub fn advance(&self, by: Duration) {
        if let Some(held) = &self.0.held {
            let mut moment = held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *moment = moment.plus(by);
        }
    }

    /// Begins again at this moment, ids included, where there is no chance in them. Elsewhere it does nothing.
    pub fn begin_again(&self, at: Moment) {
        if let (Some(held), Ids::Counted(made)) = (&self.0.held, &self.0.ids) {
            *held.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = at;
            made.store(0, Ordering::Relaxed);
        }
    }

    /// A new id. Ids of one clock sort in the order in which they were made.
    pub fn id<T>(&self) -> Id<T> {
        Id::from_uuid(self.uuid())
    }

    /// A new `UUIDv7`, for what has no prefix of its own.
    pub fn uuid(&self) -> Uuid {
        let now = self.now().micros();
        let seconds = u64::try_from(now.div_euclid(1_000_000)).unwrap_or(0);
        let nanos = (now.rem_euclid(1_000_000) * 1000) as u32;
        match &self.0.ids {
            Ids::ByChance(ids) => {
                let ids = ids.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
                Uuid::new_v7(Timestamp::from_unix(&*ids, seconds, nanos))
            }
            Ids::Counted(made) => {
                let number = u128::from(made.fetch_add(1, Ordering::Relaxed));
                let millis = seconds * 1000 + u64::from(nanos / 1_000_000);
                let tail = number.to_be_bytes();
                let mut bytes = [0; 10];
                bytes.copy_from_slice(&tail[6..]);
                uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
            }
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

#[cfg(feature = "sql")]
mod sql {
    use super::{Moment, OffsetDateTime};
    use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueRef};
    use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
    use sqlx::{Decode, Encode, Postgres, Sqlite, Type, encode::IsNull, error::BoxDynError};

    impl Type<Postgres> for Moment {
        fn type_info() -> PgTypeInfo {
            <OffsetDateTime as Type<Postgres>>::type_info()
        }
    }
    impl Encode<'_, Postgres> for Moment {
        fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            <OffsetDateTime as Encode<Postgres>>::encode_by_ref(&self.date_time(), buf)
        }
    }
    impl<'r> Decode<'r, Postgres> for Moment {
        fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
            <OffsetDateTime as Decode<Postgres>>::decode(value).map(Self::from)
        }
    }

    // SQLite keeps microseconds as an integer: RFC 3339 text without a fixed number of decimals does not sort.
    impl Type<Sqlite> for Moment {
        fn type_info() -> SqliteTypeInfo {
            <i64 as Type<Sqlite>>::type_info()
        }
        fn compatible(_: &SqliteTypeInfo) -> bool {
            true
        }
    }
    impl Encode<'_, Sqlite> for Moment {
        fn encode_by_ref(&self, buf: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
            <i64 as Encode<Sqlite>>::encode_by_ref(&self.0, buf)
        }
    }
    impl<'r> Decode<'r, Sqlite> for Moment {
        fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
            <i64 as Decode<Sqlite>>::decode(value).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_survives_its_text_to_the_microsecond() {
        let moment: Moment = "2011-02-28T23:59:59.123456Z".parse().unwrap();
        assert_eq!(moment.to_string(), "2011-02-28T23:59:59.123456Z");
        assert_eq!("2011-03-01T00:59:59.123456+01:00".parse(), Ok(moment));
    }

    #[test]
    fn a_moment_that_could_not_be_said_again_is_none() {
        for text in ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"] {
            assert_eq!(text.parse::<Moment>(), Err(MomentError), "{text}");
        }
        for text in ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn ids_of_a_clock_that_stands_still_sort_in_the_order_they_were_made() {
        let clock = Clock::held_at("2026-01-01T00:00:00Z".parse().unwrap());
        let ids: Vec<Id<()>> = (0..1000).map(|_| clock.id()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn without_chance_the_same_is_done_twice() {
        let ids = || {
            let clock = Clock::without_chance("2026-01-01T00:00:00Z".parse().unwrap());
            (0..1000)
                .map(|number| {
                    clock.advance(Duration::from_micros(number * 7));
                    clock.uuid()
                })
                .collect::<Vec<_>>()
        };
        let once = ids();
        assert!(once.is_sorted_by(|one, next| one < next));
        assert_eq!(once, ids());
    }
}
