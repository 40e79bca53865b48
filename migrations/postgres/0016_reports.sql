-- What people and moderators write in reports is encrypted, bound to the report. Nothing has written to these columns yet.
ALTER TABLE reports DROP COLUMN note;
ALTER TABLE reports DROP COLUMN evidence;
ALTER TABLE reports DROP COLUMN resolution_note;
ALTER TABLE reports ADD COLUMN note_ciphertext BYTEA;
ALTER TABLE reports ADD COLUMN note_key_id TEXT;
-- JSON before it is encrypted; verified content only.
ALTER TABLE reports ADD COLUMN evidence_ciphertext BYTEA;
ALTER TABLE reports ADD COLUMN evidence_key_id TEXT;
-- Stays when the evidence is erased.
ALTER TABLE reports ADD COLUMN evidence_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE reports ADD COLUMN resolution_ciphertext BYTEA;
ALTER TABLE reports ADD COLUMN resolution_key_id TEXT;

-- Set by a moderator: the reports of this user count for no automatic ban.
ALTER TABLE users ADD COLUMN unreliable BOOLEAN NOT NULL DEFAULT FALSE;
