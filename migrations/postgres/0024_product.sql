-- The kind of match, `text` or `video`; what a device says of its network stands with the device.
UPDATE message_logs SET
    device_info = CASE WHEN device_info = '' OR connection_type = '' THEN device_info || connection_type ELSE device_info || '/' || connection_type END,
    connection_type = COALESCE((SELECT m.type FROM matches m WHERE m.id = message_logs.match_id), 'text');

-- An ad that is told to many users, as JSON; NULL for what the operator says in its own words.
ALTER TABLE announcements ADD COLUMN ad TEXT;
