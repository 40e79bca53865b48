-- One-time codes that were sent to phones. The code itself is nowhere: code_hash is a keyed HMAC over purpose, phone, row and code.
CREATE TABLE one_time_codes (
    id INTEGER PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    -- Blind index, as in users.
    phone_index BLOB NOT NULL,
    -- Whose password it sets. NULL also where nobody was sent anything: such a row only takes the time that others take.
    user_id INTEGER REFERENCES users (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    -- What it registers, encrypted.
    registration BLOB,
    registration_key_id TEXT,
    tries INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX one_time_codes_by_phone ON one_time_codes (phone_index, purpose, id);
CREATE INDEX one_time_codes_by_user ON one_time_codes (user_id);
