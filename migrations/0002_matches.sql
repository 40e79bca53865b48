-- Matches, and how each side has them.

CREATE TABLE matches (
    id BIGINT PRIMARY KEY NOT NULL,
    -- The offerer.
    user1_id BIGINT NOT NULL REFERENCES users (id),
    -- The answerer.
    user2_id BIGINT NOT NULL REFERENCES users (id),
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    -- JSON array of text.
    shared_interests TEXT NOT NULL DEFAULT '[]',
    created_at TIMESTAMPTZ NOT NULL,
    -- When the match runs out, known from the start.
    expired_at TIMESTAMPTZ NOT NULL,
    -- When both sides of a video match had said that they are connected.
    connected_at TIMESTAMPTZ,
    -- When a side of a video match first said that its call could not be connected, or was lost.
    call_failed_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    ended_reason TEXT,
    -- The user who ended it; NULL for the system.
    ended_by BIGINT,
    -- Whether the messages of a match that is over are deleted: a job does that, a few at a time.
    forgotten BOOLEAN NOT NULL DEFAULT FALSE,
    CHECK (user1_id <> user2_id)
);
CREATE INDEX matches_running_out ON matches (expired_at) WHERE status = 'active';
CREATE INDEX matches_calls ON matches (id) WHERE type = 'video' AND status = 'active';
CREATE INDEX matches_to_forget ON matches (id) WHERE status <> 'active' AND NOT forgotten;

-- A match as one of its two users has it. A ticket can be used once: that is the fence between two
-- matchmakers.
CREATE TABLE match_sides (
    match_id BIGINT NOT NULL REFERENCES matches (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL,
    peer_id BIGINT NOT NULL,
    ticket_id BIGINT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    -- The device that searched; encryption, messages and calls live there.
    session_id BIGINT NOT NULL,
    -- TRUE while the match is active.
    open BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- Highest seq of the peer that this user has read.
    read_seq BIGINT NOT NULL DEFAULT 0,
    -- When this user was last woken for messages that wait here; NULL again once it acknowledges
    -- some. One wake-up at a time.
    pushed_at TIMESTAMPTZ,
    -- Since when the device of a call has no connection, and when that was seen last; NULL while
    -- it has one.
    absent_since TIMESTAMPTZ,
    absent_seen_at TIMESTAMPTZ,
    -- The peer's key package, kept for the offerer until its first message, so that a lost
    -- `match.found` can be told again.
    peer_key_package BYTEA,
    PRIMARY KEY (match_id, user_id)
);
CREATE INDEX match_sides_by_user ON match_sides (user_id, match_id);
CREATE INDEX match_sides_open ON match_sides (user_id, match_id) WHERE open;
CREATE INDEX match_sides_recent ON match_sides (user_id, created_at);

-- Searches that go on without their connection: the newest of a user. Whoever ends one deletes its
-- row, and no match is made of its ticket after that.
CREATE TABLE searches (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id),
    ticket_id BIGINT NOT NULL UNIQUE,
    -- The device that searches.
    session_id BIGINT NOT NULL,
    -- JSON: the wish, as `match.find` brought it.
    wish TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- Moved on while the device is connected.
    expires_at TIMESTAMPTZ NOT NULL
);
