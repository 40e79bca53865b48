-- Says that a node lives, sends it an echo through its own channel, and lists the nodes.
--
-- KEYS[1] nodes
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch of the node  ARGV[4] "1" when the epoch is new  ARGV[5] echo, published as it is
-- Returns {known, node, state, node, state, ...}. known = 1: the node was registered (without a new epoch: under this one), so what it joined is there.
-- Error STALE: the node has begun a later epoch, this call comes late.
local mine = redis.call('HGET', KEYS[1], ARGV[2])
local known, epoch = 0, nil
if mine and mine ~= 'dead' then
    epoch = tonumber(string.match(mine, '^%d+'))
    if epoch > tonumber(ARGV[3]) then return redis.error_reply('STALE a later epoch has begun') end
    if ARGV[4] == '1' or epoch == tonumber(ARGV[3]) then known = 1 end
end
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], ARGV[2], string.format('%s:%s.%06d', ARGV[3], now[1], now[2]))
redis.call('PUBLISH', ARGV[1] .. 'node:' .. ARGV[2], ARGV[5])
local out = {known}
for _, part in ipairs(redis.call('HGETALL', KEYS[1])) do out[#out + 1] = part end
return out
