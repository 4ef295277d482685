//! Contract calls: the rules at the gate, the ways in which bytes travel, and who may call.

mod compatible;
mod credentials;
mod encoded;
mod gate;
mod peer;
mod serve;
mod switch;
#[cfg(test)]
mod tests;
mod wire;

pub use compatible::breaks;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) use credentials::heard;
pub use credentials::{Credentials, SharedSecret, ShortSecret};
pub use encoded::EncodedChannel;
pub use gate::LocalGate;
pub use peer::{ALL, Endpoint, Peer, PeerChannel, PeerError};
pub use serve::{Callers, Dispatchers, configure};
pub use switch::Switch;
