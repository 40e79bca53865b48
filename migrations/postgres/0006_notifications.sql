-- What the server tells a user. The text is made when it is read, in the language the user has then; nothing was stored here before.
DROP TABLE notifications;
CREATE TABLE notifications (
    id BIGINT PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    -- Which text, and what stands in it: JSON of a Notice.
    code TEXT NOT NULL,
    notice TEXT NOT NULL,
    -- What it is about; a user is told of one thing once.
    reference TEXT NOT NULL,
    read BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (user_id, code, reference)
);
CREATE INDEX notifications_by_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id) WHERE NOT read;
