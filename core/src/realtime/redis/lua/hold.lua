-- Takes or renews a lease.
--
-- KEYS[1] lease:{name}  KEYS[2] fence:{name}
-- ARGV[1] node  ARGV[2] how long, milliseconds  ARGV[3] "1" to take or renew it, else it is only looked at
-- Returns {node, fence} of the holder, or nothing.
local holder = redis.call('GET', KEYS[1])
if not holder then
    if ARGV[3] ~= '1' then return {} end
    local now = redis.call('TIME')
    -- The time in microseconds, so that it grows also when the last fence is forgotten: no two changes are in the same one.
    local fence = math.max((tonumber(redis.call('GET', KEYS[2])) or 0) + 1, tonumber(now[1]) * 1000000 + tonumber(now[2]))
    fence = string.format('%.0f', fence)
    redis.call('SET', KEYS[2], fence)
    redis.call('SET', KEYS[1], ARGV[1] .. ':' .. fence, 'PX', ARGV[2])
    return {ARGV[1], fence}
end
local node, fence = string.match(holder, '^(%x+):(%d+)$')
if node == ARGV[1] and ARGV[3] == '1' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return {node, fence}
