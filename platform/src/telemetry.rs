//! What the process says about itself: one line an event, with the fields of the spans around it.
//!
//! Fields name things by id (`request.id`, `order.id`) and never hold a name, an address, a mail address, a token
//! or a body: what is logged is copied to places we know nothing of.

use std::io::IsTerminal as _;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people; in colour where there is a terminal.
    Pretty,
    /// For programs: one JSON object a line.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("the log filter is not a list such as `info,platform::db=debug`")]
    Filter(#[source] ParseError),
    /// Something else in this process already takes the log.
    #[error("the log was set up before")]
    SetUpBefore,
}

/// Sends the log to standard error from here on. Called once, by the binary, before anything else is started.
pub fn init(format: Format, filter: &str) -> Result<(), TelemetryError> {
    let colour = std::io::stderr().is_terminal();
    let subscriber = subscriber(format, filter, colour, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::SetUpBefore)
}

fn subscriber<W>(
    format: Format,
    filter: &str,
    colour: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::builder().parse(filter).map_err(TelemetryError::Filter)?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match format {
        Format::Pretty => Box::new(lines.with_ansi(colour).finish()),
        // The list of spans holds the innermost too, so it is not told twice.
        Format::Json => Box::new(lines.json().flatten_event(true).with_current_span(false).finish()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex, PoisonError};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged in this format under this filter.
    fn logged(format: Format, filter: &str) -> String {
        let page = Page::default();
        let writer = page.clone();
        let subscriber = subscriber(format, filter, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let _request = tracing::info_span!("request", request.id = "req-7").entered();
            let _call = tracing::info_span!("call", contract = "products.v1").entered();
            tracing::info!(order.id = "ord_1", "the order was placed");
            tracing::debug!("a detail");
        });
        let bytes = page.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_holds_its_level_its_fields_and_those_of_every_span() {
        let line: serde_json::Value = serde_json::from_str(&logged(Format::Json, "info")).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "the order was placed");
        assert_eq!(line["order.id"], "ord_1");
        assert_eq!(line["spans"][0]["request.id"], "req-7");
        assert_eq!(line["spans"][1]["contract"], "products.v1");
    }

    #[test]
    fn a_pretty_line_holds_them_too() {
        let text = logged(Format::Pretty, "info");
        assert_eq!(text.lines().count(), 1);
        assert!(text.contains("req-7") && text.contains("ord_1"), "{text}");
    }

    #[test]
    fn the_filter_decides_what_is_logged() {
        assert_eq!(logged(Format::Json, "error"), "");
        assert_eq!(logged(Format::Json, "info,platform=debug").lines().count(), 2);
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused() {
        assert!(matches!(init(Format::Json, "platform=loud"), Err(TelemetryError::Filter(_))));
    }
}
