//! What must agree in the tables of this module.

use platform::books::{Books, Check};

/// The books of this module.
pub const BOOKS: Books = Books {
    checks: &[
        Check::never(
            "accounts have more or fewer addresses than they count",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM accounts
             WHERE addresses <> (SELECT COUNT(*) FROM addresses WHERE addresses.account_id = accounts.id)",
        ),
        Check::never(
            "accounts have another's address as their own",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM accounts
             WHERE addresses > 0 AND 2 <> (
                 SELECT COALESCE(SUM(CASE WHEN id = default_shipping_id THEN 1 ELSE 0 END
                     + CASE WHEN id = default_billing_id THEN 1 ELSE 0 END), 0)
                 FROM addresses WHERE addresses.account_id = accounts.id
             )",
        ),
        Check::never(
            "sessions are ahead of their account",
            "SELECT CAST(COUNT(*) AS BIGINT) FROM sessions JOIN accounts ON accounts.id = sessions.account_id
             WHERE sessions.token_generation > accounts.token_generation",
        ),
    ],
    accounts: &[],
};
