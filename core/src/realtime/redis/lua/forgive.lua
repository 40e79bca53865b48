-- Forgets every try.
--
-- KEYS[1] limit:{name}:{key} or tries:{name}:{key}
redis.call('DEL', KEYS[1])
