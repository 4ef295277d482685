//! What must agree in the tables of this module, and with those of the order module.

use platform::books::{Account, Books, Check};

/// The books of this module.
pub const BOOKS: Books = Books {
    checks: &[
        Check::never(
            "levels are not the sum of their movements",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM stock_levels
             WHERE on_hand <> (
                 SELECT COALESCE(SUM(delta), 0) FROM stock_movements
                 WHERE stock_movements.variant_id = stock_levels.variant_id
                     AND stock_movements.location_id = stock_levels.location_id
             )",
        ),
        Check::each(
            "units more or fewer are promised than reservations hold",
            "SELECT CAST(ABS((SELECT COALESCE(SUM(reserved), 0) FROM stock_levels) - (
                 SELECT COALESCE(SUM(json_extract(line.value, '$.quantity')), 0)
                 FROM reservations, json_each(reservations.lines) AS line WHERE reservations.status = 'held'
             )) AS BIGINT)",
            "SELECT CAST(ABS((SELECT COALESCE(SUM(reserved), 0) FROM stock_levels) - (
                 SELECT COALESCE(SUM(CAST(line ->> 'quantity' AS BIGINT)), 0)
                 FROM reservations, jsonb_array_elements(reservations.lines) AS line
                 WHERE reservations.status = 'held'
             )) AS BIGINT)",
        ),
        Check::late(
            "reservations outlive their lease",
            // A sweep that cannot be sure of having heard all news waits another minute.
            "SELECT CAST(COUNT(*) AS BIGINT) FROM reservations WHERE status = 'held' AND expires_at < $1",
        ),
    ],
    accounts: &[Account::new(
        "units sold",
        "SELECT effect_id, CAST(-SUM(delta) AS BIGINT) FROM stock_movements WHERE kind = 'sold' GROUP BY effect_id",
    )],
};
