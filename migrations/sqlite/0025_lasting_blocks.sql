-- The phone of a side that was erased, by its blind index, until the phone has an account again.
ALTER TABLE blocks ADD COLUMN blocker_phone BLOB;
ALTER TABLE blocks ADD COLUMN blocked_phone BLOB;
CREATE INDEX blocks_by_blocker_phone ON blocks (blocker_phone) WHERE blocker_phone IS NOT NULL;
CREATE INDEX blocks_by_blocked_phone ON blocks (blocked_phone) WHERE blocked_phone IS NOT NULL;
