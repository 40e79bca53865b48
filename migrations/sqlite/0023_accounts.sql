-- SHA-256 of the package: the same one is stored once per session. NULL in rows from before, which are gone after 28 days.
ALTER TABLE key_packages ADD COLUMN digest BLOB;
CREATE UNIQUE INDEX key_packages_once ON key_packages (session_id, digest);
CREATE INDEX key_packages_by_user ON key_packages (user_id, id);

-- What an alias looks like (Unicode TR 39), unique together with the tag. Rows from before get it with the next change of their alias: until then the folded
-- alias stands there, which is the same for most. NULL for nobody but rows that a hand wrote.
ALTER TABLE users ADD COLUMN alias_skeleton TEXT;
UPDATE users SET alias_skeleton = alias_key;
CREATE UNIQUE INDEX users_by_skeleton ON users (alias_skeleton, tag);

-- Live sessions of an account: those that ended stay for some weeks, and a sign-in must not read them all.
CREATE INDEX sessions_alive ON sessions (user_id, created_at) WHERE revoked_at IS NULL;
