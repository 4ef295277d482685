//! Calls over TLS: who is called by whom is what the certificates say.

use std::io::{Read as _, Write as _};

use super::*;
use crate::tls::{Authority, Pems, Tls, Wanted};

const PREFIX: &str = "spiffe://cleave/kettles/module/";
const DAY: Duration = Duration::from_hours(24);

/// An authority, and what it has to say of itself.
pub(super) struct Shop {
    authority: Authority,
    ca: String,
}

impl Shop {
    fn new() -> Self {
        let (authority, kept) = Authority::found(&Clock::system()).unwrap();
        Self { authority, ca: kept.certificate }
    }

    /// What a process that is named so shows, valid from now on for a day.
    fn pems(&self, names: &[&str]) -> Pems {
        self.pems_for("localhost", names)
    }

    fn pems_for(&self, host: &str, names: &[&str]) -> Pems {
        let wanted = Wanted {
            uris: names.iter().map(|name| format!("{PREFIX}{name}")).collect(),
            hosts: vec![host.to_owned()],
            from: Clock::system().now(),
            lasts: DAY,
        };
        let issued = self.authority.issue(&wanted).unwrap();
        Pems { ca: self.ca.clone(), certificate: issued.certificate, key: issued.key }
    }

    fn tls(&self, names: &[&str]) -> Tls {
        Tls::new(&self.pems(names), PREFIX, Clock::system().now()).unwrap()
    }
}

fn showing(tls: &Tls) -> Credentials {
    Credentials { tls: Some(tls.clone()), ..Credentials::secret(secret(), Clock::system()) }
}

/// A kettle behind a listener with this certificate. Returns its address.
fn served_with(kettle: &Arc<Kettle>, tls: &Tls) -> String {
    let contract = Arc::clone(kettle) as Arc<dyn Kettles>;
    let server: Arc<dyn kernel::call::Dispatch> = Arc::new(KettlesServer(contract));
    let dispatchers = Data::new(Dispatchers::new([(server, CALLERS)], showing(tls), Tasks::new()));
    let met = tls.clone();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = HttpServer::new(move || App::new().app_data(dispatchers.clone()).configure(configure))
        .on_connect(move |connection, about| met.meet(connection, about))
        .workers(1)
        .disable_signals()
        .listen_rustls_0_23(listener, tls.server().unwrap())
        .unwrap();
    drop(tokio::spawn(server.run()));
    format!("https://localhost:{port}")
}

/// A way to the kettle that may be gone.
pub(super) fn over_tls(kettle: &Arc<Kettle>) -> KettlesClient {
    let shop = Shop::new();
    let url = served_with(kettle, &shop.tls(&["kettle"]));
    over_http_with(url, "kitchen", showing(&shop.tls(&["kitchen"])))
}

async fn refused(client: &KettlesClient) {
    let answer = client.pour(&soon(), Cups { cups: 1 }).await;
    assert!(matches!(answer, Err(KettlesError::Failed(_))), "{answer:?}");
}

fn incompatible() -> Result<Cups, KettlesError> {
    Err(CallFailure::not_executed(FailureReason::Incompatible).into())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_calls_under_a_name_that_the_certificate_does_not_hold() {
    let (shop, kettle) = (Shop::new(), Arc::new(Kettle::default()));
    let url = served_with(&kettle, &shop.tls(&["kettle"]));
    let pour = async |caller, names: &[&str]| {
        let client = over_http_with(url.clone(), caller, showing(&shop.tls(names)));
        client.pour(&soon(), Cups { cups: 1 }).await
    };
    // It knows the secret, too, and signs with it; that does not help.
    assert_eq!(pour("kitchen", &["payment"]).await, incompatible());
    assert_eq!(pour("payment", &["payment"]).await, incompatible(), "pouring is not for everybody");
    assert_eq!(kettle.done(), 0);
    assert_eq!(pour("kitchen", &["kitchen", "payment"]).await, Ok(Cups { cups: 1 }));

    let reader = over_http_with(url.clone(), "gateway", showing(&shop.tls(&["payment"])));
    assert_eq!(reader.look(&soon(), Cups { cups: 2 }).await, Ok(Cups { cups: 2 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_heard_without_a_certificate_of_the_shop() {
    let (shop, kettle) = (Shop::new(), Arc::new(Kettle::default()));
    let url = served_with(&kettle, &shop.tls(&["kettle"]));

    let (stranger, mut mixed) = (Shop::new(), shop.pems(&["kitchen"]));
    Pems { certificate: mixed.certificate, key: mixed.key, .. } = stranger.pems(&["kitchen"]);
    mixed.ca += &stranger.ca;
    let of_another = Tls::new(&mixed, PREFIX, Clock::system().now()).unwrap();
    refused(&over_http_with(url.clone(), "kitchen", showing(&of_another))).await;

    let mut elsewhere = shop.pems(&[]);
    let wanted = Wanted {
        uris: vec!["spiffe://cleave/pans/module/kitchen".to_owned()],
        hosts: vec!["localhost".to_owned()],
        from: Clock::system().now(),
        lasts: DAY,
    };
    let issued = shop.authority.issue(&wanted).unwrap();
    (elsewhere.certificate, elsewhere.key) = (issued.certificate, issued.key);
    let other_shop = Tls::new(&elsewhere, "spiffe://cleave/pans/module/", Clock::system().now()).unwrap();
    refused(&over_http_with(url.clone(), "kitchen", showing(&other_shop))).await;

    // As it was believed two days ago.
    let before = Clock::system().now().minus(DAY * 2);
    let wanted =
        Wanted { uris: vec![format!("{PREFIX}kitchen")], hosts: Vec::new(), from: before, lasts: DAY };
    let issued = shop.authority.issue(&wanted).unwrap();
    let old = Pems { ca: shop.ca.clone(), certificate: issued.certificate, key: issued.key };
    let expired = Tls::new(&old, PREFIX, before.plus(DAY / 2)).unwrap();
    refused(&over_http_with(url.clone(), "kitchen", showing(&expired))).await;

    // A client that trusts the shop and shows nothing.
    let trusting = reqwest::Certificate::from_pem(shop.ca.as_bytes()).unwrap();
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let bare = reqwest::Client::builder().tls_certs_only([trusting]).no_proxy().build().unwrap();
    assert!(bare.get(format!("{url}/rpc/kettles.v1")).send().await.is_err());
    assert_eq!(kettle.done(), 0);

    let known = over_http_with(url, "kitchen", showing(&shop.tls(&["kitchen"])));
    assert_eq!(known.pour(&soon(), Cups { cups: 1 }).await, Ok(Cups { cups: 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_to_who_is_not_the_one_that_is_meant() {
    let (shop, kettle) = (Shop::new(), Arc::new(Kettle::default()));
    let kitchen = showing(&shop.tls(&["kitchen"]));
    let pour = async |tls: &Tls| {
        let client = over_http_with(served_with(&kettle, tls), "kitchen", kitchen.clone());
        client.pour(&soon(), Cups { cups: 1 }).await
    };
    let now = Clock::system().now();
    let misnamed = Tls::new(&shop.pems_for("kettle.example", &["kettle"]), PREFIX, now).unwrap();
    assert_eq!(pour(&misnamed).await, incompatible());
    assert_eq!(pour(&Shop::new().tls(&["kettle"])).await, incompatible());
    assert_eq!(kettle.done(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_and_tls_do_not_meet_and_say_why() {
    let (shop, kettle) = (Shop::new(), Arc::new(Kettle::default()));
    let kitchen = shop.tls(&["kitchen"]);
    let secure = served_with(&kettle, &shop.tls(&["kettle"]));
    let plain = served(&kettle);

    let in_the_clear = over_http_with(secure.replace("https", "http"), "kitchen", showing(&kitchen));
    refused(&in_the_clear).await;
    let address = plain.replace("http://127.0.0.1", "https://localhost");
    refused(&over_http_with(address, "kitchen", showing(&kitchen))).await;
    assert_eq!(kettle.done(), 0);

    let client = crate::tls::plain_client().unwrap().no_proxy().build().unwrap();
    let error = client.get(secure.replace("https", "http")).send().await.unwrap_err();
    assert!(wire::misfit(&error).unwrap().contains("write its address with https://"), "{error:?}");
    let client = kitchen.client().unwrap().no_proxy().build().unwrap();
    let error = client.get(plain.replace("http://127.0.0.1", "https://localhost")).send().await.unwrap_err();
    assert!(wire::misfit(&error).unwrap().contains("does not speak TLS"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_tls_1_3_is_spoken() {
    let (shop, kettle) = (Shop::new(), Arc::new(Kettle::default()));
    let url = served_with(&kettle, &shop.tls(&["kettle"]));
    // The first words of a client that knows TLS 1.2 alone; what comes back is an alert, and the end.
    let hello = [&[22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3][..], &[7; 32], &[0, 0, 2, 0xc0, 0x2f, 1, 0]].concat();
    let mut stream = std::net::TcpStream::connect(url.trim_start_matches("https://")).unwrap();
    stream.write_all(&hello).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert, not a hello: {answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_counts_without_a_restart() {
    let (shop, next) = (Shop::new(), Shop::new());
    let kettle = Arc::new(Kettle::default());
    let (server, client) = (shop.tls(&["kettle"]), shop.tls(&["kitchen"]));
    let url = served_with(&kettle, &server);
    let pour = async |tls: &Tls| {
        let client = over_http_with(url.clone(), "kitchen", showing(tls));
        client.pour(&soon(), Cups { cups: 1 }).await
    };
    assert_eq!(pour(&client).await, Ok(Cups { cups: 1 }));

    server.renew(&next.pems(&["kettle"]), Clock::system().now()).unwrap();
    assert_eq!(pour(&client).await, incompatible(), "it is of another authority now");
    client.renew(&next.pems(&["kitchen"]), Clock::system().now()).unwrap();
    assert_eq!(pour(&client).await, Ok(Cups { cups: 1 }));
    client.renew(&next.pems(&["payment"]), Clock::system().now()).unwrap();
    assert_eq!(pour(&client).await, incompatible(), "it has another name now");
}
