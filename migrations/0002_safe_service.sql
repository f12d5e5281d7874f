-- The embedded Safe Transaction Service. One text for SQLite and Postgres: BIGINT and TEXT only.
-- Hashes, data and signatures are 0x hex in lower case, addresses carry their checksum, times are
-- microseconds since 1970. A nonce has 78 digits, so that the order of texts is that of numbers.

CREATE TABLE sts_transaction (
    chain_id         TEXT   NOT NULL,
    safe_tx_hash     TEXT   NOT NULL,
    safe             TEXT   NOT NULL,
    nonce            TEXT   NOT NULL,
    body             TEXT   NOT NULL,  -- the ten signed fields, as JSON
    proposer         TEXT   NOT NULL,
    delegate         TEXT,             -- who proposed for the proposer
    origin           TEXT   NOT NULL,
    trusted          BIGINT NOT NULL,  -- 1 once somebody entitled has signed
    submitted_at     BIGINT NOT NULL,
    modified_at      BIGINT NOT NULL,
    executed_in      TEXT,             -- set only when too deep in the chain to be undone
    executed_success BIGINT,
    executed_block   BIGINT,
    PRIMARY KEY (chain_id, safe_tx_hash)
);

CREATE INDEX sts_transaction_queue ON sts_transaction (chain_id, safe, nonce);

CREATE TABLE sts_confirmation (
    chain_id     TEXT   NOT NULL,
    safe_tx_hash TEXT   NOT NULL,
    owner        TEXT   NOT NULL,
    signature    TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    submitted_at BIGINT NOT NULL,
    PRIMARY KEY (chain_id, safe_tx_hash, owner)
);

CREATE TABLE sts_delegate (
    chain_id   TEXT   NOT NULL,
    safe       TEXT   NOT NULL,  -- empty: every Safe of the delegator
    delegate   TEXT   NOT NULL,
    delegator  TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    expires_at BIGINT,
    added_at   BIGINT NOT NULL,
    PRIMARY KEY (chain_id, safe, delegate, delegator)
);
