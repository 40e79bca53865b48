-- Matches and what is said in them.
CREATE TABLE matches (
    id INTEGER PRIMARY KEY NOT NULL,
    -- The offerer.
    user1_id INTEGER NOT NULL REFERENCES users (id),
    -- The answerer.
    user2_id INTEGER NOT NULL REFERENCES users (id),
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- When the match runs out, known from the start.
    expired_at INTEGER NOT NULL,
    ended_at INTEGER,
    ended_reason TEXT,
    -- The user who ended it; NULL for the system.
    ended_by INTEGER,
    -- JSON array of text.
    shared_interests TEXT NOT NULL DEFAULT '[]',
    CHECK (user1_id <> user2_id)
) STRICT;
CREATE INDEX matches_running_out ON matches (expired_at) WHERE status = 'active';

-- A match as one of its two users has it. A ticket can be used once: that is the fence between two matchmakers.
CREATE TABLE match_sides (
    match_id INTEGER NOT NULL REFERENCES matches (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL,
    peer_id INTEGER NOT NULL,
    ticket_id INTEGER NOT NULL UNIQUE,
    role TEXT NOT NULL,
    -- The device that searched; encryption and calls live there.
    session_id INTEGER NOT NULL,
    -- TRUE while the match is active.
    open INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- Highest seq this user has sent.
    last_seq INTEGER NOT NULL DEFAULT 0,
    -- Highest seq of the peer that this user has received, and read.
    delivered_seq INTEGER NOT NULL DEFAULT 0,
    read_seq INTEGER NOT NULL DEFAULT 0,
    first_content_at INTEGER,
    -- The peer's key package, kept for the offerer until its first message, so that a lost `match.found` can be told again.
    peer_key_package BLOB,
    PRIMARY KEY (match_id, user_id)
) STRICT;
CREATE INDEX match_sides_by_user ON match_sides (user_id, match_id);
CREATE INDEX match_sides_open ON match_sides (user_id, match_id) WHERE open;
CREATE INDEX match_sides_recent ON match_sides (user_id, created_at);

-- Ciphertext, for 24 hours at most. No foreign keys: the statement that appends has locked the side it appends to.
CREATE TABLE messages (
    id INTEGER PRIMARY KEY NOT NULL,
    match_id INTEGER NOT NULL,
    sender_id INTEGER NOT NULL,
    receiver_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    client_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    content BLOB NOT NULL,
    franking_tag BLOB,
    created_at INTEGER NOT NULL,
    UNIQUE (match_id, sender_id, seq),
    UNIQUE (match_id, sender_id, client_id)
) STRICT;

-- Who wrote to whom and when, without content, for claims, statistics and abuse; 180 days.
CREATE TABLE message_logs (
    id INTEGER PRIMARY KEY NOT NULL,
    sender_id INTEGER NOT NULL,
    receiver_id INTEGER NOT NULL,
    match_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    sent_at INTEGER NOT NULL,
    delivered INTEGER NOT NULL DEFAULT FALSE,
    delivered_at INTEGER,
    device_info TEXT NOT NULL DEFAULT '',
    connection_type TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX message_logs_by_match ON message_logs (match_id, sender_id, seq);

CREATE TABLE claims (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id),
    match_id INTEGER NOT NULL REFERENCES matches (id),
    claim_time INTEGER NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    processed_at INTEGER,
    UNIQUE (user_id, match_id)
) STRICT;
CREATE INDEX claims_pending ON claims (id) WHERE status = 'pending';
