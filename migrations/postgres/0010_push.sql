-- A device has one push token: what it registers replaces what it had. Nothing registered one before.
DELETE FROM push_tokens;
DROP INDEX push_tokens_by_session;
CREATE UNIQUE INDEX push_tokens_by_session ON push_tokens (session_id);

-- The types of notifications that a user wants no pushes for.
CREATE TABLE push_muted (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type TEXT NOT NULL,
    PRIMARY KEY (user_id, type)
);
