-- What the server does by itself.
CREATE TABLE ads (
    id BIGINT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    target_group TEXT NOT NULL,
    placement TEXT NOT NULL DEFAULT 'match_end',
    active BOOLEAN NOT NULL,
    views BIGINT NOT NULL DEFAULT 0,
    clicks BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE notifications (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    message TEXT NOT NULL,
    type TEXT NOT NULL,
    read BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX notifications_by_user ON notifications (user_id, id);

-- Background work. A row is a wake-up that may run twice; what is true stands in the tables above.
CREATE TABLE job (
    id TEXT PRIMARY KEY NOT NULL,
    queue TEXT NOT NULL,
    payload BYTEA NOT NULL,
    -- 0 waiting, 1 leased, 2 done, 3 dead.
    state BIGINT NOT NULL DEFAULT 0,
    attempts BIGINT NOT NULL DEFAULT 0,
    max_attempts BIGINT NOT NULL,
    run_at TIMESTAMPTZ NOT NULL,
    lease_until TIMESTAMPTZ,
    -- At most one row of a queue has a given key; schedules use it to run once per tick and cluster.
    dedupe TEXT,
    error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    UNIQUE (queue, dedupe)
);
CREATE INDEX job_due ON job (queue, run_at) WHERE state < 2;
CREATE INDEX job_finished ON job (finished_at) WHERE state >= 2;

-- First answers of requests that carried an Idempotency-Key; 24 hours.
CREATE TABLE idempotency_keys (
    -- Who asked: a user, or nobody yet.
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Keyed HMAC over method, path and body: a key belongs to one request.
    request_hash BYTEA NOT NULL,
    -- NULL while the first request runs.
    status BIGINT,
    -- Encrypted like a phone number: answers can hold tokens.
    response BYTEA,
    response_key_id TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
