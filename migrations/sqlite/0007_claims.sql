-- When both sides of a video match had said that they are connected; NULL while they have not.
ALTER TABLE matches ADD COLUMN connected_at INTEGER;
-- A user's claims as a list, and those of a day for the cap; the moderators' list by status.
CREATE INDEX claims_by_user ON claims (user_id, id);
CREATE INDEX claims_by_time ON claims (user_id, claim_time);
CREATE INDEX claims_by_status ON claims (status, id);
