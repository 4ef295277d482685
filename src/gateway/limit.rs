//! How much one client may ask: GCRA, which keeps one number for each client and needs no timer.
//!
//! A client is the account behind a token that was verified, or else an address. An address says little about a person
//! (whole offices share one, and of IPv6 everybody has 2⁶⁴), so limits by address are generous where they can be.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DashMapStateStore;
use governor::{NotUntil, RateLimiter};
use kernel::Principal;
use platform::http::{Quota, Verdict};

use crate::config::{self, Network};

/// What costs a password hash, and where passwords and tokens are guessed.
const SIGN_IN: [&str; 3] = ["/v1/auth/login", "/v1/auth/register", "/v1/auth/setup"];

/// The limits of all clients.
pub struct Limits {
    requests: Option<Limit>,
    sign_ins: Option<Limit>,
    trusted: Vec<Network>,
    loopback: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    Account(u128),
    Address(IpAddr),
}

struct Limit {
    name: &'static str,
    burst: u32,
    clients: RateLimiter<Client, DashMapStateStore<Client>, DefaultClock, StateInformationMiddleware>,
}

impl Limits {
    /// Limits as they are set.
    pub fn new(settings: &config::Gateway) -> Self {
        Self {
            requests: Limit::new("requests", settings.requests_per_second, settings.request_burst),
            sign_ins: Limit::new("sign-ins", settings.sign_ins_per_second, settings.sign_in_burst),
            trusted: settings.trusted_proxies.clone(),
            loopback: settings.limit_loopback,
        }
    }

    /// Whether the client of this request may ask now; `principal` is `None` when the request is refused anyway.
    pub fn check(&self, request: &ServiceRequest, principal: Option<&Principal>) -> Verdict {
        if self.requests.is_none() && self.sign_ins.is_none() {
            return Verdict::Pass;
        }
        let Some(address) = self.address(request) else { return Verdict::Pass };
        if address.is_loopback() && !self.loopback {
            return Verdict::Pass;
        }
        let address = Client::Address(network(address));
        match (&self.sign_ins, &self.requests) {
            (Some(limit), _) if is_sign_in(request) => limit.check(address),
            (_, Some(limit)) => {
                let account = principal.and_then(Principal::account);
                limit.check(account.map_or(address, |account| Client::Account(account.as_u128())))
            }
            (_, None) => Verdict::Pass,
        }
    }

    /// Forgets whom nothing is known of that would matter.
    pub fn forget(&self) {
        for limit in [&self.requests, &self.sign_ins].into_iter().flatten() {
            limit.clients.retain_recent();
            limit.clients.shrink_to_fit();
        }
    }

    /// Where the request comes from: the last address in its chain that is not one of our proxies. What stands before
    /// that one in `X-Forwarded-For` may be anybody's invention.
    fn address(&self, request: &ServiceRequest) -> Option<IpAddr> {
        let mut address = request.peer_addr()?.ip().to_canonical();
        let trusted = |address: IpAddr| self.trusted.iter().any(|network| network.contains(address));
        if !trusted(address) {
            return Some(address);
        }
        let lines: Vec<_> = request.headers().get_all("x-forwarded-for").collect();
        let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for hop in hops.map(str::trim) {
            let Some(before) = parse(hop) else { break };
            address = before.to_canonical();
            if !trusted(address) {
                break;
            }
        }
        Some(address)
    }
}

impl Limit {
    /// A limit of so many a second; `None` when that is none.
    fn new(name: &'static str, per_second: u32, burst: u32) -> Option<Self> {
        let per_second = NonZeroU32::new(per_second)?;
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        let quota = governor::Quota::per_second(per_second).allow_burst(burst);
        let clients = RateLimiter::dashmap(quota).with_middleware();
        Some(Self { name, burst: burst.get(), clients })
    }

    fn check(&self, client: Client) -> Verdict {
        match self.clients.check_key(&client) {
            Ok(state) => self.standing(&state),
            Err(until) => Verdict::Refuse(self.refusal(&until)),
        }
    }

    /// Nothing is said while more than half is left: that is nearly always, and costs nothing.
    fn standing(&self, state: &StateSnapshot) -> Verdict {
        let left = state.remaining_burst_capacity();
        if left.saturating_mul(2) >= self.burst {
            return Verdict::Pass;
        }
        let missing = state.quota().replenish_interval().saturating_mul(self.burst - left);
        Verdict::Warn(self.quota(state.quota(), left, missing))
    }

    fn refusal(&self, until: &NotUntil<<DefaultClock as governor::clock::Clock>::Instant>) -> Quota {
        self.quota(until.quota(), 0, until.wait_time_from(self.clients.clock().now()))
    }

    fn quota(&self, quota: governor::Quota, left: u32, reset: std::time::Duration) -> Quota {
        let up = |time: std::time::Duration| time.as_millis().div_ceil(1000) as u64;
        let window = up(quota.burst_size_replenished_in());
        Quota { policy: self.name, burst: self.burst, window, left, reset: up(reset) }
    }
}

/// Whose a request is that comes from here, through proxies of 10.0.0.0/8, with this `X-Forwarded-For`.
#[cfg(any(test, feature = "fuzz"))]
pub(crate) fn client(peer: IpAddr, header: &actix_web::http::header::HeaderValue) -> Option<IpAddr> {
    let proxies = Network::try_from("10.0.0.0/8".to_owned()).into_iter().collect();
    let limits = Limits { requests: None, sign_ins: None, trusted: proxies, loopback: false };
    let request = actix_web::test::TestRequest::default().peer_addr(SocketAddr::new(peer, 4711));
    limits.address(&request.insert_header(("x-forwarded-for", header.clone())).to_srv_request())
}

/// Asked by the path that routes are found by: as it was sent, `/v1/auth/log%69n` would be another.
fn is_sign_in(request: &ServiceRequest) -> bool {
    request.method() == Method::POST && SIGN_IN.contains(&request.match_info().as_str())
}

/// What one subscriber has: an address of IPv4, a network of 64 bits of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() >> 64 << 64).into(),
    }
}

/// An address as proxies write it, some with a port.
fn parse(hop: &str) -> Option<IpAddr> {
    hop.parse().ok().or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))
}

#[cfg(test)]
mod tests;
