//! Contract calls: the rules at the gate, and the two ways in which bytes travel.

mod encoded;
mod gate;
mod http;
mod serve;

pub use encoded::EncodedChannel;
pub use gate::LocalGate;
pub use http::HttpChannel;
pub use serve::{Dispatchers, Token, configure};
