-- The tables of the peer, beside whatever else is in the database.
CREATE TABLE IF NOT EXISTS peer_users (
    id BIGSERIAL PRIMARY KEY,
    phone TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL,
    alias TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS peer_matches (
    id BIGSERIAL PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ended_at TIMESTAMPTZ
);
CREATE TABLE IF NOT EXISTS peer_sides (
    match_id BIGINT NOT NULL REFERENCES peer_matches (id),
    user_id BIGINT NOT NULL REFERENCES peer_users (id),
    peer_id BIGINT NOT NULL REFERENCES peer_users (id),
    PRIMARY KEY (match_id, user_id)
);
CREATE INDEX IF NOT EXISTS peer_sides_by_user ON peer_sides (user_id);
-- What has not arrived.
CREATE TABLE IF NOT EXISTS peer_messages (
    match_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    ciphertext TEXT NOT NULL,
    franking_tag TEXT NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (match_id, sender_id, seq)
);
-- Who wrote when, and when it arrived; no content.
CREATE TABLE IF NOT EXISTS peer_message_logs (
    match_id BIGINT NOT NULL,
    sender_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    receiver_id BIGINT NOT NULL,
    sent_at TIMESTAMPTZ NOT NULL,
    delivered_at TIMESTAMPTZ,
    PRIMARY KEY (match_id, sender_id, seq)
);
