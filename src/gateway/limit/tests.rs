use actix_web::test::TestRequest;

use std::time::Duration;

use super::*;

fn limits(requests: (u32, u32), sign_ins: (u32, u32)) -> Limits {
    let proxies = ["10.0.0.0/8".to_owned(), "2001:db8::1".to_owned()];
    Limits::new(&config::Gateway {
        requests_per_second: requests.0,
        request_burst: requests.1,
        sign_ins_per_second: sign_ins.0,
        sign_in_burst: sign_ins.1,
        trusted_proxies: proxies.map(|text| Network::try_from(text).unwrap()).to_vec(),
        limit_loopback: false,
        admission: config::Admission {
            min_concurrency: std::num::NonZeroU32::MIN,
            max_concurrency: 0,
            target_queue: Duration::ZERO,
            wait: Duration::ZERO,
            payment_wait: Duration::ZERO,
        },
    })
}

fn from(peer: &str, path: &str) -> TestRequest {
    TestRequest::with_uri(path).peer_addr(SocketAddr::new(peer.parse().unwrap(), 4711))
}

fn get(limits: &Limits, peer: &str) -> Verdict {
    limits.check(&from(peer, "/v1/carts").to_srv_request(), Some(&Principal::Anonymous))
}

fn refused(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Refuse(_))
}

#[test]
fn who_asks_too_much_is_told_when_to_come_back_and_others_do_not_notice() {
    let limits = limits((1, 4), (0, 0));
    let quota = |left, reset| Quota { policy: "requests", burst: 4, window: 4, left, reset };

    let said: Vec<_> = (0..5).map(|_| get(&limits, "192.0.2.1")).collect();

    let expected = [
        Verdict::Pass,
        Verdict::Pass,
        Verdict::Warn(quota(1, 3)),
        Verdict::Warn(quota(0, 4)),
        Verdict::Refuse(quota(0, 1)),
    ];
    assert_eq!(said, expected);
    assert_eq!(get(&limits, "192.0.2.2"), Verdict::Pass);
}

#[test]
fn an_account_is_one_client_wherever_it_comes_from() {
    let limits = limits((1, 1), (0, 0));
    let (one, two) = (kernel::Clock::system().uuid(), kernel::Clock::system().uuid());
    let ask = |peer: &str, account| {
        let request = from(peer, "/v1/orders").to_srv_request();
        refused(limits.check(&request, Some(&Principal::Customer { account })))
    };
    assert!(!ask("192.0.2.1", one));
    assert!(ask("192.0.2.2", one));
    assert!(!ask("192.0.2.1", two), "an office shares its address");
}

#[test]
fn a_refused_request_counts_for_its_address() {
    let limits = limits((1, 1), (0, 0));
    let request = from("192.0.2.1", "/v1/orders").to_srv_request();
    assert!(!refused(limits.check(&request, None)));
    assert!(refused(limits.check(&request, None)));
}

#[test]
fn signing_in_is_limited_by_itself_however_the_path_is_written() {
    let limits = limits((1, 1), (1, 2));
    let post = |path: &str| {
        let request = from("192.0.2.1", path).method(Method::POST).to_srv_request();
        refused(limits.check(&request, Some(&Principal::Anonymous)))
    };
    assert!(!post("/v1/auth/login"));
    assert!(!post("/v1/auth/log%69n"));
    assert!(post("/v1/auth/register"));
    assert!(!refused(get(&limits, "192.0.2.1")), "the ordinary limit is another one");
}

#[test]
fn only_trusted_proxies_are_believed_about_others() {
    let limits = limits((1, 1), (0, 0));
    let address = |peer: &str, chain: &[&str]| {
        let request = chain
            .iter()
            .fold(from(peer, "/"), |request, line| request.append_header(("x-forwarded-for", *line)));
        limits.address(&request.to_srv_request()).unwrap().to_string()
    };
    assert_eq!(address("192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
    assert_eq!(address("10.1.2.3", &[]), "10.1.2.3");
    assert_eq!(address("10.1.2.3", &["198.51.100.9"]), "198.51.100.9");
    assert_eq!(address("::ffff:10.1.2.3", &["198.51.100.9:5555"]), "198.51.100.9");
    assert_eq!(address("10.1.2.3", &["6.6.6.6, 198.51.100.9, 10.9.9.9"]), "198.51.100.9");
    assert_eq!(address("10.1.2.3", &["6.6.6.6", "198.51.100.9", "10.9.9.9"]), "198.51.100.9");
    assert_eq!(address("2001:db8::1", &["[2001:db8:1::5]:80"]), "2001:db8:1::5");
    assert_eq!(address("10.1.2.3", &["198.51.100.9, unknown, 10.0.0.1"]), "10.0.0.1");
}

#[test]
fn a_subscriber_of_ipv6_has_one_limit_and_not_one_for_each_address() {
    let limits = limits((1, 1), (0, 0));
    assert!(!refused(get(&limits, "2001:db8:7:8:1::1")));
    assert!(refused(get(&limits, "2001:db8:7:8:2::2")));
    assert!(!refused(get(&limits, "2001:db8:7:9:1::1")));
}

#[test]
fn tools_on_this_machine_are_not_limited_unless_it_is_wanted() {
    let mut limits = limits((1, 1), (1, 1));
    let asked = |limits: &Limits| [get(limits, "127.0.0.1"), get(limits, "127.0.0.1"), get(limits, "::1")];
    assert_eq!(asked(&limits), [Verdict::Pass; 3]);

    limits.loopback = true;
    assert!(refused(asked(&limits)[1]));
}

#[test]
fn who_was_idle_for_long_enough_is_forgotten() {
    let limits = limits((1000, 1), (0, 0));
    for last in 0..=255 {
        let _ = get(&limits, &format!("192.0.2.{last}"));
    }
    let clients = &limits.requests.as_ref().unwrap().clients;
    assert_eq!(clients.len(), 256);

    std::thread::sleep(std::time::Duration::from_millis(20));
    let _ = get(&limits, "192.0.2.7");
    limits.forget();

    assert!(clients.len() <= 1, "{} are remembered", clients.len());
}
