//! Who goes first when not everybody can. It stands with each route's description, so that clients can read it, too.

use actix_web::http::Method;
use serde_json::Value;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{HttpMethod, OpenApi};

/// The member of an operation's description that names its priority.
pub const MEMBER: &str = "x-priority";
const METHODS: [(HttpMethod, Method); 5] = [
    (HttpMethod::Get, Method::GET),
    (HttpMethod::Post, Method::POST),
    (HttpMethod::Put, Method::PUT),
    (HttpMethod::Patch, Method::PATCH),
    (HttpMethod::Delete, Method::DELETE),
];

/// How urgent requests are, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Priority {
    /// Money that moves: what providers say, captures, refunds.
    Payment,
    /// Somebody on the way to buy: carts, checkouts, signing in.
    Checkout,
    /// Somebody who looks around.
    Browsing,
    /// Those who work here: lists, imports and whatever can be done a little later.
    Staff,
}

impl Priority {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Payment, Self::Checkout, Self::Browsing, Self::Staff];

    /// Its name in descriptions and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Checkout => "checkout",
            Self::Browsing => "browsing",
            Self::Staff => "staff",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.name() == name)
    }

    /// What an operation says of itself. One that says nothing is for staff, or changes something for a customer, or
    /// only shows something.
    pub(in crate::http) fn of(path: &str, changes: bool, operation: &Operation) -> Self {
        let said = operation.extensions.as_ref().and_then(|members| members.get(MEMBER)?.as_str());
        let staff = path == "/v1/admin" || path.starts_with("/v1/admin/");
        said.and_then(Self::named).unwrap_or(match (staff, changes) {
            (true, _) => Self::Staff,
            (false, true) => Self::Checkout,
            (false, false) => Self::Browsing,
        })
    }

    /// Writes it into the description, where those who ask can read it.
    pub(in crate::http) fn describe(self, operation: &mut Operation) {
        operation.extensions.get_or_insert_default().insert(MEMBER.to_owned(), Value::from(self.name()));
    }
}

/// The priorities of all routes.
pub(super) struct Priorities(matchit::Router<[Priority; METHODS.len()]>);

impl Priorities {
    /// As this description has them. A path that cannot be told from another is left out, and so counts as unknown.
    pub(super) fn of(api: &OpenApi) -> Self {
        let mut paths = matchit::Router::new();
        for (path, item) in &api.paths.paths {
            let of = |method| {
                let changes = !matches!(method, HttpMethod::Get);
                operation(item, &method)
                    .map_or(Priority::Browsing, |found| Priority::of(path, changes, found))
            };
            if let Err(error) = paths.insert(path, METHODS.map(|(method, _)| of(method))) {
                tracing::error!(%error, path, "the priority of a path cannot be looked up");
            }
        }
        Self(paths)
    }

    /// That of a request. What is not known is refused soon, and costs no more than looking around.
    pub(super) fn find(&self, method: &Method, path: &str) -> Priority {
        let Ok(found) = self.0.at(path) else { return Priority::Browsing };
        let at = METHODS.iter().position(|(_, known)| known == method);
        found.value[at.unwrap_or(0)]
    }
}

fn operation<'a>(item: &'a PathItem, method: &HttpMethod) -> Option<&'a Operation> {
    match method {
        HttpMethod::Get => item.get.as_ref(),
        HttpMethod::Post => item.post.as_ref(),
        HttpMethod::Put => item.put.as_ref(),
        HttpMethod::Patch => item.patch.as_ref(),
        HttpMethod::Delete => item.delete.as_ref(),
        _ => None,
    }
}
