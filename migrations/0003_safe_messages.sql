-- The embedded Safe Transaction Service: messages of Safes, and when an execution was. Conventions as in
-- 0002_safe_service.sql.

CREATE TABLE sts_message (
    chain_id     TEXT   NOT NULL,
    message_hash TEXT   NOT NULL,  -- what owners sign
    safe         TEXT   NOT NULL,
    message      TEXT   NOT NULL,  -- as JSON: a text, or EIP-712 typed data
    proposed_by  TEXT   NOT NULL,
    safe_app_id  BIGINT,
    origin       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    modified_at  BIGINT NOT NULL,
    PRIMARY KEY (chain_id, message_hash)
);

CREATE INDEX sts_message_of_safe ON sts_message (chain_id, safe, created_at);

CREATE TABLE sts_message_confirmation (
    chain_id     TEXT   NOT NULL,
    message_hash TEXT   NOT NULL,
    owner        TEXT   NOT NULL,
    signature    TEXT   NOT NULL,
    kind         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (chain_id, message_hash, owner)
);

-- The time of the block; null for what was settled before this column was.
ALTER TABLE sts_transaction ADD COLUMN executed_at BIGINT;
