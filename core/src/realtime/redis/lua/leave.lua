-- Takes a connection out, if it is there.
--
-- KEYS[1] nodes  KEYS[2] u:{user}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch of the node  ARGV[4] user  ARGV[5] session  ARGV[6] connection
-- ARGV[7] seconds that the last word on a user without devices is kept
-- Returns 1 when it was there. Error STALE: the node is not registered under this epoch.
local node = ARGV[2]
local state = redis.call('HGET', KEYS[1], node)
if not state or string.match(state, '^%d+') ~= ARGV[3] then return redis.error_reply('STALE not registered') end
local entry = redis.call('HGET', KEYS[2], ARGV[5])
local start = node .. '|' .. ARGV[6] .. '|'
if not entry or string.sub(entry, 1, #start) ~= start then return 0 end
redis.call('HDEL', KEYS[2], ARGV[5])

local here, devices = false, 0
local entries = redis.call('HGETALL', KEYS[2])
for i = 1, #entries, 2 do
    if entries[i] ~= 'said' then
        devices = devices + 1
        if string.sub(entries[i + 1], 1, #node) == node then here = true end
    end
end
if not here then redis.call('SREM', ARGV[1] .. 'n:' .. node, ARGV[4]) end
if devices == 0 then redis.call('EXPIRE', KEYS[2], ARGV[7]) end
return 1
