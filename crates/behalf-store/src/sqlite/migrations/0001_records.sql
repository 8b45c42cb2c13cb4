-- Tenants as small integers: every row of every index carries one.
CREATE TABLE tenant (
    n  INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE
);
-- Documents. A rowid table, so that new documents are appended; `entries` are the declared index
-- entries, so that they can be taken back without an index of their own.
CREATE TABLE record (
    r       INTEGER PRIMARY KEY,
    tenant  INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    id      BLOB    NOT NULL,
    version INTEGER NOT NULL,
    entries BLOB,
    doc     BLOB    NOT NULL
);
CREATE UNIQUE INDEX record_key ON record (tenant, kind, id);
-- Declared indexes.
CREATE TABLE entry (
    tenant INTEGER NOT NULL,
    idx    INTEGER NOT NULL,
    value  BLOB    NOT NULL,
    id     BLOB    NOT NULL,
    PRIMARY KEY (tenant, idx, value, id)
) WITHOUT ROWID;
-- Directory commits: `kind` is a record's kind, 256 + an index's number, or -1 for everything.
CREATE TABLE change_log (
    seq    INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    tenant INTEGER,
    kind   INTEGER NOT NULL,
    id     BLOB,
    PRIMARY KEY (seq, n)
) WITHOUT ROWID;
-- One row, updated last in each transaction: the newest directory commit and the newest version
-- given to a record.
CREATE TABLE counter (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    seq     INTEGER NOT NULL,
    version INTEGER NOT NULL
);
INSERT INTO counter (one, seq, version) VALUES (1, 0, 0);
