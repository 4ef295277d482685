//! What customers and staff have sent and what they were told, written down before anything else happens.
//!
//! A line is on the disk before the request leaves, and before its answer is acted on. So after whatever has happened to
//! the shop it is known what was acknowledged, and of what nobody knows whether it was done.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Failure;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Purchase,
    Refund,
    Cancel,
    CancelItems,
    Ship,
    Capture,
    Void,
    Adjust,
    Import,
    Confirm,
    Register,
    Cart,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Of every byte of the body.
    pub(super) digest: String,
    /// What of it is looked for afterwards.
    pub(super) told: Value,
}

/// A line of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase")]
pub(super) enum Line {
    Sent { key: String, kind: Kind, content: Value },
    Answered { key: String, answer: Answer },
    Replayed { key: String, answer: Answer },
}

/// A journal that is being written.
pub(super) struct Journal(Mutex<File>);

impl Journal {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        Ok(Self(Mutex::new(OpenOptions::new().create(true).append(true).open(path)?)))
    }

    /// Writes a line and waits until it is on the disk.
    pub(super) fn note(&self, line: &Line) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text)?;
        file.sync_data()?;
        Ok(())
    }
}

/// A request, from the journal.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) content: Value,
    /// The first answer that was final; none: nobody knows.
    pub(super) answer: Option<Answer>,
    /// What was answered when the same was sent once more afterwards.
    pub(super) replays: Vec<Answer>,
}

/// All of them, by their keys.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Asked>, Failure> {
    let mut asked = BTreeMap::new();
    for line in std::fs::read_to_string(path)?.lines() {
        // The last line may have broken off with its writer.
        let Ok(line) = serde_json::from_str::<Line>(line) else { continue };
        match line {
            Line::Sent { key, kind, content } => {
                asked.insert(key, Asked { kind, content, answer: None, replays: Vec::new() });
            }
            Line::Answered { key, answer } => {
                if let Some(asked) = asked.get_mut(&key) {
                    asked.answer.get_or_insert(answer);
                }
            }
            Line::Replayed { key, answer } => {
                if let Some(asked) = asked.get_mut(&key) {
                    asked.replays.push(answer);
                }
            }
        }
    }
    Ok(asked)
}
