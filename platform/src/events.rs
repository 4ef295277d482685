//! What happened: a log per module, and listeners that each keep their own place in it.
//!
//! The log is the truth. An event is written in the transaction of the change it reports, and a listener moves its
//! cursor in the transaction of the effect, so every event has its effect exactly once.

mod broker;
mod feed;
mod listen;
mod parked;
mod retain;
mod sequence;
#[cfg(test)]
mod tests;

use kernel::Event;
use kernel::event::EventData;

use crate::db::{Db, DbError, Json, Sql, Tx};
use crate::tasks::traceparent;

pub use broker::{Broker, BrokerError, BrokerOptions, BrokeredFeeds};
pub use feed::{
    Cursor, EventsPage, Feeds, FeedsClient, FeedsError, FeedsServer, Logs, Progress, ReadEvents, ReadProgress,
};
pub use listen::{Hears, Listener, ListenerError, listen};
pub use parked::{ParkedEvent, parked, replay};
use retain::cursors;
pub use retain::retain;
pub use sequence::sequence;

const INSERT: Sql = Sql::each(
    "WITH told AS (VALUES {rows})
     INSERT INTO events (position, id, type, subject, occurred_at, data, traceparent)
     SELECT (SELECT COALESCE(MAX(position), 0) FROM events) + ROW_NUMBER() OVER (ORDER BY column1),
         column1, column2, column3, column4, column5, column6
     FROM told
     RETURNING position",
    "INSERT INTO events (id, type, subject, occurred_at, data, traceparent)
     VALUES {rows}",
);

/// An event that is to be written with the commit of what it reports.
pub(crate) struct NewEvent {
    id: uuid::Uuid,
    kind: &'static str,
    subject: String,
    at: kernel::Moment,
    data: serde_json::Value,
}

impl Tx {
    /// Says what happened, in the same transaction as the change.
    ///
    /// # Errors
    /// It cannot be put as JSON.
    pub async fn publish<E: EventData>(&mut self, event: &E) -> Result<(), DbError> {
        self.publish_all(std::slice::from_ref(event)).await
    }

    /// Says many things of one type.
    ///
    /// # Errors
    /// As [`Tx::publish`].
    pub async fn publish_all<E: EventData>(&mut self, events: &[E]) -> Result<(), DbError> {
        for event in events {
            let data = serde_json::to_value(event)
                .map_err(|error| DbError::Other(sqlx::Error::Encode(error.into())))?;
            let (id, at) = (self.db().clock().uuid(), self.db().clock().now());
            self.tell(NewEvent { id, kind: E::TYPE, subject: event.subject(), at, data });
        }
        Ok(())
    }

    /// Writes what was said as the last of this transaction, in one statement, so that its order in the log is the order
    /// in which it was said. On SQLite everything that waited has been sent after this.
    pub(crate) async fn write_events(&mut self) -> Result<(), DbError> {
        let told = self.take_told();
        let sqlite = self.db().is_sqlite();
        if told.is_empty() {
            return if sqlite { self.send_later().await } else { Ok(()) };
        }
        let traceparent = traceparent().map(|text| text.to_string());
        let insert = self.query(INSERT).rows(told, |row, event| {
            row.bind(event.id)
                .bind(event.kind)
                .bind(event.subject)
                .bind(event.at)
                .bind(Json(event.data))
                .bind(traceparent.clone())
        });
        if sqlite {
            let positions: Vec<(i64,)> = insert.all().await?;
            let last = positions.into_iter().max().ok_or(DbError::Missing)?;
            self.mark_published(last.0);
        } else {
            insert.later();
            // The sequencer will give them their positions.
            self.mark_published(0);
        }
        Ok(())
    }
}

/// Reads a module's own log: at most `limit` events after a position, in order.
///
/// # Errors
/// As any statement.
pub async fn read(db: &Db, after: i64, limit: u32) -> Result<Vec<Event>, DbError> {
    let rows: Vec<EventRow> = db
        .query(
            "SELECT position, id, type, subject, occurred_at, data, traceparent
             FROM events
             WHERE position > $1
             ORDER BY position
             LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .all()
        .await?;
    let source = format!("/{}", db.module());
    Ok(rows.into_iter().map(|row| row.into_event(&source)).collect())
}

#[derive(sqlx::FromRow)]
struct EventRow {
    position: i64,
    id: uuid::Uuid,
    #[sqlx(rename = "type")]
    kind: String,
    subject: String,
    occurred_at: kernel::Moment,
    data: Json<serde_json::Value>,
    traceparent: Option<String>,
}

impl EventRow {
    fn into_event(self, source: &str) -> Event {
        Event {
            specversion: "1.0".into(),
            id: self.id,
            source: source.to_owned(),
            kind: self.kind,
            subject: self.subject,
            time: self.occurred_at,
            datacontenttype: "application/json".into(),
            data: self.data.0,
            position: self.position,
            traceparent: self.traceparent,
        }
    }
}
