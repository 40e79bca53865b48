-- One-time codes that were sent to phones. The code itself is nowhere: code_hash is a keyed HMAC over purpose, phone, row and code.
CREATE TABLE one_time_codes (
    id BIGINT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    -- Blind index, as in users.
    phone_index BYTEA NOT NULL,
    -- Whose password it sets. NULL also where nobody was sent anything: such a row only takes the time that others take.
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    code_hash BYTEA NOT NULL,
    -- What it registers, encrypted.
    registration BYTEA,
    registration_key_id TEXT,
    tries BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX one_time_codes_by_phone ON one_time_codes (phone_index, purpose, id);
CREATE INDEX one_time_codes_by_user ON one_time_codes (user_id);
