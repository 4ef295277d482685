//! What the gateway lets through, and whom it believes about others.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

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
