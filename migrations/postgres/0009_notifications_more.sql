-- When the receiver was last woken for messages that wait in this match; NULL again once it acknowledges some. One wake-up at a time.
ALTER TABLE match_sides ADD COLUMN pushed_at TIMESTAMPTZ;

-- How far a job that goes over a table by id has come.
CREATE TABLE positions (
    name TEXT PRIMARY KEY NOT NULL,
    position BIGINT NOT NULL
);

-- What the operator tells many users. The text stands here once; the notifications point to it.
CREATE TABLE announcements (
    id BIGINT PRIMARY KEY NOT NULL,
    tr TEXT NOT NULL,
    en TEXT NOT NULL,
    target_group TEXT NOT NULL,
    -- The admin.
    created_by BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- Users up to this id were told, if they are among those it is for; and how many were.
    position BIGINT NOT NULL DEFAULT 0,
    told BIGINT NOT NULL DEFAULT 0,
    finished_at TIMESTAMPTZ
);
ALTER TABLE notifications ADD COLUMN announcement_id BIGINT REFERENCES announcements (id);
