-- Bytes of the messages this user has sent that the peer has not acknowledged.
ALTER TABLE match_sides ADD COLUMN undelivered_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE match_sides SET undelivered_bytes = COALESCE((SELECT SUM(LENGTH(m.content)) FROM messages m
    JOIN match_sides p ON p.match_id = m.match_id AND p.user_id = m.receiver_id
    WHERE m.match_id = match_sides.match_id AND m.sender_id = match_sides.user_id AND m.seq > p.delivered_seq), 0) WHERE open;
-- Whether the messages of a match that is over are deleted: a job does that, a few at a time.
ALTER TABLE matches ADD COLUMN forgotten BOOLEAN NOT NULL DEFAULT FALSE;
-- Until now they went with the match.
UPDATE matches SET forgotten = TRUE WHERE status <> 'active';
CREATE INDEX matches_to_forget ON matches (id) WHERE status <> 'active' AND NOT forgotten;
