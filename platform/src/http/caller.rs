//! Who asks, and how long they will wait.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use kernel::call::BoxFuture;
use kernel::{Call, Principal};
use uuid::Uuid;

use super::problem::Problem;

const READ: Duration = Duration::from_secs(2);
const WRITE: Duration = Duration::from_secs(5);

/// Turns a bearer token into a principal.
pub trait Authenticate: Send + Sync {
    /// Who this token stands for.
    ///
    /// # Errors
    /// The token is not valid (401), or it could not be checked just now (503).
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Principal, Problem>>;
}

/// The caller of a request, proven by the frame before the handler runs.
#[derive(Debug, Clone)]
pub struct Caller {
    call: Call,
    arrived: Instant,
}

impl Caller {
    /// A caller whose request arrived at `arrived`; the method decides how long an answer is wanted.
    pub fn new(
        principal: Principal,
        request_id: Arc<str>,
        traceparent: Option<Arc<str>>,
        method: &Method,
        arrived: Instant,
    ) -> Self {
        let patience = if method.is_safe() { READ } else { WRITE };
        Self { call: Call { deadline: arrived + patience, principal, request_id, traceparent }, arrived }
    }

    /// The context for contract calls made to answer this request.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The same context with another patience, counted from the arrival of the request. A checkout talks to a bank.
    pub fn call_until(&self, patience: Duration) -> Call {
        Call { deadline: self.arrived + patience, ..self.call.clone() }
    }

    /// On whose behalf the request is made.
    pub fn principal(&self) -> &Principal {
        &self.call.principal
    }

    /// The request, as in logs and answers.
    pub fn request_id(&self) -> &Arc<str> {
        &self.call.request_id
    }

    /// W3C trace context.
    pub fn traceparent(&self) -> Option<&Arc<str>> {
        self.call.traceparent.as_ref()
    }

    /// The account behind the token, if there is one.
    pub fn account(&self) -> Option<Uuid> {
        self.call.principal.account()
    }

    /// The account behind the token, whoever's it is.
    ///
    /// # Errors
    /// 401 for nobody.
    pub fn signed_in(&self) -> Result<Uuid, Problem> {
        self.account().ok_or_else(authentication_required)
    }

    /// The staff account, which was granted `permission`.
    ///
    /// # Errors
    /// 401 for nobody, 403 naming the permission for anybody else.
    pub fn require(&self, permission: &str) -> Result<Uuid, Problem> {
        let account = self.account().ok_or_else(|| self.nobody(permission))?;
        if self.call.principal.may(permission) { Ok(account) } else { Err(Problem::forbidden(permission)) }
    }

    /// The customer's account.
    ///
    /// # Errors
    /// 401 for nobody, 403 for staff: an order belongs to a customer.
    pub fn customer(&self) -> Result<Uuid, Problem> {
        match &self.call.principal {
            Principal::Customer { account } => Ok(*account),
            Principal::Anonymous => Err(authentication_required()),
            Principal::Staff { .. } | Principal::Module { .. } => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "customer_required",
                "This is for customers with an account",
            )),
        }
    }

    /// A module has no account either, and is known all the same.
    fn nobody(&self, permission: &str) -> Problem {
        match &self.call.principal {
            Principal::Anonymous => authentication_required(),
            _ => Problem::forbidden(permission),
        }
    }
}

fn authentication_required() -> Problem {
    Problem::unauthorized("authentication_required", "This needs a bearer token")
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl Caller {
    /// The caller the frame has put beside the request. A server without the frame answers nobody.
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let known = request.extensions().get::<Self>().cloned();
        known.ok_or_else(|| Problem::internal().because("the frame is missing around this route"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(principal: Principal, method: &Method) -> Caller {
        Caller::new(principal, Arc::from("r"), None, method, Instant::now())
    }

    #[test]
    fn nobody_is_asked_to_sign_in_and_the_wrong_one_is_refused() {
        let staff = Principal::Staff { account: Uuid::nil(), permissions: vec!["orders:read".into()] };
        let customer = Principal::Customer { account: Uuid::nil() };
        let refusal = |principal| {
            let problem = caller(principal, &Method::GET).require("orders:write").unwrap_err();
            (problem.status().as_u16(), problem.code())
        };

        assert_eq!(refusal(Principal::Anonymous), (401, "authentication_required"));
        assert_eq!(refusal(customer.clone()), (403, "permission_missing"));
        assert_eq!(refusal(staff.clone()), (403, "permission_missing"));
        assert_eq!(refusal(Principal::Module { name: "order".into() }), (403, "permission_missing"));
        assert_eq!(caller(staff.clone(), &Method::GET).require("orders:read").unwrap(), Uuid::nil());
        assert_eq!(caller(customer, &Method::GET).customer().unwrap(), Uuid::nil());
        assert_eq!(caller(staff.clone(), &Method::GET).signed_in().unwrap(), Uuid::nil());
        assert_eq!(caller(staff, &Method::GET).customer().unwrap_err().code(), "customer_required");
        let anonymous = caller(Principal::Anonymous, &Method::GET);
        assert_eq!(anonymous.customer().unwrap_err().status().as_u16(), 401);
        assert_eq!(anonymous.signed_in().unwrap_err().code(), "authentication_required");
    }

    #[test]
    fn a_write_is_waited_for_longer_than_a_read() {
        let read = caller(Principal::Anonymous, &Method::GET);
        let write = caller(Principal::Anonymous, &Method::POST);

        assert_eq!(read.call().deadline - read.arrived, READ);
        assert_eq!(write.call().deadline - write.arrived, WRITE);
        let checkout = write.call_until(Duration::from_secs(12));
        assert_eq!(checkout.deadline - write.arrived, Duration::from_secs(12));
    }
}
