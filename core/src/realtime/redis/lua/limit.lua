-- Counts one try against a limit (GCRA). The key holds the time at which the key is as good as new, in microseconds.
--
-- KEYS[1] limit:{name}:{key}
-- ARGV[1] microseconds in which one try comes back  ARGV[2] tries at once
-- Returns 0 when it is allowed, else how many microseconds until one is.
local now = redis.call('TIME')
now = tonumber(now[1]) * 1000000 + tonumber(now[2])
local step = tonumber(ARGV[1])
local full = step * tonumber(ARGV[2])
-- At most a full debt: a clock that was set back must not refuse for longer than the period.
local clear = math.min(math.max(tonumber(redis.call('GET', KEYS[1])) or now, now), now + full)
local next = clear + step
if next - now > full then return math.ceil(next - now - full) end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return 0
