-- When a side of a video match first said that its call could not be connected, or was lost.
ALTER TABLE matches ADD COLUMN call_failed_at INTEGER;
CREATE INDEX matches_calls ON matches (id) WHERE type = 'video' AND status = 'active';
-- Since when the device of a call has no connection, and when that was seen last; NULL while it has one.
ALTER TABLE match_sides ADD COLUMN absent_since INTEGER;
ALTER TABLE match_sides ADD COLUMN absent_seen_at INTEGER;
