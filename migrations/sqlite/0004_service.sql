-- What the server does by itself.
CREATE TABLE ads (
    id INTEGER PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    target_group TEXT NOT NULL,
    placement TEXT NOT NULL DEFAULT 'match_end',
    active INTEGER NOT NULL,
    views INTEGER NOT NULL DEFAULT 0,
    clicks INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE notifications (
    id INTEGER PRIMARY KEY NOT NULL,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    message TEXT NOT NULL,
    type TEXT NOT NULL,
    read INTEGER NOT NULL DEFAULT FALSE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX notifications_by_user ON notifications (user_id, id);

-- Background work. A row is a wake-up that may run twice; what is true stands in the tables above.
CREATE TABLE job (
    id TEXT PRIMARY KEY NOT NULL,
    queue TEXT NOT NULL,
    payload BLOB NOT NULL,
    -- 0 waiting, 1 leased, 2 done, 3 dead.
    state INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    lease_until INTEGER,
    -- At most one row of a queue has a given key; schedules use it to run once per tick and cluster.
    dedupe TEXT,
    error TEXT,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (queue, dedupe)
) STRICT;
CREATE INDEX job_due ON job (queue, run_at) WHERE state < 2;
CREATE INDEX job_finished ON job (finished_at) WHERE state >= 2;

-- First answers of requests that carried an Idempotency-Key; 24 hours.
CREATE TABLE idempotency_keys (
    -- Who asked: a user, or nobody yet.
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Keyed HMAC over method, path and body: a key belongs to one request.
    request_hash BLOB NOT NULL,
    -- NULL while the first request runs.
    status INTEGER,
    -- Encrypted like a phone number: answers can hold tokens.
    response BLOB,
    response_key_id TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
