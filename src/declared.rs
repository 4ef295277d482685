//! What is known of each module wherever it runs: its name, its tables, its routes and its contract.

use kernel::event::EventType;
use kernel::macros::serde_json::Value;
use platform::books::Books;
use platform::calls::Callers;
use platform::db::Migration;
use platform::events::Hears;
use platform::http::Routes;

/// A module as every process knows it.
#[derive(Clone, Copy)]
pub struct Declared {
    /// Its name.
    pub name: &'static str,
    /// Its tables.
    pub migrations: &'static [Migration],
    /// Its routes, without what they work with.
    pub routes: fn(&mut Routes<'_>),
    /// Its contract's name.
    pub contract: &'static str,
    /// Its contract, as this version knows it.
    pub descriptor: fn() -> Value,
    /// Whom its contract is for, method by method.
    pub callers: Callers,
    /// What it hears of others.
    pub hears: &'static [Hears],
    /// What must agree in its tables, and with those of others.
    pub books: Books,
    /// What it says.
    pub events: &'static [EventType],
}

impl Declared {
    /// The methods of its contract that this module or the gateway may call.
    pub fn called_by(&self, caller: &str) -> Vec<&'static str> {
        let listed = self.callers.iter().filter(|(_, callers)| callers.contains(&caller));
        listed.map(|(method, _)| *method).collect()
    }
}

/// All four, in the order of who is called by whom.
pub const MODULES: [Declared; 4] = [
    Declared {
        name: user::NAME,
        migrations: user::MIGRATIONS,
        routes: user::routes,
        contract: user_api::UsersClient::CONTRACT,
        descriptor: user_api::UsersClient::descriptor,
        callers: user::CALLERS,
        hears: user::HEARS,
        books: user::BOOKS,
        events: user_api::EVENTS,
    },
    Declared {
        name: product::NAME,
        migrations: product::MIGRATIONS,
        routes: product::routes,
        contract: product_api::ProductsClient::CONTRACT,
        descriptor: product_api::ProductsClient::descriptor,
        callers: product::CALLERS,
        hears: product::HEARS,
        books: product::BOOKS,
        events: product_api::EVENTS,
    },
    Declared {
        name: payment::NAME,
        migrations: payment::MIGRATIONS,
        routes: payment::routes,
        contract: payment_api::PaymentsClient::CONTRACT,
        descriptor: payment_api::PaymentsClient::descriptor,
        callers: payment::CALLERS,
        hears: payment::HEARS,
        books: payment::BOOKS,
        events: payment_api::EVENTS,
    },
    Declared {
        name: order::NAME,
        migrations: order::MIGRATIONS,
        routes: order::routes,
        contract: order_api::OrdersClient::CONTRACT,
        descriptor: order_api::OrdersClient::descriptor,
        callers: order::CALLERS,
        hears: order::HEARS,
        books: order::BOOKS,
        events: order_api::EVENTS,
    },
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kernel::Event;

    use super::*;

    /// The events that were released, as they travelled then.
    fn released() -> Vec<Event> {
        let mut events = Vec::new();
        for release in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts")).unwrap() {
            for sample in std::fs::read_dir(release.unwrap().path().join("events")).unwrap() {
                let text = std::fs::read_to_string(sample.unwrap().path()).unwrap();
                events.push(serde_json::from_str(&text).unwrap());
            }
        }
        events
    }

    #[test]
    fn events_of_every_release_are_understood_and_keep_all_they_say() {
        let released = released();
        for sample in &released {
            let module = MODULES.into_iter().find(|module| sample.source == format!("/{}", module.name));
            let known =
                module.and_then(|module| module.events.iter().find(|event| event.name == sample.kind));
            let known = known.unwrap_or_else(|| panic!("nobody says {} any more", sample.kind));
            let read =
                (known.reread)(&sample.data).unwrap_or_else(|error| panic!("{}: {error}", sample.kind));
            for (field, value) in sample.data.as_object().unwrap() {
                assert_eq!(read.get(field), Some(value), "`{field}` of {}", sample.kind);
            }
        }
        for module in MODULES {
            for event in module.events {
                let kept = released.iter().any(|sample| sample.kind == event.name);
                assert!(
                    kept,
                    "{} has no sample in contracts/; put one into the release it comes with",
                    event.name
                );
            }
        }
    }
}
