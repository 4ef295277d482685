//! What must agree in the tables of this module, and with those of the order module.

use platform::books::{Account, Books, Check};

/// The books of this module.
pub const BOOKS: Books = Books {
    checks: &[
        Check::never(
            "intents hold another amount than the ledger says",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM intents LEFT JOIN (
                 SELECT intent_id,
                     SUM(CASE kind WHEN 'authorization' THEN amount_minor WHEN 'release' THEN -amount_minor END)
                         AS authorized,
                     SUM(CASE kind WHEN 'capture' THEN amount_minor END) AS captured,
                     SUM(CASE kind WHEN 'refund' THEN amount_minor END) AS refunded,
                     SUM(CASE kind WHEN 'dispute' THEN amount_minor WHEN 'dispute_won' THEN -amount_minor END)
                         AS disputed
                 FROM transfers GROUP BY intent_id
             ) AS told ON told.intent_id = intents.id
             WHERE intents.authorized <> COALESCE(told.authorized, 0)
                 OR intents.captured <> COALESCE(told.captured, 0)
                 OR intents.refunded <> COALESCE(told.refunded, 0)
                 OR intents.disputed <> COALESCE(told.disputed, 0)",
        ),
        Check::never(
            "intents set another amount aside than is on its way",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM intents LEFT JOIN (
                 SELECT intent_id,
                     SUM(CASE kind WHEN 'capture' THEN amount_minor END) AS capture,
                     SUM(CASE kind WHEN 'void' THEN amount_minor END) AS void,
                     SUM(CASE kind WHEN 'refund' THEN amount_minor END) AS refund
                 FROM movements WHERE status IN ('processing', 'unknown') GROUP BY intent_id
             ) AS moving ON moving.intent_id = intents.id
             WHERE intents.pending_capture <> COALESCE(moving.capture, 0)
                 OR intents.pending_void <> COALESCE(moving.void, 0)
                 OR intents.pending_refund <> COALESCE(moving.refund, 0)",
        ),
        Check::late(
            "charges should have been asked about",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM attempts WHERE ask_at < $1",
        ),
        Check::late(
            "movements of money should have been asked about",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM movements WHERE ask_at < $1",
        ),
        Check::never(
            "messages of providers could not be applied and wait for an operator",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM webhook_events WHERE status = 'parked'",
        ),
    ],
    accounts: &[
        Account::new("money captured", "SELECT key, captured FROM intents WHERE captured > 0"),
        Account::new("money given back", "SELECT key, refunded FROM intents WHERE refunded > 0"),
    ],
};
