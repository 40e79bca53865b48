-- Accounts and their sessions. A phone number is never stored in clear: phone_index is a keyed HMAC for look-up, phone_ciphertext is AES-256-GCM.
CREATE TABLE users (
    id INTEGER PRIMARY KEY NOT NULL,
    phone_index BLOB NOT NULL UNIQUE,
    phone_ciphertext BLOB NOT NULL,
    phone_key_id TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    alias TEXT NOT NULL,
    -- The alias folded for comparison; unique together with the tag.
    alias_key TEXT NOT NULL,
    tag TEXT NOT NULL,
    birth_year INTEGER NOT NULL,
    locale TEXT NOT NULL,
    role TEXT NOT NULL DEFAULT 'user',
    -- JSON arrays of text.
    interests TEXT NOT NULL DEFAULT '[]',
    languages TEXT NOT NULL DEFAULT '[]',
    -- Snapped to a grid of about 1 km before it gets here.
    location_lat REAL,
    location_lon REAL,
    is_banned INTEGER NOT NULL DEFAULT FALSE,
    is_premium INTEGER NOT NULL DEFAULT FALSE,
    daily_chat_balance INTEGER NOT NULL DEFAULT 0,
    daily_video_balance INTEGER NOT NULL DEFAULT 0,
    bonus_balance INTEGER NOT NULL DEFAULT 0,
    -- Local day (YYYY-MM-DD) of the last lazy reset of the daily balances; empty before the first.
    quota_day TEXT NOT NULL DEFAULT '',
    terms_version TEXT NOT NULL,
    terms_accepted_at INTEGER NOT NULL,
    invite_code TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    last_active INTEGER NOT NULL,
    UNIQUE (alias_key, tag)
) STRICT;

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the only refresh token that is good now.
    refresh_hash BLOB NOT NULL,
    refresh_expires_at INTEGER NOT NULL,
    device_name TEXT NOT NULL DEFAULT '',
    device_platform TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    last_active INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id, id);

-- MLS key packages of a session; opaque here.
CREATE TABLE key_packages (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    package BLOB NOT NULL,
    last_resort INTEGER NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX key_packages_by_session ON key_packages (session_id, last_resort, id);

-- Append-only. The sum of delta over a user's bucket is that balance; the unique key lets nothing be granted or taken twice.
CREATE TABLE quota_ledger (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    bucket TEXT NOT NULL,
    delta INTEGER NOT NULL,
    balance_after INTEGER NOT NULL,
    reason TEXT NOT NULL,
    reference TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (user_id, bucket, reason, reference)
) STRICT;

CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    plan_name TEXT NOT NULL,
    start_date INTEGER NOT NULL,
    end_date INTEGER NOT NULL,
    is_active INTEGER NOT NULL,
    -- The billing provider's id of the subscription; NULL for one granted by an admin.
    external_id TEXT UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriptions_by_user ON subscriptions (user_id, end_date);

CREATE TABLE push_tokens (
    token TEXT PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id INTEGER NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used INTEGER NOT NULL
) STRICT;
CREATE INDEX push_tokens_by_user ON push_tokens (user_id);
CREATE INDEX push_tokens_by_session ON push_tokens (session_id);

CREATE TABLE referrals (
    id INTEGER PRIMARY KEY NOT NULL,
    inviter_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Blind indexes, as in users.
    inviter_phone BLOB NOT NULL,
    invited_phone BLOB NOT NULL,
    invited_user_id INTEGER,
    reward_given INTEGER NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL,
    rewarded_at INTEGER,
    UNIQUE (inviter_id, invited_phone)
) STRICT;
CREATE INDEX referrals_by_invited ON referrals (invited_phone);
