-- Documents; `entries` are the declared index entries, so that they can be taken back without an
-- index of their own.
CREATE TABLE record (
    tenant  UUID     NOT NULL,
    kind    SMALLINT NOT NULL,
    id      BYTEA    NOT NULL,
    version BIGINT   NOT NULL,
    entries BYTEA,
    doc     BYTEA    NOT NULL,
    PRIMARY KEY (tenant, kind, id)
);
-- Declared indexes.
CREATE TABLE entry (
    tenant UUID     NOT NULL,
    idx    SMALLINT NOT NULL,
    value  BYTEA    NOT NULL,
    id     BYTEA    NOT NULL,
    PRIMARY KEY (tenant, idx, value, id)
);
-- Directory commits: `kind` is a record's kind, 256 + an index's number, or -1 for everything.
CREATE TABLE change_log (
    seq    BIGINT   NOT NULL,
    n      BIGINT   NOT NULL,
    tenant UUID,
    kind   SMALLINT NOT NULL,
    id     BYTEA,
    PRIMARY KEY (seq, n)
);
-- One row: the newest directory commit. Updated by the last statement of a transaction, so that
-- numbers appear in commit order.
CREATE TABLE counter (
    one SMALLINT PRIMARY KEY CHECK (one = 1),
    seq BIGINT   NOT NULL
);
INSERT INTO counter (one, seq) VALUES (1, 0);
-- Versions of records, given to processes in blocks.
CREATE SEQUENCE version_block INCREMENT BY 10000 START WITH 1;
-- The transactions of each writing process: a row says that number n of this writer was committed
-- (`fenced` false) or never can be (`fenced` true). `seq` is the counter as n left it.
CREATE TABLE batch (
    writer UUID        NOT NULL,
    n      BIGINT      NOT NULL,
    seq    BIGINT      NOT NULL,
    fenced BOOLEAN     NOT NULL,
    asked  BOOLEAN     NOT NULL DEFAULT FALSE,
    at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (writer, n)
);
