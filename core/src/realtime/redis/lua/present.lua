-- Whether devices have a connection.
--
-- KEYS    u:{user} of each  ARGV  session of each
-- Returns a list of 1 (has one) or 0, in the same order.
local out = {}
for i, key in ipairs(KEYS) do
    out[i] = redis.call('HEXISTS', key, ARGV[i])
end
return out
