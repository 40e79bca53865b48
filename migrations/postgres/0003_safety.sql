-- Safety.
CREATE TABLE blocks (
    id BIGINT PRIMARY KEY NOT NULL,
    blocker_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    match_id BIGINT NOT NULL,
    -- The handle when it was blocked: the list shows it even after a change of alias.
    blocked_alias TEXT NOT NULL,
    blocked_tag TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (blocker_id, blocked_id)
);
CREATE INDEX blocks_by_blocked ON blocks (blocked_id);

CREATE TABLE reports (
    id BIGINT PRIMARY KEY NOT NULL,
    reporter_id BIGINT NOT NULL,
    reported_id BIGINT NOT NULL,
    match_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    note TEXT,
    -- JSON; verified content only.
    evidence TEXT NOT NULL DEFAULT '[]',
    status TEXT NOT NULL DEFAULT 'open',
    created_at TIMESTAMPTZ NOT NULL,
    resolved_at TIMESTAMPTZ,
    resolved_by BIGINT,
    resolution_note TEXT,
    UNIQUE (reporter_id, match_id)
);
CREATE INDEX reports_by_reported ON reports (reported_id, created_at);
CREATE INDEX reports_open ON reports (id) WHERE status = 'open';

-- Bound to the phone's blind index, so that a ban outlives the account.
CREATE TABLE bans (
    id BIGINT PRIMARY KEY NOT NULL,
    phone_index BYTEA NOT NULL,
    user_id BIGINT,
    reason TEXT NOT NULL,
    automatic BOOLEAN NOT NULL,
    provisional BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- NULL for good.
    until TIMESTAMPTZ,
    -- NULL for the system.
    created_by BIGINT,
    lifted_at TIMESTAMPTZ,
    lifted_by BIGINT
);
CREATE INDEX bans_by_phone ON bans (phone_index);

CREATE TABLE appeals (
    id BIGINT PRIMARY KEY NOT NULL,
    ban_id BIGINT NOT NULL UNIQUE REFERENCES bans (id),
    user_id BIGINT NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    created_at TIMESTAMPTZ NOT NULL,
    decided_at TIMESTAMPTZ,
    decided_by BIGINT,
    decision_note TEXT
);

CREATE TABLE system_logs (
    id BIGINT PRIMARY KEY NOT NULL,
    action TEXT NOT NULL,
    -- The user it is about.
    user_id BIGINT,
    -- The user who did it; NULL for the system.
    actor_id BIGINT,
    -- JSON; never a phone, address, message or secret.
    details TEXT NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX system_logs_by_user ON system_logs (user_id, id);
CREATE INDEX system_logs_by_action ON system_logs (action, id);
