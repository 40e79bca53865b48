-- Blocks, reports, bans, and what outlives an account for their sake.

CREATE TABLE blocks (
    id BIGINT PRIMARY KEY NOT NULL,
    blocker_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    match_id BIGINT NOT NULL,
    -- The handle when it was blocked: the list shows it even after a change of alias.
    blocked_alias TEXT NOT NULL,
    blocked_tag TEXT NOT NULL,
    -- The phone of a side that was erased, by its blind index, until it has an account again.
    blocker_phone BYTEA,
    blocked_phone BYTEA,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (blocker_id, blocked_id)
);
CREATE INDEX blocks_by_blocked ON blocks (blocked_id);
CREATE INDEX blocks_by_blocker_phone ON blocks (blocker_phone) WHERE blocker_phone IS NOT NULL;
CREATE INDEX blocks_by_blocked_phone ON blocks (blocked_phone) WHERE blocked_phone IS NOT NULL;

-- What people and moderators write is encrypted, bound to the report.
CREATE TABLE reports (
    id BIGINT PRIMARY KEY NOT NULL,
    reporter_id BIGINT NOT NULL,
    reported_id BIGINT NOT NULL,
    match_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    -- That of the reason; 0 is looked at first.
    severity BIGINT NOT NULL,
    note_ciphertext BYTEA,
    note_key_id TEXT,
    -- JSON before it is encrypted; verified content only.
    evidence_ciphertext BYTEA,
    evidence_key_id TEXT,
    -- Stays when the evidence is erased.
    evidence_count BIGINT NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'open',
    created_at TIMESTAMPTZ NOT NULL,
    resolved_at TIMESTAMPTZ,
    resolved_by BIGINT,
    resolution_ciphertext BYTEA,
    resolution_key_id TEXT,
    -- Who works on it, and until when that keeps others away.
    taken_by BIGINT,
    taken_until TIMESTAMPTZ,
    UNIQUE (reporter_id, match_id)
);
CREATE INDEX reports_by_reported ON reports (reported_id, created_at);
-- Those about a user, and those by one, as lists.
CREATE INDEX reports_about ON reports (reported_id, id);
CREATE INDEX reports_made ON reports (reporter_id, id);
CREATE INDEX reports_open ON reports (id) WHERE status = 'open';
-- All that the counts of the queue read, too.
CREATE INDEX reports_queue ON reports (severity, id, reason, reporter_id, reported_id)
    WHERE status = 'open';
CREATE INDEX reports_taken ON reports (taken_by) WHERE taken_by IS NOT NULL;

-- What a warned user says to it, once. Encrypted, bound to the id.
CREATE TABLE warning_answers (
    -- That of the notification, by which the user knows the warning.
    id BIGINT PRIMARY KEY NOT NULL,
    report_id BIGINT NOT NULL UNIQUE REFERENCES reports (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL,
    text_ciphertext BYTEA NOT NULL,
    text_key_id TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX warning_answers_by_user ON warning_answers (user_id);

-- Bound to the phone's blind index, so that a ban outlives the account.
CREATE TABLE bans (
    id BIGINT PRIMARY KEY NOT NULL,
    phone_index BYTEA NOT NULL,
    user_id BIGINT,
    reason TEXT NOT NULL,
    automatic BOOLEAN NOT NULL,
    provisional BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- NULL for the system.
    created_by BIGINT,
    -- NULL for good.
    until TIMESTAMPTZ,
    -- Who settled a provisional ban, and what moderators wrote about it for each other.
    confirmed_at TIMESTAMPTZ,
    confirmed_by BIGINT,
    confirm_note TEXT,
    lifted_at TIMESTAMPTZ,
    lifted_by BIGINT,
    lift_note TEXT
);
CREATE INDEX bans_by_phone ON bans (phone_index, id);
CREATE INDEX bans_provisional ON bans (id) WHERE provisional;
-- All in force, and those that ran out.
CREATE INDEX bans_not_lifted ON bans (id) WHERE lifted_at IS NULL;

CREATE TABLE appeals (
    id BIGINT PRIMARY KEY NOT NULL,
    ban_id BIGINT NOT NULL UNIQUE REFERENCES bans (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL,
    text_ciphertext BYTEA NOT NULL,
    text_key_id TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    created_at TIMESTAMPTZ NOT NULL,
    decided_at TIMESTAMPTZ,
    decided_by BIGINT,
    decision_note TEXT
);
CREATE INDEX appeals_by_status ON appeals (status, id);
CREATE INDEX appeals_by_user ON appeals (user_id);

-- The phone of an erased account, by its blind index, while reports and bans can still concern it.
-- All else of the account is gone.
CREATE TABLE tombstones (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id),
    phone_index BYTEA NOT NULL,
    erased_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX tombstones_by_phone ON tombstones (phone_index);
