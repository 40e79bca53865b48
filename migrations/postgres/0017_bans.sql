-- Who settled a provisional ban, and what moderators wrote about it for each other.
ALTER TABLE bans ADD COLUMN confirmed_at TIMESTAMPTZ;
ALTER TABLE bans ADD COLUMN confirmed_by BIGINT;
ALTER TABLE bans ADD COLUMN confirm_note TEXT;
ALTER TABLE bans ADD COLUMN lift_note TEXT;
CREATE INDEX bans_provisional ON bans (id) WHERE provisional;
CREATE INDEX users_banned ON users (id) WHERE is_banned;

-- Nothing wrote appeals yet: their text is encrypted from the first one on.
DROP TABLE appeals;
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
CREATE INDEX appeals_open ON appeals (id) WHERE status = 'open';
CREATE INDEX appeals_by_user ON appeals (user_id);
