-- Lets one try through and counts it as a failure, or says how long to wait. Times are in microseconds.
--
-- KEYS[1] tries:{name}:{key}
-- ARGV[1] failures without a wait  ARGV[2] the first wait  ARGV[3] the longest  ARGV[4] the time in which one failure is forgotten
-- ARGV[5] the most failures that are counted
-- Returns {wait, 0, 0} when it must wait, else {0, failures, until when the next waits (0: not at all)}.
local now = redis.call('TIME')
now = tonumber(now[1]) * 1000000 + tonumber(now[2])
local free, first, most, forget = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local state = redis.call('HMGET', KEYS[1], 'failures', 'since', 'open')
local failures, since, open = tonumber(state[1]) or 0, tonumber(state[2]) or now, tonumber(state[3]) or 0
-- A clock that was set back must not refuse for longer than the rule, nor remember for longer.
open = math.min(open, now + most)
since = math.min(since, now)
if open > now then return {math.ceil(open - now), 0, 0} end
local gone = math.floor((now - since) / forget)
failures = failures - gone
since = since + gone * forget
if failures <= 0 then failures, since = 0, now end
failures = math.min(failures + 1, tonumber(ARGV[5]))
open = 0
if failures >= free then open = math.floor(now + math.min(first * 2 ^ (failures - free), most)) end
redis.call('HSET', KEYS[1], 'failures', failures, 'since', string.format('%.0f', since), 'open', string.format('%.0f', open))
redis.call('PEXPIRE', KEYS[1], math.ceil(math.max(since + failures * forget - now, open - now) / 1000))
return {0, failures, open}
