-- Takes out devices of a node: of a dead one, or, with state "own", of the caller. Several may share the work.
--
-- KEYS[1] nodes  KEYS[2] n:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] the state that it was last seen with, "" for none, or "own"  ARGV[4] most users to take
-- ARGV[5] seconds that the last word on a user without devices is kept
-- Returns {left, user, online, user, online, ...}: how many users are left to take (-1: the node lives after all), those taken, and "1" for each that was said
-- to be online and has no device any more.
local node, own = ARGV[2], ARGV[3] == 'own'
if not own then
    local state = redis.call('HGET', KEYS[1], node)
    -- A node that has beaten since lives. One that beats from now on is told that it was forgotten.
    if state and state ~= 'dead' then
        if state ~= ARGV[3] then return {-1} end
        redis.call('HSET', KEYS[1], node, 'dead')
    end
end
local out = {0}
for _, user in ipairs(redis.call('SPOP', KEYS[2], ARGV[4])) do
    local key = ARGV[1] .. 'u:' .. user
    local devices, said = 0, false
    local entries = redis.call('HGETALL', key)
    for i = 1, #entries, 2 do
        if entries[i] == 'said' then
            said = true
        elseif string.sub(entries[i + 1], 1, #node) == node then
            redis.call('HDEL', key, entries[i])
        else
            devices = devices + 1
        end
    end
    if devices == 0 and said then redis.call('EXPIRE', key, ARGV[5]) end
    out[#out + 1] = user
    out[#out + 1] = (devices == 0 and said) and '1' or '0'
end
out[1] = redis.call('SCARD', KEYS[2])
if out[1] == 0 and not own then redis.call('HDEL', KEYS[1], node) end
return out
