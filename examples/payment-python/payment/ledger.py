"""The ledger: every movement of money from one account to another. Rows are added and never changed."""

from payment import ids, moments


def enter(tx, intent, kind: str, debit: str, credit: str, amount: int):
    """Enters a movement of an intent's money."""
    tx.run(
        "INSERT INTO transfers (id, intent_id, kind, debit, credit, amount_minor, currency, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        ids.new(),
        intent["id"],
        kind,
        debit,
        credit,
        amount,
        intent["currency"],
        moments.now(),
    )


def promise(tx, intent, amount):
    """Money is promised."""
    enter(tx, intent, "authorization", "holds", "promises", amount)


def release(tx, intent, amount):
    """A promise ends: it is captured or given up."""
    enter(tx, intent, "release", "promises", "holds", amount)


def capture(tx, intent, amount):
    """Money is taken."""
    enter(tx, intent, "capture", f"clearing:{intent['provider']}", "sales", amount)


def refund(tx, intent, amount):
    """Money goes back."""
    enter(tx, intent, "refund", "sales", f"clearing:{intent['provider']}", amount)


def dispute(tx, intent, amount):
    """A payer disputes what was taken, and the provider has it back."""
    enter(tx, intent, "dispute", "disputes", f"clearing:{intent['provider']}", amount)


def dispute_won(tx, intent, amount):
    """A dispute was decided for the shop."""
    enter(tx, intent, "dispute_won", f"clearing:{intent['provider']}", "disputes", amount)


def balances(store):
    """What every account holds, in each currency."""
    return store.all(
        """
        SELECT account, currency, SUM(amount) AS amount
        FROM (
            SELECT debit AS account, currency, amount_minor AS amount FROM transfers
            UNION ALL
            SELECT credit AS account, currency, -amount_minor AS amount FROM transfers
        )
        GROUP BY account, currency
        ORDER BY account, currency
        """
    )


def transfers(store, intent_id: str | None, after: str, limit: int):
    """Transfers, oldest first: all, or those of one intent."""
    return store.all(
        """
        SELECT * FROM transfers
        WHERE id > ?1 AND (?2 IS NULL OR intent_id = ?2)
        ORDER BY id
        LIMIT ?3
        """,
        after,
        intent_id,
        limit,
    )
