//! What happened, as modules tell each other: CloudEvents 1.0 in JSON, plus the position in the producer's log.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::contract::Schemas;
use crate::time::Moment;

/// An event as it travels. See the `CloudEvents` specification 1.0, section 3, for the attributes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// Unique for its source.
    pub id: Uuid,
    /// The module that says it: `/order`.
    pub source: String,
    /// What happened: `order.created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The id of the thing it happened to. Events of one subject are applied in order.
    pub subject: String,
    /// When.
    pub time: Moment,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// The particulars.
    #[schema(value_type = Object)]
    pub data: Value,
    /// Place in the source's log: contiguous, starts at 1, never moves.
    pub position: i64,
    /// W3C trace context of what caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// The data of one type of event. Adding an optional field is compatible; anything else is a new type.
pub trait EventData: Serialize + for<'de> Deserialize<'de> {
    /// The type on the wire: `order.created`.
    const TYPE: &'static str;

    /// The id of the thing it happened to.
    fn subject(&self) -> String;
}

/// Names what a module says: `events! { /// … OrderPlaced = "order.placed" about order_id { /// … order_id: OrderId, } }`.
/// Makes of each a struct with these fields and its [`EventData`], whose subject is the field after `about`, and of all
/// together `EVENTS`.
#[macro_export]
macro_rules! events {
    ($(
        $(#[$doc:meta])*
        $Event:ident = $kind:literal about $subject:ident { $( $(#[$field_doc:meta])* $field:ident: $Type:ty, )+ }
    )+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
            #[serde(rename_all = "camelCase")]
            pub struct $Event { $( $(#[$field_doc])* pub $field: $Type, )+ }

            impl $crate::event::EventData for $Event {
                const TYPE: &'static str = $kind;

                fn subject(&self) -> String {
                    self.$subject.to_string()
                }
            }
        )+

        /// Everything this module says.
        pub const EVENTS: &[$crate::event::EventType] = &[ $( $crate::event::EventType::of::<$Event>(), )+ ];
    };
}

/// A type of event, as documents describe it.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// The type on the wire.
    pub name: &'static str,
    /// Adds the schema of the data and returns its name.
    pub describe: fn(&mut Schemas) -> String,
    /// Reads data as a listener of today does, and writes it again.
    pub reread: fn(&Value) -> Result<Value, serde_json::Error>,
}

impl EventType {
    /// The type of these events.
    pub const fn of<E: EventData + utoipa::ToSchema>() -> Self {
        Self { name: E::TYPE, describe: Schemas::add::<E>, reread: reread::<E> }
    }
}

fn reread<E: EventData>(data: &Value) -> Result<Value, serde_json::Error> {
    serde_json::to_value(E::deserialize(data)?)
}

impl Event {
    /// The particulars as `E`, or `None` when this is an event of another type.
    ///
    /// # Errors
    /// The type matches and the data does not.
    pub fn read<E: EventData>(&self) -> Result<Option<E>, serde_json::Error> {
        if self.kind != E::TYPE {
            return Ok(None);
        }
        E::deserialize(&self.data).map(Some)
    }
}
