-- Takes a try back that was no failure. What a later one has to wait for stays.
--
-- KEYS[1] tries:{name}:{key}
-- ARGV[1] until when the next one waits because of it
local state = redis.call('HMGET', KEYS[1], 'failures', 'open')
if not state[1] then return end
if state[2] == ARGV[1] then redis.call('HSET', KEYS[1], 'open', '0') end
if redis.call('HINCRBY', KEYS[1], 'failures', -1) <= 0 and redis.call('HGET', KEYS[1], 'open') == '0' then redis.call('DEL', KEYS[1]) end
