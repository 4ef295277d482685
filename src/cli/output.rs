//! What a command says: to people in sentences, to programs in JSON.

use std::error::Error;
use std::io::{self, Write as _};

use serde_json::{Value, json};

/// Where a command's words go.
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a program is listening.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Says one thing: a line of text, or one JSON object on a line. A closed pipe is not our concern.
    pub(super) fn say(&self, text: impl AsRef<str>, value: &Value) {
        let mut out = io::stdout().lock();
        let _ = if self.json { writeln!(out, "{value}") } else { writeln!(out, "{}", text.as_ref()) };
        let _ = out.flush();
    }

    /// Says what went wrong, with its causes, on standard error.
    pub(super) fn failure(&self, failure: &(dyn Error + 'static)) {
        let mut causes = Vec::new();
        let mut source = failure.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        let mut err = io::stderr().lock();
        if self.json {
            let _ = writeln!(err, "{}", json!({ "error": failure.to_string(), "causes": causes }));
            return;
        }
        let _ = writeln!(err, "error: {failure}");
        for cause in causes {
            let _ = writeln!(err, "  because: {cause}");
        }
    }
}
