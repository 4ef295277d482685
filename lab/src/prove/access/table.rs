//! Who may do what: one row for every operation of the shop. This is the whole of it; the matrix follows from it.

use crate::described::Operation;

/// What an operation asks of whoever calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing. What is not on sale is not there.
    Nothing,
    /// An account, whoever's.
    Account,
    /// A customer, who sees what is theirs alone.
    Customer,
    /// The customer whose it is, or a guest with the token of the cart.
    Owner,
    /// Staff with this permission.
    Permission(&'static str),
    /// A signature that no caller here can make.
    Signature,
}

use Needs::{Account, Customer, Nothing, Owner, Permission, Signature};

/// A row: an operation and what it needs.
pub type Row = (&'static str, Needs);

/// Every operation there is.
pub const TABLE: &[Row] = &[
    ("GET /v1/account", Account),
    ("PATCH /v1/account", Account),
    ("GET /v1/addresses", Customer),
    ("POST /v1/addresses", Customer),
    ("GET /v1/addresses/{id}", Customer),
    ("PATCH /v1/addresses/{id}", Customer),
    ("DELETE /v1/addresses/{id}", Customer),
    ("POST /v1/auth/login", Nothing),
    ("POST /v1/auth/logout", Nothing),
    ("POST /v1/auth/refresh", Nothing),
    ("POST /v1/auth/register", Nothing),
    ("POST /v1/auth/setup", Nothing),
    ("POST /v1/carts", Nothing),
    ("GET /v1/carts/{id}", Owner),
    ("PATCH /v1/carts/{id}", Owner),
    ("POST /v1/carts/{id}/complete", Owner),
    ("POST /v1/carts/{id}/items", Owner),
    ("PATCH /v1/carts/{id}/items/{itemId}", Owner),
    ("DELETE /v1/carts/{id}/items/{itemId}", Owner),
    ("GET /v1/carts/{id}/requirements", Owner),
    ("GET /v1/carts/{id}/shipping-options", Owner),
    ("POST /v1/checkout", Nothing),
    ("GET /v1/orders", Customer),
    ("GET /v1/orders/{id}", Owner),
    ("GET /v1/products", Nothing),
    ("GET /v1/products/{id}", Nothing),
    ("GET /v1/variants/{id}/availability", Nothing),
    ("POST /v1/webhooks/test/actions/{charge}", Nothing),
    ("POST /v1/webhooks/{provider}", Signature),
    ("GET /v1/admin/customers", Permission("customers:read")),
    ("GET /v1/admin/customers/{id}", Permission("customers:read")),
    ("PATCH /v1/admin/customers/{id}", Permission("customers:write")),
    ("GET /v1/admin/events", Permission("events:read")),
    ("GET /v1/admin/fulfillments", Permission("fulfillments:read")),
    ("POST /v1/admin/fulfillments", Permission("fulfillments:write")),
    ("POST /v1/admin/imports", Permission("imports:write")),
    ("GET /v1/admin/imports/{id}", Permission("imports:write")),
    ("POST /v1/admin/imports/{id}/confirm", Permission("imports:write")),
    ("GET /v1/admin/ledger", Permission("ledger:read")),
    ("GET /v1/admin/ledger/balances", Permission("ledger:read")),
    ("GET /v1/admin/orders", Permission("orders:read")),
    ("GET /v1/admin/orders/{id}", Permission("orders:read")),
    ("POST /v1/admin/orders/{id}/cancel", Permission("orders:write")),
    ("GET /v1/admin/payment-intents", Permission("payments:read")),
    ("GET /v1/admin/payment-intents/{id}", Permission("payments:read")),
    ("POST /v1/admin/payment-intents/{id}/cancel", Permission("payments:write")),
    ("POST /v1/admin/payment-intents/{id}/capture", Permission("payments:write")),
    ("GET /v1/admin/processes", Permission("processes:read")),
    ("GET /v1/admin/processes/{id}", Permission("processes:read")),
    ("POST /v1/admin/processes/{id}/end", Permission("processes:write")),
    ("POST /v1/admin/processes/{id}/retry", Permission("processes:write")),
    ("GET /v1/admin/products", Permission("products:read")),
    ("POST /v1/admin/products", Permission("products:write")),
    ("GET /v1/admin/products/{id}", Permission("products:read")),
    ("PATCH /v1/admin/products/{id}", Permission("products:write")),
    ("DELETE /v1/admin/products/{id}", Permission("products:write")),
    ("POST /v1/admin/products/{id}/variants", Permission("products:write")),
    ("GET /v1/admin/refunds", Permission("refunds:read")),
    ("POST /v1/admin/refunds", Permission("refunds:write")),
    ("GET /v1/admin/refunds/{id}", Permission("refunds:read")),
    ("GET /v1/admin/reservations", Permission("stock:read")),
    ("GET /v1/admin/roles", Permission("roles:read")),
    ("POST /v1/admin/roles", Permission("roles:write")),
    ("GET /v1/admin/roles/{name}", Permission("roles:read")),
    ("PATCH /v1/admin/roles/{name}", Permission("roles:write")),
    ("DELETE /v1/admin/roles/{name}", Permission("roles:write")),
    ("GET /v1/admin/shipping-options", Permission("shipping:read")),
    ("POST /v1/admin/shipping-options", Permission("shipping:write")),
    ("DELETE /v1/admin/shipping-options/{id}", Permission("shipping:write")),
    ("GET /v1/admin/staff", Permission("staff:read")),
    ("POST /v1/admin/staff", Permission("staff:write")),
    ("GET /v1/admin/staff/{id}", Permission("staff:read")),
    ("PATCH /v1/admin/staff/{id}", Permission("staff:write")),
    ("POST /v1/admin/staff/{id}/setup-token", Permission("staff:write")),
    ("GET /v1/admin/stock-levels", Permission("stock:read")),
    ("POST /v1/admin/stock-levels/adjust", Permission("stock:write")),
    ("POST /v1/admin/stock-levels/count", Permission("stock:write")),
    ("POST /v1/admin/stock-levels/transfer", Permission("stock:write")),
    ("GET /v1/admin/stock-locations", Permission("stock:read")),
    ("POST /v1/admin/stock-locations", Permission("stock:write")),
    ("GET /v1/admin/stock-movements", Permission("stock:read")),
    ("GET /v1/admin/tax-regions", Permission("tax:read")),
    ("POST /v1/admin/tax-regions", Permission("tax:write")),
    ("DELETE /v1/admin/tax-regions/{id}", Permission("tax:write")),
    ("GET /v1/admin/variants/{id}", Permission("products:read")),
    ("PATCH /v1/admin/variants/{id}", Permission("products:write")),
    ("GET /v1/admin/webhook-events", Permission("webhooks:read")),
    ("POST /v1/admin/webhook-events/{id}/replay", Permission("webhooks:write")),
];

/// Operations without a row, and rows without an operation, a sentence each.
pub(super) fn forgotten(table: &[Row], operations: &[Operation]) -> Vec<String> {
    let names: Vec<String> = operations.iter().map(Operation::name).collect();
    let without_row = names.iter().filter(|name| !table.iter().any(|(row, _)| row == name));
    let without_operation = table.iter().filter(|(row, _)| !names.iter().any(|name| name == row));
    let mut forgotten: Vec<String> = without_row.map(|name| format!("{name} has no row")).collect();
    forgotten.extend(without_operation.map(|(row, _)| format!("{row} is no operation")));
    forgotten
}
