-- Gives one try of a limit back, as far as it is still counted.
--
-- KEYS[1] limit:{name}:{key}
-- ARGV[1] microseconds in which one try comes back
local now = redis.call('TIME')
now = tonumber(now[1]) * 1000000 + tonumber(now[2])
local clear = tonumber(redis.call('GET', KEYS[1]))
if not clear then return end
local next = clear - tonumber(ARGV[1])
if next <= now then redis.call('DEL', KEYS[1]) return end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
