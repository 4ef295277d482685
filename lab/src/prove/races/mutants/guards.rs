//! Where the guards stand, word for word. When a guard is worded anew, its words here have to be, too: a text that is not
//! there is an error and never a pass.

/// Some words of a file, and what takes their place.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) file: &'static str,
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

/// What stands between a race and its loss.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) race: &'static str,
    /// Only on this store, where on the other something else would hold.
    pub(super) store: Option<&'static str>,
    /// The condition in a statement or in the code.
    pub(super) condition: &'static [Edit],
    /// The constraint of the table behind it.
    pub(super) constraint: &'static [Edit],
}

const LEVELS: Edit = Edit {
    file: "modules/product/src/stock/store.rs",
    from: "AND on_hand - reserved >= wanted.column4 - wanted.column3",
    to: "AND (on_hand - reserved >= wanted.column4 - wanted.column3 OR TRUE)",
};

const LEVELS_CHECK: Edit = Edit {
    file: "migrations/product/0002_stock.sql",
    from: "CHECK (reserved <= on_hand)",
    to: "CHECK (TRUE)",
};

pub(super) const GUARDS: &[Guard] = &[
    Guard { race: "stock", store: None, condition: &[LEVELS], constraint: &[LEVELS_CHECK] },
    Guard { race: "adjustment", store: None, condition: &[LEVELS], constraint: &[LEVELS_CHECK] },
    Guard {
        race: "cart",
        store: None,
        condition: &[Edit {
            file: "modules/order/src/cart/store.rs",
            from: "SET status = 'completing', order_id = $1, updated_at = $2\n         WHERE id = $3 AND version = $4 AND status = 'open'",
            to: "SET status = 'completing', order_id = $1, updated_at = $2\n         WHERE id = $3 AND (version = $4 OR TRUE)",
        }],
        constraint: &[Edit {
            file: "migrations/order/0002_orders.sql",
            from: "CREATE UNIQUE INDEX orders_one_per_cart",
            to: "CREATE INDEX orders_one_per_cart",
        }],
    },
    Guard {
        race: "refund",
        store: None,
        condition: &[Edit {
            file: "modules/payment/src/intent/store.rs",
            from: "AND refunded + disputed + pending_refund + $3 + $4 + $7 <= captured + $2",
            to: "AND (refunded + disputed + pending_refund + $3 + $4 + $7 <= captured + $2 OR TRUE)",
        }],
        constraint: &[Edit {
            file: "migrations/payment/0001_intents.sql",
            from: "CHECK (refunded + disputed + pending_refund <= captured)",
            to: "CHECK (TRUE)",
        }],
    },
    Guard {
        race: "capture",
        store: None,
        condition: &[Edit {
            file: "modules/payment/src/intent/store.rs",
            from: "AND pending_capture + pending_void + $5 + $6 <= authorized + $1",
            to: "AND (pending_capture + pending_void + $5 + $6 <= authorized + $1 OR TRUE)",
        }],
        constraint: &[Edit {
            file: "migrations/payment/0001_intents.sql",
            from: "CHECK (pending_capture + pending_void <= authorized)",
            to: "CHECK (TRUE)",
        }],
    },
    // The count of inserted rows says who was first because the table lets nobody be second: the two are one guard.
    Guard {
        race: "idempotency",
        store: None,
        condition: &[Edit {
            file: "platform/src/idempotency.rs",
            from: "insert.later_changing_one();",
            to: "insert.later();",
        }],
        constraint: &[Edit {
            file: "migrations/platform/0004_idempotency.sql",
            from: "PRIMARY KEY (scope, operation, key)",
            to: "CHECK (TRUE)",
        }],
    },
    // On SQLite the token is read where it is written, and one writes at a time, so that the condition is never asked. What
    // the tabs live by there is that the one before is good for a moment.
    Guard {
        race: "tabs",
        store: Some("sqlite"),
        condition: &[Edit {
            file: "modules/user/src/session.rs",
            from: "} else if now.since(self.exchanged_at) <= GRACE {",
            to: "} else if self.position < 0 && now.since(self.exchanged_at) <= GRACE {",
        }],
        constraint: &[],
    },
    Guard {
        race: "tabs",
        store: Some("postgres"),
        condition: &[Edit {
            file: "modules/user/src/session/store.rs",
            from: "WHERE id = $5 AND position = $6 AND revoked_at IS NULL",
            to: "WHERE id = $5 AND (position = $6 OR TRUE) AND revoked_at IS NULL",
        }],
        constraint: &[],
    },
    Guard {
        race: "thief",
        store: None,
        condition: &[Edit {
            file: "modules/user/src/session/service.rs",
            from: "store::revoke(&mut tx, session.id, Revocation::Reused, now).await?;",
            to: "let _ = (Revocation::Reused, now);",
        }],
        constraint: &[],
    },
];
