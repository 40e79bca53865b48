-- Gives a lease back, if the node holds it.
--
-- KEYS[1] lease:{name}
-- ARGV[1] node
-- Returns 1 when it was held.
local holder = redis.call('GET', KEYS[1])
if not holder or string.sub(holder, 1, #ARGV[1] + 1) ~= ARGV[1] .. ':' then return 0 end
return redis.call('DEL', KEYS[1])
