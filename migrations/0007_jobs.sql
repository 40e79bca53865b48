-- What the server keeps for its own work.

-- Background work. A row is a wake-up that may run twice; what is true stands in the other tables.
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
    -- One row of a queue has a given key: schedules use it to run once per tick and cluster.
    dedupe TEXT,
    error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    UNIQUE (queue, dedupe)
);
CREATE INDEX job_due ON job (queue, run_at, id) WHERE state < 2;
CREATE INDEX job_leased ON job (lease_until) WHERE state = 1;
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

-- The term of the matchmaker that leads, in one row: who makes matches holds it, so that what a
-- former leader sends late makes none.
CREATE TABLE matchmaker_term (
    id BIGINT PRIMARY KEY NOT NULL,
    term BIGINT NOT NULL
);
INSERT INTO matchmaker_term (id, term) VALUES (1, 0);

-- Which process makes ids with which node part. Times are milliseconds since 1970 of this
-- database's own clock: no other has a say.
CREATE TABLE id_nodes (
    -- 0 to 4095.
    part BIGINT PRIMARY KEY NOT NULL,
    -- A number that the process drew.
    holder BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- No id with this part is greater.
    last_id BIGINT NOT NULL
);

CREATE TABLE system_logs (
    id BIGINT PRIMARY KEY NOT NULL,
    action TEXT NOT NULL,
    -- The user it is about.
    user_id BIGINT,
    -- The user who did it; NULL for the system.
    actor_id BIGINT,
    -- JSON; never a phone, address, message or secret.
    details TEXT NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX system_logs_by_user ON system_logs (user_id, id);
CREATE INDEX system_logs_by_actor ON system_logs (actor_id, id);
CREATE INDEX system_logs_by_action ON system_logs (action, id);
-- What one of the staff does seldom among what they do all day.
CREATE INDEX system_logs_by_deed ON system_logs (actor_id, action, id);

-- What happened on a day, for the overview. Counted anew while the day lasts and once when it is
-- over.
CREATE TABLE daily_statistics (
    -- Local day, YYYY-MM-DD.
    day TEXT PRIMARY KEY NOT NULL,
    registrations BIGINT NOT NULL,
    text_matches BIGINT NOT NULL,
    video_matches BIGINT NOT NULL,
    -- Content messages.
    messages BIGINT NOT NULL,
    -- Claims made on the day, and those approved on the day.
    claims BIGINT NOT NULL,
    claims_approved BIGINT NOT NULL,
    -- Reports and bans made on the day.
    reports BIGINT NOT NULL,
    bans BIGINT NOT NULL,
    -- People who used it on the day, as of the last count before its end; 0 without one.
    active_users BIGINT NOT NULL,
    -- Whether it was counted after its end.
    complete BOOLEAN NOT NULL
);

-- What each process that serves saw last, for the overview: numbers, nobody in them. A row for each
-- node part of ids.
CREATE TABLE live_counts (
    part BIGINT PRIMARY KEY NOT NULL,
    counted_at TIMESTAMPTZ NOT NULL,
    -- People with a connection.
    online BIGINT NOT NULL,
    -- Only of the node that leads the matching: who waits for a peer, and the longest of them for
    -- how long, milliseconds.
    leads BOOLEAN NOT NULL,
    text_searching BIGINT NOT NULL,
    text_oldest_ms BIGINT,
    video_searching BIGINT NOT NULL,
    video_oldest_ms BIGINT
);
