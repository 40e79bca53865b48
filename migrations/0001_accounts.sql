-- Accounts, their devices, and what signs in to them.

-- A phone number is never stored in clear: phone_index is a keyed HMAC to find it by,
-- phone_ciphertext is AES-256-GCM.
CREATE TABLE users (
    id BIGINT PRIMARY KEY NOT NULL,
    phone_index BYTEA NOT NULL UNIQUE,
    phone_ciphertext BYTEA NOT NULL,
    phone_key_id TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    alias TEXT NOT NULL,
    -- The alias folded for comparison; unique together with the tag.
    alias_key TEXT NOT NULL,
    -- What the alias looks like (Unicode TR 39); unique together with the tag.
    alias_skeleton TEXT,
    -- What an alias looked like that a moderator took away: the user does not get it back.
    refused_skeleton TEXT,
    tag TEXT NOT NULL,
    birth_year BIGINT NOT NULL,
    locale TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'user',
    -- JSON arrays of text.
    interests TEXT NOT NULL DEFAULT '[]',
    languages TEXT NOT NULL DEFAULT '[]',
    -- Snapped to a grid of about 1 km before it gets here.
    location_lat DOUBLE PRECISION,
    location_lon DOUBLE PRECISION,
    is_banned BOOLEAN NOT NULL DEFAULT FALSE,
    is_premium BOOLEAN NOT NULL DEFAULT FALSE,
    -- Set by a moderator: the reports of this user count for no automatic ban.
    unreliable BOOLEAN NOT NULL DEFAULT FALSE,
    daily_chat_balance BIGINT NOT NULL DEFAULT 0,
    daily_video_balance BIGINT NOT NULL DEFAULT 0,
    bonus_balance BIGINT NOT NULL DEFAULT 0,
    -- Local day (YYYY-MM-DD) of the last lazy reset of the daily balances; empty before the first.
    quota_day TEXT NOT NULL DEFAULT '',
    -- What a change of tier could not take from the balances of this day: it had been used up.
    overdraft_day TEXT NOT NULL DEFAULT '',
    overdraft_text BIGINT NOT NULL DEFAULT 0,
    overdraft_video BIGINT NOT NULL DEFAULT 0,
    -- The version of the terms that was accepted last, and when.
    terms_version BIGINT NOT NULL,
    terms_accepted_at TIMESTAMPTZ NOT NULL,
    invite_code TEXT NOT NULL UNIQUE,
    created_at TIMESTAMPTZ NOT NULL,
    last_active TIMESTAMPTZ NOT NULL,
    -- What is left of an erased account is a row without a person, to which matches refer.
    erased_at TIMESTAMPTZ,
    UNIQUE (alias_key, tag)
);
CREATE UNIQUE INDEX users_by_skeleton ON users (alias_skeleton, tag);
-- Staff finds accounts by the beginning of their alias.
CREATE INDEX users_by_alias ON users (alias_key text_pattern_ops);
CREATE INDEX users_banned ON users (id) WHERE is_banned;
CREATE INDEX users_staff ON users (id) WHERE role <> 'user';
CREATE INDEX users_premium ON users (id) WHERE is_premium;

-- Every phone that has or ever had an account, by its blind index: who comes back is not a new
-- user. Outlives the account.
CREATE TABLE phones_seen (
    phone_index BYTEA PRIMARY KEY NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL
);

CREATE TABLE sessions (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the only refresh token that is good now.
    refresh_hash BYTEA NOT NULL,
    refresh_expires_at TIMESTAMPTZ NOT NULL,
    device_name TEXT NOT NULL DEFAULT '',
    device_platform TEXT NOT NULL DEFAULT '',
    created_at TIMESTAMPTZ NOT NULL,
    last_active TIMESTAMPTZ NOT NULL,
    -- When its user last showed password and second factor.
    confirmed_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
CREATE INDEX sessions_by_user ON sessions (user_id, id);
-- Sessions that ended stay for some weeks: a sign-in must not read them all.
CREATE INDEX sessions_alive ON sessions (user_id, created_at) WHERE revoked_at IS NULL;

-- MLS key packages of a session; opaque here.
CREATE TABLE key_packages (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    package BYTEA NOT NULL,
    -- SHA-256 of the package: the same one is stored once per session.
    digest BYTEA,
    last_resort BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX key_packages_once ON key_packages (session_id, digest);
CREATE INDEX key_packages_by_session ON key_packages (session_id, last_resort, id);
CREATE INDEX key_packages_by_user ON key_packages (user_id, id);

-- Codes that were sent to phones. The code itself is nowhere: code_hash is a keyed HMAC over
-- purpose, phone, row and code.
CREATE TABLE one_time_codes (
    id BIGINT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    -- Blind index, as in users.
    phone_index BYTEA NOT NULL,
    -- Whose password it sets. NULL also where nobody was sent anything: such a row only takes the
    -- time that others take.
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

-- Second factors of staff (RFC 6238), one for each account.
CREATE TABLE totps (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- AES-256-GCM, bound to the user.
    secret_ciphertext BYTEA NOT NULL,
    secret_key_id TEXT NOT NULL,
    -- When a first code has shown that somebody has the secret; until then nothing asks for it.
    confirmed_at TIMESTAMPTZ,
    -- The step of the newest code that was taken: none of it, or of one before, is taken again.
    last_step BIGINT NOT NULL DEFAULT 0,
    -- Keyed hashes of the recovery codes that are left, 32 bytes each, one behind the other.
    recovery_hashes BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
