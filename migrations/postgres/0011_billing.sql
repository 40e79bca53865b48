-- What a billing provider says of a subscription. The newest event about it, by (event_at, event_type, event_id), says how it stands.
ALTER TABLE subscriptions ADD COLUMN event_at TIMESTAMPTZ;
ALTER TABLE subscriptions ADD COLUMN event_type TEXT;
ALTER TABLE subscriptions ADD COLUMN event_id TEXT;
-- Whether the provider goes on with it after end_date unless it says otherwise.
ALTER TABLE subscriptions ADD COLUMN renews BOOLEAN NOT NULL DEFAULT FALSE;
-- When the job `subscriptions` looks at it next, while it is active.
ALTER TABLE subscriptions ADD COLUMN due_at TIMESTAMPTZ;
-- How often the provider was asked since end_date and could not tell.
ALTER TABLE subscriptions ADD COLUMN checks BIGINT NOT NULL DEFAULT 0;
CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE is_active;

-- By which name a billing provider knows a user.
CREATE TABLE billing_accounts (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token TEXT NOT NULL UNIQUE,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE billing_events (
    id TEXT PRIMARY KEY NOT NULL,
    -- SHA-256 of all that it says: an id belongs to one event.
    hash BYTEA NOT NULL,
    -- NULL when its account is not known.
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    external_id TEXT NOT NULL,
    plan_name TEXT NOT NULL,
    start_date TIMESTAMPTZ NOT NULL,
    end_date TIMESTAMPTZ NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    outcome TEXT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX billing_events_by_user ON billing_events (user_id);
CREATE INDEX billing_events_by_age ON billing_events (received_at);
CREATE INDEX billing_events_waiting ON billing_events (plan_name) WHERE outcome = 'unknown_plan';

-- What a change of tier could not take from the balances of this day, because it had been used up already.
ALTER TABLE users ADD COLUMN overdraft_day TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN overdraft_text BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN overdraft_video BIGINT NOT NULL DEFAULT 0;
