-- Matches and what is said in them.
CREATE TABLE matches (
    id BIGINT PRIMARY KEY NOT NULL,
    -- The offerer.
    user1_id BIGINT NOT NULL REFERENCES users (id),
    -- The answerer.
    user2_id BIGINT NOT NULL REFERENCES users (id),
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- When the match runs out, known from the start.
    expired_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    ended_reason TEXT,
    -- The user who ended it; NULL for the system.
    ended_by BIGINT,
    -- JSON array of text.
    shared_interests TEXT NOT NULL DEFAULT '[]',
    CHECK (user1_id <> user2_id)
);
CREATE INDEX matches_running_out ON matches (expired_at) WHERE status = 'active';

-- A match as one of its two users has it. A ticket can be used once: that is the fence between two matchmakers.
CREATE TABLE match_sides (
    match_id BIGINT NOT NULL REFERENCES matches (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL,
    peer_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    -- The device that searched; encryption and calls live there.
    session_id BIGINT NOT NULL,
    -- TRUE while the match is active.
    open BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- Highest seq this user has sent.
    last_seq BIGINT NOT NULL DEFAULT 0,
    -- Highest seq of the peer that this user has received, and read.
    delivered_seq BIGINT NOT NULL DEFAULT 0,
    read_seq BIGINT NOT NULL DEFAULT 0,
    first_content_at TIMESTAMPTZ,
    -- The peer's key package, kept for the offerer until its first message, so that a lost `match.found` can be told again.
    peer_key_package BYTEA,
    PRIMARY KEY (match_id, user_id)
);
CREATE INDEX match_sides_by_user ON match_sides (user_id, match_id);
CREATE INDEX match_sides_open ON match_sides (user_id, match_id) WHERE open;
CREATE INDEX match_sides_recent ON match_sides (user_id, created_at);

-- Ciphertext, for 24 hours at most. No foreign keys: the statement that appends has locked the side it appends to.
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
    device_info TEXT NOT NULL DEFAULT '',
    connection_type TEXT NOT NULL DEFAULT ''
);
CREATE INDEX message_logs_by_match ON message_logs (match_id, sender_id, seq);

CREATE TABLE claims (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    match_id BIGINT NOT NULL REFERENCES matches (id),
    claim_time TIMESTAMPTZ NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    processed_at TIMESTAMPTZ,
    UNIQUE (user_id, match_id)
);
CREATE INDEX claims_pending ON claims (id) WHERE status = 'pending';
