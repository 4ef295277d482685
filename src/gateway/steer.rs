//! Steers the gate by how long requests queue inside this process, and shows how it stands.

use std::sync::Arc;
use std::time::Duration;

use platform::http::admission::Admission;
use platform::waits::Waited;
use platform::{Db, Tasks, metrics};

/// How often it is looked. A purchase takes some tens of milliseconds, so that the last change is seen in the next look.
const EVERY: Duration = Duration::from_millis(100);

/// Who looks.
pub struct Steer {
    admission: Arc<Admission>,
    databases: Vec<Db>,
    before: Vec<Waited>,
}

impl Steer {
    /// Steers by the processor and by these databases.
    pub fn new(admission: Arc<Admission>, databases: Vec<Db>) -> Self {
        let mut steer = Self { admission, databases, before: Vec::new() };
        steer.before = steer.waited();
        steer
    }

    /// Steers until the process stops.
    pub async fn run(mut self, tasks: Tasks) {
        while tasks.pause(EVERY).await {
            self.look();
        }
    }

    /// The worst queue decides: requests that need the one have to go through all.
    fn look(&mut self) {
        let now = self.waited();
        let queued = now.iter().zip(&self.before).map(|(now, before)| now.mean_since(*before)).max();
        self.admission.steer(queued.unwrap_or_default());
        self.before = now;
        metrics::admission(&self.admission);
    }

    fn waited(&self) -> Vec<Waited> {
        let databases = self.databases.iter().map(|db| db.stats().waits());
        std::iter::once(self.admission.turns()).chain(databases).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::Method;
    use platform::http::admission::{Admitting, MEMBER, Priority, Steering};
    use platform::http::documents;
    use utoipa::openapi::path::{Operation, PathItem};

    use crate::gateway::routes;

    fn gate() -> Admission {
        let steering = Steering { least: 8, most: 64, target: Duration::from_millis(10) };
        let settings = Admitting { steering, wait: Duration::ZERO, payment_wait: Duration::ZERO };
        Admission::new(settings, &routes::openapi())
    }

    fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
        let all = [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ];
        all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
    }

    #[test]
    fn the_gate_knows_every_operation_as_it_is_described() {
        let (gate, documents) = (gate(), documents(routes::openapi()));
        let paths = documents.store.paths.paths.iter().chain(&documents.admin.paths.paths);
        for (path, item) in paths {
            let asked: Vec<_> =
                path.split('/').map(|part| if part.starts_with('{') { "one_1" } else { part }).collect();
            for (method, operation) in operations(item) {
                let said = operation.extensions.as_ref().and_then(|members| members.get(MEMBER)?.as_str());
                let known = gate.priority(&method, &asked.join("/"));
                assert_eq!(said, Some(known.name()), "{method} {path}");
            }
        }
    }

    #[test]
    fn what_a_route_says_of_itself_is_a_priority() {
        let api = routes::openapi();
        let operations = api.paths.paths.iter().flat_map(|(path, item)| {
            operations(item).map(move |(method, operation)| (path, method, operation))
        });
        let said = operations.filter_map(|(path, method, operation)| {
            Some((path, method, operation.extensions.as_ref()?.get(MEMBER)?.as_str()?))
        });
        let said: Vec<_> = said.collect();
        assert!(said.len() > 5, "{said:?}");
        for (path, method, name) in said {
            assert!(Priority::named(name).is_some(), "{method} {path}: {name}");
        }
    }

    #[test]
    fn money_goes_before_buying_and_buying_before_browsing() {
        let gate = gate();
        for (method, path, expected) in [
            (Method::POST, "/v1/webhooks/acme", Priority::Payment),
            (Method::POST, "/v1/admin/refunds", Priority::Payment),
            (Method::POST, "/v1/checkout", Priority::Checkout),
            (Method::POST, "/v1/carts/cart_1/complete", Priority::Checkout),
            (Method::GET, "/v1/carts/cart_1", Priority::Checkout),
            (Method::POST, "/v1/auth/login", Priority::Checkout),
            (Method::GET, "/v1/products", Priority::Browsing),
            (Method::HEAD, "/v1/products/a-cup", Priority::Browsing),
            (Method::GET, "/nothing", Priority::Browsing),
            (Method::GET, "/v1/admin/orders", Priority::Staff),
            (Method::POST, "/v1/admin/imports", Priority::Staff),
        ] {
            assert_eq!(gate.priority(&method, path), expected, "{method} {path}");
        }
    }
}
