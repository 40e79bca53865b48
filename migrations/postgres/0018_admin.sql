-- Staff finds accounts by the beginning of their alias, and what somebody of the staff did.
CREATE INDEX users_by_alias ON users (alias_key text_pattern_ops);
CREATE INDEX system_logs_by_actor ON system_logs (actor_id, id);
