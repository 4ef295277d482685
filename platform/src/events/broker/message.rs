//! An event as it stands on the broker: CloudEvents JSON under a subject of its own, sealed.

use async_nats::jetstream::message::PublishMessage;
use async_nats::{HeaderMap, Subject};
use kernel::Event;

use super::Broker;

/// The seal over subject and event.
const SEAL: &str = "Cleave-Seal";
/// As the `CloudEvents` binding for NATS has it.
const CONTENT_TYPE: &str = "application/cloudevents+json";

impl Broker {
    /// The subject of an event, and what is published there.
    pub(super) fn seal(
        &self,
        module: &str,
        event: &Event,
    ) -> Result<(String, PublishMessage), serde_json::Error> {
        let subject = format!("{}.{module}.{}", self.0.options.prefix, event.kind);
        let text = serde_json::to_vec(event)?;
        let seal = self.0.options.secret.seal(&subject, &text);
        let message = PublishMessage::build()
            .message_id(event.id.to_string())
            .header("content-type", CONTENT_TYPE)
            .header(SEAL, seal.as_str())
            .payload(text.into());
        Ok((subject, message))
    }

    /// The event in a message; `None` when it was not this shop that has published it.
    pub(super) fn open(
        &self,
        module: &str,
        subject: &Subject,
        headers: Option<&HeaderMap>,
        text: &[u8],
    ) -> Option<Event> {
        let seal = headers?.get(SEAL)?;
        if !self.0.options.secret.is_sealed(subject, text, seal.as_str()) {
            return None;
        }
        let event: Event = serde_json::from_slice(text).ok()?;
        (event.source.strip_prefix('/') == Some(module)).then_some(event)
    }
}
