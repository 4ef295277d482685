//! Settings that are one word out of a few.

use serde::Deserialize;

/// How contract calls between modules of one process travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ContractMode {
    /// The trait is called.
    Local,
    /// Through encoding, dispatcher and decoding, without a socket.
    Encoded,
    /// Through the internal listener on loopback.
    Http,
}

/// How events reach the listeners of other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum EventTransport {
    /// There are no other processes.
    Local,
    /// Read from the producer's log, over its internal listener.
    Http,
    /// Published to a broker as well.
    Nats,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For programs, one object a line.
    Json,
}

// The derived form would answer "enum LogFormat does not have variant constructor", which helps nobody who writes
// a settings file.
impl TryFrom<String> for ContractMode {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "local" => Ok(Self::Local),
            "encoded" => Ok(Self::Encoded),
            "http" => Ok(Self::Http),
            _ => Err("must be \"local\", \"encoded\" or \"http\"".to_owned()),
        }
    }
}

impl TryFrom<String> for EventTransport {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "local" => Ok(Self::Local),
            "http" => Ok(Self::Http),
            "nats" => Ok(Self::Nats),
            _ => Err("must be \"local\", \"http\" or \"nats\"".to_owned()),
        }
    }
}

impl TryFrom<String> for LogFormat {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.as_str() {
            "pretty" => Ok(Self::Pretty),
            "json" => Ok(Self::Json),
            _ => Err("must be \"pretty\" or \"json\"".to_owned()),
        }
    }
}
