//! The way through the gate, and what a request holds from there on.

use std::sync::Arc;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage as _, HttpResponse};

use crate::http::admission::Place;
use crate::http::gateway::Gateway;

/// A request's place while it is worked on.
#[derive(Default)]
pub(super) struct Held {
    _alone: Option<Place>,
    /// Where a body may come, with whoever reads it, who lends it to others while the client is waited for.
    _shared: Option<Arc<Place>>,
}

/// Lets a request in. The gate stands at the front door alone, so that what one process has let in no other turns away.
///
/// # Errors
/// What the client is told when there is no room for it.
pub(super) async fn enter(
    gateway: Option<&Arc<dyn Gateway>>,
    request: &ServiceRequest,
    request_id: &str,
) -> Result<Held, HttpResponse> {
    let Some(admission) = gateway.and_then(|gateway| gateway.admission()) else { return Ok(Held::default()) };
    let priority = admission.priority(request.method(), request.match_info().as_str());
    let Some(place) = admission.enter(priority).await else {
        // A body that came with its head is taken off the line in this turn: unread, it would cost the connection.
        tokio::task::yield_now().await;
        return Err(admission.refusal(request_id));
    };
    if request.method().is_safe() {
        return Ok(Held { _alone: Some(place), _shared: None });
    }
    let place = Arc::new(place);
    request.extensions_mut().insert(Arc::downgrade(&place));
    Ok(Held { _alone: None, _shared: Some(place) })
}
