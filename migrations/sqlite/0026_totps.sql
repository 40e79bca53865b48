-- Second factors of staff (RFC 6238), one for each account.
CREATE TABLE totps (
    user_id INTEGER PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- AES-256-GCM, bound to the user.
    secret_ciphertext BLOB NOT NULL,
    secret_key_id TEXT NOT NULL,
    -- When a first code has shown that somebody has the secret; until then it is asked for nowhere.
    confirmed_at INTEGER,
    -- The step of the newest code that was taken: no code of it, or of one before, is taken again.
    last_step INTEGER NOT NULL DEFAULT 0,
    -- Keyed hashes of the recovery codes that are left, 32 bytes each, one behind the other.
    recovery_hashes BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
