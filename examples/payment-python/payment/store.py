"""The database: one SQLite file, one connection, one transaction at a time. Events are written with what they report."""

import json
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path

from payment import ids, moments

TABLES = Path(__file__).with_name("tables.sql")


class Store:
    """This module's tables and its log."""

    def __init__(self, file: str):
        self._db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # What was answered is on the disk.
        self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        self._db.executescript(TABLES.read_text())
        self._lock = threading.Lock()
        self._news = threading.Condition()
        self._told = self.one("SELECT COALESCE(MAX(position), 0) FROM events")[0]

    def one(self, sql: str, *values):
        """The first row, if there is one."""
        with self._lock:
            return self._db.execute(sql, values).fetchone()

    def all(self, sql: str, *values):
        """All rows."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def transaction(self):
        """All of it or nothing. Nobody outside is asked anything while it is open."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            tx = Transaction(self._db)
            try:
                yield tx
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
        if tx.told:
            with self._news:
                self._told = max(self._told, tx.told)
                self._news.notify_all()

    def wait_for_event(self, after: int, seconds: float):
        """Waits until there is an event after this position, or for so long."""
        with self._news:
            self._news.wait_for(lambda: self._told > after, seconds)


class Transaction:
    """A transaction that is open."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db
        self.told = 0

    def one(self, sql: str, *values):
        """The first row, if there is one."""
        return self._db.execute(sql, values).fetchone()

    def run(self, sql: str, *values) -> int:
        """How many rows it changed."""
        return self._db.execute(sql, values).rowcount

    def publish(self, kind: str, subject: str, data: dict):
        """Says what happened. Positions are contiguous and never move, since there is one writer."""
        self.told = self.one("SELECT COALESCE(MAX(position), 0) + 1 FROM events")[0]
        self.run(
            "INSERT INTO events (position, id, type, subject, occurred_at, data) VALUES (?, ?, ?, ?, ?, ?)",
            self.told,
            ids.new(),
            kind,
            subject,
            moments.now(),
            json.dumps(data),
        )

    def enqueue(self, kind: str, payload: dict, due_at: int):
        """Writes down work that needs somebody outside."""
        self.run(
            "INSERT INTO jobs (id, kind, payload, due_at) VALUES (?, ?, ?, ?)",
            ids.new(),
            kind,
            json.dumps(payload),
            due_at,
        )
