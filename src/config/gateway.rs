//! What the gateway lets through, and whom it believes about others.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use ipnet::IpNet;
use platform::http::admission::{Admitting, Steering};
use serde::Deserialize;

use super::duration;

/// Limits for each client.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// 0: no limit.
    pub requests_per_second: u32,
    pub request_burst: u32,
    /// 0: no limit of their own.
    pub sign_ins_per_second: u32,
    pub sign_in_burst: u32,
    pub trusted_proxies: Vec<Network>,
    pub limit_loopback: bool,
    pub admission: Admission,
}

/// How many requests are worked on at once, whoever sends them.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    pub min_concurrency: NonZeroU32,
    /// 0: no gate.
    pub max_concurrency: u32,
    #[serde(rename = "target_queue_ms", deserialize_with = "duration::milliseconds")]
    pub target_queue: Duration,
    #[serde(rename = "wait_ms", deserialize_with = "duration::milliseconds")]
    pub wait: Duration,
    #[serde(rename = "payment_wait_ms", deserialize_with = "duration::milliseconds")]
    pub payment_wait: Duration,
}

impl Gateway {
    /// How requests are let in; `None` lets in all.
    pub fn admitting(&self) -> Option<Admitting> {
        let Admission { min_concurrency, max_concurrency, target_queue, wait, payment_wait } = self.admission;
        let most = NonZeroU32::new(max_concurrency)?.get();
        let steering = Steering { least: min_concurrency.get().min(most), most, target: target_queue };
        Some(Admitting { steering, wait, payment_wait })
    }
}

/// An address, or all addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network(IpNet);

impl Network {
    /// Whether this address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network
            .map(Self)
            .map_err(|_| "must be an address or a network, such as \"10.0.0.7\" or \"10.0.0.0/8\"".to_owned())
    }
}
