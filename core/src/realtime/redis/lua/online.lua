-- Whether users have a device.
--
-- KEYS    u:{user}, one for each
-- Returns a list of 1 (has one) or 0, in the same order.
local out = {}
for i, key in ipairs(KEYS) do
    out[i] = redis.call('HLEN', key) > redis.call('HEXISTS', key, 'said') and 1 or 0
end
return out
