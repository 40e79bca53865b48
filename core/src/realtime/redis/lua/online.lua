-- Whether users, or devices, have a connection.
--
-- KEYS    u:{user} of each  ARGV  for each the session of a device, or "" for any
-- Returns a list of 1 (has one) or 0, in the same order.
local out = {}
for i, key in ipairs(KEYS) do
    if ARGV[i] == '' then
        out[i] = redis.call('HLEN', key) > redis.call('HEXISTS', key, 'said') and 1 or 0
    else
        out[i] = redis.call('HEXISTS', key, ARGV[i])
    end
end
return out
