-- What matches cost, what gives them back, and what is paid and shown for them.

-- Append-only. The sum of delta over a user's bucket is that balance; the unique key lets nothing
-- be granted or taken twice.
CREATE TABLE quota_ledger (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    bucket TEXT NOT NULL,
    delta BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    reason TEXT NOT NULL,
    reference TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (user_id, bucket, reason, reference)
);

CREATE TABLE claims (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id),
    match_id BIGINT NOT NULL REFERENCES matches (id),
    claim_time TIMESTAMPTZ NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    processed_at TIMESTAMPTZ,
    UNIQUE (user_id, match_id)
);
CREATE INDEX claims_pending ON claims (id) WHERE status = 'pending';
-- A user's claims as a list, and those of a day for the cap; the moderators' list by status.
CREATE INDEX claims_by_user ON claims (user_id, id);
CREATE INDEX claims_by_time ON claims (user_id, claim_time);
CREATE INDEX claims_by_status ON claims (status, id);
CREATE INDEX claims_processed ON claims (processed_at);

-- Invitations, and who came by them. A code that a phone came by is a row of its own beside the
-- inviter's invitation of that phone: what becomes of the one tells nothing of the other.
CREATE TABLE referrals (
    id BIGINT PRIMARY KEY NOT NULL,
    inviter_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Blind indexes, as in users.
    inviter_phone BYTEA NOT NULL,
    invited_phone BYTEA NOT NULL,
    via TEXT NOT NULL,
    -- The user who came by this invitation; of one phone it is one invitation at most. NULL while
    -- nobody has.
    invited_user_id BIGINT UNIQUE,
    reward_given BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL,
    rewarded_at TIMESTAMPTZ,
    UNIQUE (inviter_id, invited_phone, via)
);
CREATE INDEX referrals_by_invited ON referrals (invited_phone);
CREATE INDEX referrals_by_inviter ON referrals (inviter_id, id);
CREATE INDEX referrals_open ON referrals (id) WHERE invited_user_id IS NULL;
CREATE INDEX referrals_unrewarded ON referrals (id)
    WHERE invited_user_id IS NOT NULL AND NOT reward_given;

-- The newest event about a subscription, by (event_at, event_type, event_id), says how it stands.
CREATE TABLE subscriptions (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    plan_name TEXT NOT NULL,
    start_date TIMESTAMPTZ NOT NULL,
    end_date TIMESTAMPTZ NOT NULL,
    is_active BOOLEAN NOT NULL,
    -- The billing provider's id of the subscription; NULL for one granted by an admin.
    external_id TEXT UNIQUE,
    -- Whether the provider goes on with it after end_date unless it says otherwise.
    renews BOOLEAN NOT NULL DEFAULT FALSE,
    -- When the job `subscriptions` looks at it next, while it is active.
    due_at TIMESTAMPTZ,
    -- How often the provider was asked since end_date and could not tell.
    checks BIGINT NOT NULL DEFAULT 0,
    event_at TIMESTAMPTZ,
    event_type TEXT,
    event_id TEXT,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX subscriptions_by_user ON subscriptions (user_id, end_date);
CREATE INDEX subscriptions_due ON subscriptions (due_at) WHERE is_active;

-- By which name a billing provider knows a user.
CREATE TABLE billing_accounts (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token TEXT NOT NULL UNIQUE,
    created_at TIMESTAMPTZ NOT NULL
);

-- What a billing provider says of subscriptions.
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

CREATE TABLE ads (
    id BIGINT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    content TEXT NOT NULL,
    click_url TEXT,
    target_group TEXT NOT NULL,
    placement TEXT NOT NULL DEFAULT 'match_end',
    active BOOLEAN NOT NULL,
    weight BIGINT NOT NULL DEFAULT 1,
    -- Times a user is shown it in one day.
    daily_cap BIGINT NOT NULL DEFAULT 3,
    -- Times it is shown in all; NULL for no bound.
    total_cap BIGINT,
    starts_at TIMESTAMPTZ,
    ends_at TIMESTAMPTZ,
    -- Times it was shown, seen and followed, as of the last roll-up of ad_events.
    served BIGINT NOT NULL DEFAULT 0,
    views BIGINT NOT NULL DEFAULT 0,
    clicks BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- One ad shown to one user.
CREATE TABLE ad_impressions (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- No reference: on PostgreSQL it would lock the row of a popular ad for each of its viewers.
    -- An ad that is deleted leaves its impressions to their job.
    ad_id BIGINT NOT NULL,
    -- The match at whose end it was shown; NULL for one that was asked for.
    match_id BIGINT,
    -- Local day (YYYY-MM-DD) that the daily cap counts.
    day TEXT NOT NULL,
    served_at TIMESTAMPTZ NOT NULL,
    viewed BOOLEAN NOT NULL DEFAULT FALSE,
    clicked BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE (user_id, match_id)
);
CREATE INDEX ad_impressions_by_user ON ad_impressions (user_id, served_at);

-- What has happened to ads and is not in their counts yet; nothing of whom.
CREATE TABLE ad_events (
    id BIGINT PRIMARY KEY NOT NULL,
    ad_id BIGINT NOT NULL,
    -- That of the impression.
    day TEXT NOT NULL,
    kind TEXT NOT NULL
);

-- The same counts as in ads by the day of the impression, for a chart.
CREATE TABLE ad_days (
    ad_id BIGINT NOT NULL REFERENCES ads (id) ON DELETE CASCADE,
    -- Local day, YYYY-MM-DD.
    day TEXT NOT NULL,
    served BIGINT NOT NULL,
    views BIGINT NOT NULL,
    clicks BIGINT NOT NULL,
    PRIMARY KEY (ad_id, day)
);
CREATE INDEX ad_days_by_age ON ad_days (day);
