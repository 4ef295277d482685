//! The lives of a contract: here, encoded, over HTTP, over TLS, and over HTTP that breaks. Answers and refusals are the
//! same in all of them, and `maybe_executed` is never false for something that was done.

#![expect(clippy::disallowed_methods, reason = "a test ends with its tasks")]
#![expect(unreachable_pub, reason = "a contract is declared for others")]

mod broken;
mod certified;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App, HttpServer};
use kernel::call::{Call, CallFailure, FailureReason};
use kernel::contract::Route;
use kernel::{Clock, contract};
use serde::{Deserialize, Serialize};

use super::*;
use crate::tasks::Tasks;
use broken::{BrokenWay, Fault};

contract! {
    /// Boils water.
    pub trait Kettles = "kettles.v1", KettlesClient, KettlesServer, KettlesError {
        /// How hot it is.
        Read fn look(Cups) -> Cups;
        /// Boils so much, once for the same request.
        Keyed fn boil(Cups) -> Cups;
        /// Pours so much, each time.
        Once fn pour(Cups) -> Cups;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Cups {
    pub cups: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum KettlesError {
    #[error("holds at most {most}")]
    TooMuch { most: u32 },
    #[error(transparent)]
    Failed(#[from] CallFailure),
}

/// Holds ten cups; takes its time for seven.
#[derive(Default)]
struct Kettle {
    done: AtomicU32,
}

#[kernel::macros::async_trait]
impl Kettles for Kettle {
    async fn look(&self, _: &Call, cups: Cups) -> Result<Cups, KettlesError> {
        self.work(cups).await
    }

    async fn boil(&self, _: &Call, cups: Cups) -> Result<Cups, KettlesError> {
        self.work(cups).await
    }

    async fn pour(&self, _: &Call, cups: Cups) -> Result<Cups, KettlesError> {
        self.work(cups).await
    }
}

impl Kettle {
    async fn work(&self, cups: Cups) -> Result<Cups, KettlesError> {
        self.done.fetch_add(1, Ordering::SeqCst);
        match cups.cups {
            0..7 => Ok(cups),
            7 => {
                tokio::time::sleep(Duration::from_millis(400)).await;
                Ok(cups)
            }
            8..=10 => panic!("the lid is off"),
            _ => Err(KettlesError::TooMuch { most: 10 }),
        }
    }

    fn done(&self) -> u32 {
        self.done.load(Ordering::SeqCst)
    }
}

const CALLERS: Callers = &[("pour", &["kitchen"])];

fn secret() -> SharedSecret {
    "the secret of all the kettles here".parse().unwrap()
}

/// A kettle behind an internal listener. Returns its address.
fn served(kettle: &Arc<Kettle>) -> String {
    let contract = Arc::clone(kettle) as Arc<dyn Kettles>;
    let server: Arc<dyn kernel::call::Dispatch> = Arc::new(KettlesServer(contract));
    let dispatchers = Data::new(Dispatchers::new([(server, CALLERS)], signed(), Tasks::new()));
    let server = HttpServer::new(move || App::new().app_data(dispatchers.clone()).configure(configure))
        .workers(1)
        .disable_signals()
        .bind(("127.0.0.1", 0))
        .unwrap();
    let address = server.addrs()[0];
    drop(tokio::spawn(server.run()));
    format!("http://{address}")
}

fn signed() -> Credentials {
    Credentials::secret(secret(), Clock::system())
}

fn over_http(url: String, caller: &'static str) -> KettlesClient {
    over_http_with(url, caller, signed())
}

fn over_http_with(url: String, caller: &'static str, credentials: Credentials) -> KettlesClient {
    let peer = Arc::new(Peer::new("kettle", vec![url], credentials).unwrap());
    peer.set_share(ALL);
    KettlesClient::new(Switch::<dyn Kettles>::new(None, &peer, caller))
}

fn here(kettle: &Arc<Kettle>) -> KettlesClient {
    let kettle = Arc::clone(kettle) as Arc<dyn Kettles>;
    KettlesClient::new(Route::Here(kettle, Arc::new(LocalGate::new(Tasks::new()))))
}

fn encoded(kettle: &Arc<Kettle>) -> KettlesClient {
    let server = Arc::new(KettlesServer(Arc::clone(kettle) as Arc<dyn Kettles>));
    KettlesClient::new(Route::Through(Arc::new(EncodedChannel::new(server, Tasks::new()))))
}

fn every_way(kettle: &Arc<Kettle>) -> [KettlesClient; 4] {
    [here(kettle), encoded(kettle), over_http(served(kettle), "kitchen"), certified::over_tls(kettle)]
}

fn within(patience: Duration) -> Call {
    Call::by_module("kitchen", patience)
}

fn soon() -> Call {
    within(Duration::from_secs(5))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_gives_the_same_answers_and_refusals() {
    let kettle = Arc::new(Kettle::default());
    for client in every_way(&kettle) {
        assert_eq!(client.look(&soon(), Cups { cups: 3 }).await, Ok(Cups { cups: 3 }));
        assert_eq!(client.boil(&soon(), Cups { cups: 4 }).await, Ok(Cups { cups: 4 }));
        assert_eq!(client.pour(&soon(), Cups { cups: 11 }).await, Err(KettlesError::TooMuch { most: 10 }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_fails_alike() {
    let kettle = Arc::new(Kettle::default());
    for client in every_way(&kettle) {
        let before = kettle.done();
        let over = client.pour(&within(Duration::ZERO), Cups { cups: 1 }).await;
        assert_eq!(over, Err(CallFailure::not_executed(FailureReason::DeadlineExceeded).into()));
        assert_eq!(kettle.done(), before);

        let late = client.pour(&within(Duration::from_millis(100)), Cups { cups: 7 }).await;
        assert_eq!(late, Err(CallFailure::maybe_executed(FailureReason::DeadlineExceeded).into()));

        let broken = client.pour(&soon(), Cups { cups: 8 }).await;
        assert_eq!(broken, Err(CallFailure::internal().into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_caller_who_may_is_served() {
    let kettle = Arc::new(Kettle::default());
    let url = served(&kettle);
    let refused = Err(CallFailure::not_executed(FailureReason::Incompatible).into());

    let stranger = Credentials::secret(SharedSecret::random(&Clock::system()), Clock::system());
    let stranger = over_http_with(url.clone(), "kitchen", stranger);
    assert_eq!(stranger.look(&soon(), Cups { cups: 1 }).await, refused);
    let guest = over_http(url, "guest");
    assert_eq!(guest.pour(&soon(), Cups { cups: 1 }).await, refused);
    assert_eq!(kettle.done(), 0);
    assert_eq!(guest.look(&soon(), Cups { cups: 1 }).await, Ok(Cups { cups: 1 }));
}

/// What a call through a way with these faults comes to, and how often the work was done.
async fn through(
    faults: &[Fault],
    method: impl AsyncFn(&KettlesClient) -> Result<Cups, KettlesError>,
) -> (Result<Cups, KettlesError>, u32) {
    let kettle = Arc::new(Kettle::default());
    let way = BrokenWay::to(&served(&kettle), faults).await;
    let result = method(&over_http(way.url(), "kitchen")).await;
    (result, kettle.done())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_repeated_survives_a_way_that_breaks() {
    let read = async |client: &KettlesClient| client.look(&soon(), Cups { cups: 1 }).await;
    let keyed = async |client: &KettlesClient| client.boil(&soon(), Cups { cups: 1 }).await;
    let answer = Ok(Cups { cups: 1 });
    assert_eq!(through(&[Fault::DropBefore], read).await, (answer.clone(), 1));
    assert_eq!(through(&[Fault::DropAfter], read).await, (answer.clone(), 2));
    assert_eq!(through(&[Fault::DropBefore, Fault::DropAfter], keyed).await, (answer.clone(), 2));
    assert_eq!(through(&[Fault::Twice], keyed).await, (answer, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_repeated_is_not_and_says_what_is_known() {
    let pour = async |client: &KettlesClient| client.pour(&soon(), Cups { cups: 1 }).await;
    let unknown = Err(CallFailure::maybe_executed(FailureReason::Unreachable).into());
    assert_eq!(through(&[Fault::DropBefore], pour).await, (unknown.clone(), 0));
    assert_eq!(through(&[Fault::DropAfter], pour).await, (unknown.clone(), 1));
    assert_eq!(through(&[Fault::Twice], pour).await, (unknown, 1));
    assert_eq!(through(&[Fault::Unavailable], pour).await, (Err(CallFailure::internal().into()), 0));

    let hurried = async |client: &KettlesClient| {
        client.pour(&within(Duration::from_millis(100)), Cups { cups: 1 }).await
    };
    let late = Err(CallFailure::maybe_executed(FailureReason::DeadlineExceeded).into());
    assert_eq!(through(&[Fault::Delay(Duration::from_millis(300))], hurried).await.0, late);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_is_back_within_the_deadline_is_not_missed() {
    let kettle = Arc::new(Kettle::default());
    let way = BrokenWay::to(&served(&kettle), &[]).await;
    let (url, address) = (way.url(), way.close().await);
    let client = over_http(url, "kitchen");
    let pour = tokio::spawn(async move { client.pour(&soon(), Cups { cups: 1 }).await });
    tokio::time::sleep(Duration::from_millis(150)).await;
    let _back = BrokenWay::at(address, &served(&kettle), &[]).await;
    assert_eq!(pour.await.unwrap(), Ok(Cups { cups: 1 }));
    assert_eq!(kettle.done(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_module_that_stays_away_is_left_alone_after_a_while() {
    let client = over_http("http://127.0.0.1:1".to_owned(), "kitchen");
    for _ in 0..3 {
        let away = client.look(&within(Duration::from_millis(500)), Cups { cups: 1 }).await;
        let Err(KettlesError::Failed(failure)) = away else { panic!("{away:?}") };
        // The last of its tries may end with the deadline.
        let reasons = [FailureReason::Unreachable, FailureReason::DeadlineExceeded];
        assert!(reasons.contains(&failure.reason) && !failure.maybe_executed, "{failure:?}");
    }
    let refused = client.pour(&within(Duration::from_millis(50)), Cups { cups: 1 }).await;
    let Err(KettlesError::Failed(failure)) = refused else { panic!("{refused:?}") };
    assert!(failure.retry_after_ms.is_some(), "nobody was asked, and it says until when: {failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_dealt_out_by_share_and_over_addresses() {
    let (one, two) = (Arc::new(Kettle::default()), Arc::new(Kettle::default()));
    let own = Arc::new(Kettle::default());
    let peer = Peer::new("kettle", vec![served(&one), served(&two)], signed()).unwrap();
    let peer = Arc::new(peer);
    let route = Route::Here(Arc::clone(&own) as Arc<dyn Kettles>, Arc::new(LocalGate::new(Tasks::new())));
    let client = KettlesClient::new(Switch::new(Some(route), &peer, "kitchen"));
    for (share, expected) in [(0, [1000, 0, 0]), (100, [1900, 50, 50]), (ALL, [1900, 550, 550])] {
        peer.set_share(share);
        for _ in 0..1000 {
            client.look(&soon(), Cups { cups: 1 }).await.unwrap();
        }
        assert_eq!([own.done(), one.done(), two.done()], expected, "{share}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_is_not_begun() {
    let kettle = Arc::new(Kettle::default());
    let url = served(&kettle);
    let signer = signed();
    let call = Call::by_module("kitchen", Duration::from_secs(5));
    let body = br#"{"cups":1}"#.to_vec();
    let mut request =
        wire::request(&url, "/rpc/kettles.v1/boil", "kitchen", &call, Duration::ZERO, body, &signer).unwrap();
    *request.timeout_mut() = Some(Duration::from_secs(5));

    let response = crate::tls::plain_client().unwrap().build().unwrap().execute(request).await.unwrap();

    let reply = wire::reply(response).await;
    assert_eq!(reply, Err(CallFailure::not_executed(FailureReason::DeadlineExceeded)));
    assert_eq!(kettle.done(), 0);
}
