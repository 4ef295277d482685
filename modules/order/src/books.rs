//! What must agree in the tables of this module, and with those of the product and the payment module.

use platform::books::{Account, Books, Check};

/// The books of this module.
pub const BOOKS: Books = Books {
    checks: &[
        Check::never(
            "orders are not the sum of their lines",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM orders
             WHERE subtotal_minor <> (
                 SELECT COALESCE(SUM(total_minor), 0) FROM order_items WHERE order_items.order_id = orders.id
             )",
        ),
        Check::never(
            "orders and their checkouts disagree on whether they were placed",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM orders JOIN checkouts ON checkouts.order_id = orders.id
             WHERE (orders.placed_at IS NOT NULL) <> (checkouts.state = 'placed')",
        ),
        Check::never(
            "orders wait for a payment that nobody drives",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM orders
             WHERE status = 'pendingPayment' AND NOT EXISTS (
                 SELECT 1 FROM checkouts WHERE checkouts.order_id = orders.id AND checkouts.wake_at IS NOT NULL
             )",
        ),
        Check::never(
            "checkouts have ended and are still to be woken",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM checkouts WHERE state = 'placed' AND wake_at IS NOT NULL",
        ),
        Check::late(
            "checkouts should have gone on",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM checkouts
             WHERE wake_at < $1 AND (leased_until IS NULL OR leased_until < $1)",
        ),
        Check::never(
            "carts became an order that is not there or not theirs",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM carts
             WHERE order_id IS NOT NULL AND NOT EXISTS (
                 SELECT 1 FROM orders WHERE orders.id = carts.order_id AND orders.cart_id = carts.id
             )",
        ),
        Check::never(
            "orders were created, placed or canceled twice, as the log has it",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM (
                 SELECT 1 FROM events WHERE type IN ('order.created', 'order.placed', 'order.canceled')
                 GROUP BY type, subject HAVING COUNT(*) > 1
             ) AS told",
        ),
    ],
    accounts: &[
        Account::new(
            "money captured",
            "SELECT payment_key, captured_minor FROM orders WHERE captured_minor > 0",
        ),
        Account::new(
            "money given back",
            "SELECT payment_key, refunded_minor FROM orders WHERE refunded_minor > 0",
        ),
        Account::new(
            "units sold",
            "SELECT orders.reservation_key, CAST(SUM(order_items.quantity) AS BIGINT)
             FROM orders JOIN order_items ON order_items.order_id = orders.id
             WHERE orders.placed_at IS NOT NULL GROUP BY orders.reservation_key",
        ),
    ],
};
