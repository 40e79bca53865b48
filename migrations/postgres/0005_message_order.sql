-- The newest message this user has sent: the ids of a match's messages grow in the order of their commits, whichever node writes them.
ALTER TABLE match_sides ADD COLUMN last_message_id BIGINT NOT NULL DEFAULT 0;
UPDATE match_sides SET last_message_id = COALESCE(
    (SELECT MAX(m.id) FROM messages m WHERE m.match_id = match_sides.match_id AND m.sender_id = match_sides.user_id), 0) WHERE open;
