-- What the server tells users, and where it pushes that.

-- What the operator tells many users. The text stands here once; the notifications point to it.
CREATE TABLE announcements (
    id BIGINT PRIMARY KEY NOT NULL,
    tr TEXT NOT NULL,
    en TEXT NOT NULL,
    -- An ad as JSON; NULL for what the operator says in its own words.
    ad TEXT,
    target_group TEXT NOT NULL,
    -- The admin.
    created_by BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- Users up to this id were told, if they are among those it is for; and how many were.
    position BIGINT NOT NULL DEFAULT 0,
    told BIGINT NOT NULL DEFAULT 0,
    finished_at TIMESTAMPTZ
);

-- The text is made when it is read, in the language the user has then.
CREATE TABLE notifications (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    -- Which text, and what stands in it: JSON of a Notice.
    code TEXT NOT NULL,
    notice TEXT NOT NULL,
    announcement_id BIGINT REFERENCES announcements (id),
    -- What it is about; a user is told of one thing once.
    reference TEXT NOT NULL,
    read BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (user_id, code, reference)
);
CREATE INDEX notifications_by_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id) WHERE NOT read;

-- Where a device is reached while it is away. It has one such place: what it registers replaces what it had.
CREATE TABLE push_targets (
    -- A token of Firebase Cloud Messaging, or the endpoint of a browser's subscription.
    address TEXT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id BIGINT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    platform TEXT NOT NULL,
    -- What pushes are encrypted with; browsers only.
    p256dh TEXT,
    auth TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    last_used TIMESTAMPTZ NOT NULL
);
CREATE INDEX push_targets_by_user ON push_targets (user_id);
CREATE UNIQUE INDEX push_targets_by_session ON push_targets (session_id);

-- The types of notifications that a user wants no pushes for.
CREATE TABLE push_muted (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    PRIMARY KEY (user_id, type)
);
