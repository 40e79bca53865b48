-- Forgets every failure.
--
-- KEYS[1] tries:{name}:{key}
redis.call('DEL', KEYS[1])
