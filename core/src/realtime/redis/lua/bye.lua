-- Takes a node out that ends, and tells the others. Its devices were taken out before.
--
-- KEYS[1] nodes  KEYS[2] n:{node}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] first byte of the goodbye
-- Returns how many were told. A node that still has devices is left for the others to reap.
local node = ARGV[2]
if redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('HSET', KEYS[1], node, 'dead')
else
    redis.call('HDEL', KEYS[1], node)
end
local told = 0
for _, other in ipairs(redis.call('HKEYS', KEYS[1])) do
    if other ~= node then told = told + redis.call('PUBLISH', ARGV[1] .. 'node:' .. other, ARGV[3] .. node) end
end
return told
