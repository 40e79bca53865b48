-- What is said in matches. No foreign keys: the statement that appends a message has locked the
-- side it appends to.

-- Ciphertext, for 24 hours at most.
CREATE TABLE messages (
    id BIGINT PRIMARY KEY NOT NULL,
    match_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    receiver_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    client_id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    content BYTEA NOT NULL,
    franking_tag BYTEA,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (match_id, sender_id, seq),
    UNIQUE (match_id, sender_id, client_id)
);

-- Who wrote to whom and when, without content, for claims, statistics and abuse; 180 days.
CREATE TABLE message_logs (
    id BIGINT PRIMARY KEY NOT NULL,
    sender_id BIGINT NOT NULL,
    receiver_id BIGINT NOT NULL,
    match_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL,
    delivered BOOLEAN NOT NULL DEFAULT FALSE,
    delivered_at TIMESTAMPTZ,
    -- What the device says of itself and of its network.
    device_info TEXT NOT NULL DEFAULT '',
    -- The kind of match, `text` or `video`.
    connection_type TEXT NOT NULL DEFAULT ''
);
CREATE INDEX message_logs_by_match ON message_logs (match_id, sender_id, seq);
