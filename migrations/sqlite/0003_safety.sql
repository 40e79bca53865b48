-- Safety.
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY NOT NULL,
    blocker_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    match_id INTEGER NOT NULL,
    -- The handle when it was blocked: the list shows it even after a change of alias.
    blocked_alias TEXT NOT NULL,
    blocked_tag TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (blocker_id, blocked_id)
) STRICT;
CREATE INDEX blocks_by_blocked ON blocks (blocked_id);

CREATE TABLE reports (
    id INTEGER PRIMARY KEY NOT NULL,
    reporter_id INTEGER NOT NULL,
    reported_id INTEGER NOT NULL,
    match_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    note TEXT,
    -- JSON; verified content only.
    evidence TEXT NOT NULL DEFAULT '[]',
    status TEXT NOT NULL DEFAULT 'open',
    created_at INTEGER NOT NULL,
    resolved_at INTEGER,
    resolved_by INTEGER,
    resolution_note TEXT,
    UNIQUE (reporter_id, match_id)
) STRICT;
CREATE INDEX reports_by_reported ON reports (reported_id, created_at);
CREATE INDEX reports_open ON reports (id) WHERE status = 'open';

-- Bound to the phone's blind index, so that a ban outlives the account.
CREATE TABLE bans (
    id INTEGER PRIMARY KEY NOT NULL,
    phone_index BLOB NOT NULL,
    user_id INTEGER,
    reason TEXT NOT NULL,
    automatic INTEGER NOT NULL,
    provisional INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- NULL for good.
    until INTEGER,
    -- NULL for the system.
    created_by INTEGER,
    lifted_at INTEGER,
    lifted_by INTEGER
) STRICT;
CREATE INDEX bans_by_phone ON bans (phone_index);

CREATE TABLE appeals (
    id INTEGER PRIMARY KEY NOT NULL,
    ban_id INTEGER NOT NULL UNIQUE REFERENCES bans (id),
    user_id INTEGER NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    created_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by INTEGER,
    decision_note TEXT
) STRICT;

CREATE TABLE system_logs (
    id INTEGER PRIMARY KEY NOT NULL,
    action TEXT NOT NULL,
    -- The user it is about.
    user_id INTEGER,
    -- The user who did it; NULL for the system.
    actor_id INTEGER,
    -- JSON; never a phone, address, message or secret.
    details TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX system_logs_by_user ON system_logs (user_id, id);
CREATE INDEX system_logs_by_action ON system_logs (action, id);
