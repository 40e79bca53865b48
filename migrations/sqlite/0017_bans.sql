-- Who settled a provisional ban, and what moderators wrote about it for each other.
ALTER TABLE bans ADD COLUMN confirmed_at INTEGER;
ALTER TABLE bans ADD COLUMN confirmed_by INTEGER;
ALTER TABLE bans ADD COLUMN confirm_note TEXT;
ALTER TABLE bans ADD COLUMN lift_note TEXT;
CREATE INDEX bans_provisional ON bans (id) WHERE provisional;
CREATE INDEX users_banned ON users (id) WHERE is_banned;

-- Nothing wrote appeals yet: their text is encrypted from the first one on.
DROP TABLE appeals;
CREATE TABLE appeals (
    id INTEGER PRIMARY KEY NOT NULL,
    ban_id INTEGER NOT NULL UNIQUE REFERENCES bans (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL,
    text_ciphertext BLOB NOT NULL,
    text_key_id TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open',
    created_at INTEGER NOT NULL,
    decided_at INTEGER,
    decided_by INTEGER,
    decision_note TEXT
) STRICT;
CREATE INDEX appeals_open ON appeals (id) WHERE status = 'open';
CREATE INDEX appeals_by_user ON appeals (user_id);
