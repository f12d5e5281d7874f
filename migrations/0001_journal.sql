-- The log of facts. One text for SQLite and Postgres: BIGINT and TEXT only, hashes as lower-case hex.
CREATE TABLE fact (
    seq     BIGINT NOT NULL PRIMARY KEY,
    stream  TEXT   NOT NULL,
    version BIGINT NOT NULL,
    at      TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    body    TEXT   NOT NULL,
    prev    TEXT   NOT NULL,
    hash    TEXT   NOT NULL,
    UNIQUE (stream, version)
);

-- Every stream has exactly one first fact: the list of streams without a second table to keep true.
CREATE INDEX fact_first ON fact (stream) WHERE version = 1;

-- Lines of feeds that could not be read. Numbers of a feed are never used twice, so that
-- (highest number - rows) is how many were dropped to stay within bounds.
CREATE TABLE quarantine (
    feed      TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    at        TEXT   NOT NULL,
    line      BIGINT NOT NULL,
    reason    TEXT   NOT NULL,
    raw       TEXT   NOT NULL,
    raw_bytes BIGINT NOT NULL,
    PRIMARY KEY (feed, number)
);
