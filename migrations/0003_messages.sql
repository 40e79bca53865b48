-- What is said in matches. A match belongs to one device on each side, and the sending one numbers
-- its messages 1, 2, 3 … No foreign keys: the statement that appends a message has locked the side
-- it appends to.

-- Ciphertext that the receiving device has not acknowledged, as long as the match goes on.
CREATE TABLE messages (
    match_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    content BYTEA NOT NULL,
    franking_tag BYTEA,
    sent_at TIMESTAMPTZ NOT NULL,
    -- A running total of the bytes of content, up to and with this one: what waits is known from
    -- the first row and the last.
    total_bytes BIGINT NOT NULL,
    PRIMARY KEY (match_id, sender_id, seq)
);

-- Who wrote to whom and when, without content, for claims, statistics and abuse; 180 days.
CREATE TABLE message_logs (
    match_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    receiver_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL,
    -- When the receiving device acknowledged it; NULL before.
    delivered_at TIMESTAMPTZ,
    -- What the sending device says of itself and of its network.
    device_info TEXT NOT NULL DEFAULT '',
    -- The kind of match, `text` or `video`.
    connection_type TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (match_id, sender_id, seq)
);
