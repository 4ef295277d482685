//! Reading a body off the wire: never more than the route allows, never slower than the shop will wait.
//!
//! actix-web has a deadline for the head of a request and none for its body, so a thousand clients that send a byte a
//! minute would hold a thousand tasks. Here a body has to keep up a pace.

use std::pin::pin;
use std::sync::Weak;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, Stream, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::admission::Place;
use super::caller::Caller;
use super::problem::Problem;

const DEFAULT_LIMIT: usize = 64 * 1024;

/// How many bytes anybody's body may have, as `app_data` of the app. 64 KiB where it is not set.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit(pub usize);

/// More bytes than that, as `app_data` of a route or scope. Only for whoever was granted `permission`, which is asked
/// about before the first byte is read: nobody else makes us hold so much.
#[derive(Debug, Clone, Copy)]
pub struct LargeBody {
    /// Bytes at the most.
    pub most: usize,
    /// Who may send as many.
    pub permission: &'static str,
}

/// How fast a body has to come.
#[derive(Debug, Clone, Copy)]
struct Pace {
    total: Duration,
    grace: Duration,
    bytes_per_second: u32,
}

const PACE: Pace =
    Pace { total: Duration::from_secs(15), grace: Duration::from_secs(2), bytes_per_second: 1024 };

impl Pace {
    /// How long after the start the next piece may come, when so much has come.
    fn patience(self, received: usize) -> Duration {
        let earned = Duration::from_secs_f64(received as f64 / f64::from(self.bytes_per_second));
        self.total.min(self.grace + earned)
    }
}

/// The bytes exactly as they came. For callbacks whose signature covers them.
#[derive(Debug, Clone)]
pub struct RawBody(pub Bytes);

impl RawBody {
    /// What a client is told whose body ended too early or is not framed as it says.
    pub fn broke_off() -> Problem {
        Problem::bad_request("bad_request", "The body broke off")
    }
}

impl FromRequest for RawBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read(&request, payload).await.map(Self) })
    }
}

/// Reads the whole body within the caller's limit and the pace.
pub(super) async fn read(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    let limit = limit(request)?;
    let headers = request.headers();
    if headers.get_all(CONTENT_ENCODING).any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Bodies are taken without content encoding",
        ));
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    // Only who has to be waited for is asked for its place.
    let holder = request.extensions().get::<Weak<Place>>().and_then(Weak::upgrade);
    gather(payload, limit, PACE, holder.as_deref()).await
}

fn limit(request: &HttpRequest) -> Result<usize, Problem> {
    if let Some(large) = request.app_data::<LargeBody>() {
        Caller::of(request)?.require(large.permission)?;
        return Ok(large.most);
    }
    Ok(request.app_data::<BodyLimit>().map_or(DEFAULT_LIMIT, |limit| limit.0))
}

async fn gather(
    payload: impl Stream<Item = Result<Bytes, PayloadError>>,
    limit: usize,
    pace: Pace,
    holder: Option<&Place>,
) -> Result<Bytes, Problem> {
    let mut payload = pin!(payload);
    let start = Instant::now();
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    let mut received = 0;
    loop {
        let mut coming = payload.next();
        let piece = if let Some(piece) = (&mut coming).now_or_never() {
            piece
        } else {
            let _lent = holder.map(Place::aside);
            timeout_at(start + pace.patience(received), coming).await.map_err(|_| too_slow())?
        };
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| RawBody::broke_off())?;
        received += piece.len();
        if received > limit {
            return Err(too_large(limit));
        }
        // Nearly every body is one piece, which then is not copied.
        match &first {
            None => first = Some(piece),
            Some(begin) => {
                if rest.is_empty() {
                    rest.extend_from_slice(begin);
                }
                rest.extend_from_slice(&piece);
            }
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

fn too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("The body may have at most {limit} bytes"),
    )
}

fn too_slow() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body came too slowly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    const QUICK: Pace =
        Pace { total: Duration::from_millis(150), grace: Duration::from_millis(50), bytes_per_second: 1000 };

    fn pieces(count: usize, size: usize, pause: Duration) -> impl Stream<Item = Result<Bytes, PayloadError>> {
        stream::iter(0..count).then(move |_| async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            Ok(Bytes::from(vec![b'x'; size]))
        })
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together() {
        assert_eq!(gather(pieces(0, 1, Duration::ZERO), 10, PACE, None).await.unwrap().len(), 0);
        assert_eq!(gather(pieces(1, 10, Duration::ZERO), 10, PACE, None).await.unwrap().len(), 10);
        assert_eq!(
            gather(pieces(5, 2, Duration::ZERO), 10, PACE, None).await.unwrap().as_ref(),
            b"xxxxxxxxxx"
        );
    }

    #[tokio::test]
    async fn an_endless_body_is_cut_off_at_the_limit() {
        let endless = pieces(usize::MAX, 3, Duration::ZERO);
        assert_eq!(gather(endless, 10, PACE, None).await.unwrap_err().code(), "body_too_large");
    }

    #[tokio::test]
    async fn a_body_that_trickles_is_not_waited_for() {
        let trickle = pieces(100, 1, Duration::from_millis(20));
        assert_eq!(gather(trickle, 1000, QUICK, None).await.unwrap_err().code(), "body_timeout");
        let never = stream::pending::<Result<Bytes, PayloadError>>();
        assert_eq!(gather(never, 1000, QUICK, None).await.unwrap_err().code(), "body_timeout");
    }

    #[tokio::test]
    async fn a_body_that_keeps_the_pace_still_has_to_end() {
        let long = pieces(usize::MAX, 40, Duration::from_millis(10));
        assert_eq!(gather(long, usize::MAX, QUICK, None).await.unwrap_err().code(), "body_timeout");
    }

    #[test]
    fn what_came_earns_time_for_what_is_to_come() {
        assert_eq!(PACE.patience(0), Duration::from_secs(2));
        assert_eq!(PACE.patience(3 * 1024), Duration::from_secs(5));
        assert_eq!(PACE.patience(1 << 30), Duration::from_secs(15));
    }
}
