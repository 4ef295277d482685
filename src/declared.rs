//! What is known of each module wherever it runs: its name, its tables, its routes and its contract.

use kernel::event::EventType;
use kernel::macros::serde_json::Value;
use platform::db::Migration;
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
    /// What it says.
    pub events: &'static [EventType],
}

/// All four, in the order of who is called by whom.
pub const MODULES: [Declared; 4] = [
    Declared {
        name: user::NAME,
        migrations: user::MIGRATIONS,
        routes: user::routes,
        contract: user_api::UsersClient::CONTRACT,
        descriptor: user_api::UsersClient::descriptor,
        events: user_api::EVENTS,
    },
    Declared {
        name: product::NAME,
        migrations: product::MIGRATIONS,
        routes: product::routes,
        contract: product_api::ProductsClient::CONTRACT,
        descriptor: product_api::ProductsClient::descriptor,
        events: product_api::EVENTS,
    },
    Declared {
        name: payment::NAME,
        migrations: payment::MIGRATIONS,
        routes: payment::routes,
        contract: payment_api::PaymentsClient::CONTRACT,
        descriptor: payment_api::PaymentsClient::descriptor,
        events: payment_api::EVENTS,
    },
    Declared {
        name: order::NAME,
        migrations: order::MIGRATIONS,
        routes: order::routes,
        contract: order_api::OrdersClient::CONTRACT,
        descriptor: order_api::OrdersClient::descriptor,
        events: order_api::EVENTS,
    },
];
