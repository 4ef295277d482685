-- Whether these tables are on their way to another database, or were moved there.
CREATE TABLE moves (
    id    UUID        NOT NULL PRIMARY KEY,
    side  TEXT        NOT NULL CHECK (side IN ('leaving', 'left', 'arriving')),
    -- The other database, for people.
    other TEXT        NOT NULL,
    at    TIMESTAMPTZ NOT NULL
);

-- The rows that changed since they were copied.
CREATE TABLE moving_changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL,
    key    TEXT NOT NULL
);
