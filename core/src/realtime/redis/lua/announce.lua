-- Tells the peers of a user whether it is online, if they were told otherwise last.
--
-- KEYS[1] u:{user}  KEYS[2..] u:{peer}, one for each peer
-- ARGV[1] prefix  ARGV[2] "1" when the user returned, "2" to tell it whatever they were told  ARGV[3..] for each peer: the message for online, the message for
-- offline
-- Returns how many messages were published.
local said = redis.call('HEXISTS', KEYS[1], 'said')
local online = redis.call('HLEN', KEYS[1]) > said
local words = {}
if said == 1 and online then
    if ARGV[2] == '1' then words = {1, 0} elseif ARGV[2] == '2' then words = {0} end
elseif online then
    words = {0}
    redis.call('HSET', KEYS[1], 'said', '1')
elseif said == 1 or ARGV[2] == '2' then
    words = {1}
    redis.call('DEL', KEYS[1])
end
if #words == 0 then return 0 end

local sent = 0
for peer = 2, #KEYS do
    local nodes = {}
    local entries = redis.call('HGETALL', KEYS[peer])
    for i = 1, #entries, 2 do
        if entries[i] ~= 'said' then nodes[string.match(entries[i + 1], '^%x+')] = true end
    end
    for node in pairs(nodes) do
        for _, word in ipairs(words) do
            redis.call('PUBLISH', ARGV[1] .. 'node:' .. node, 'M' .. ARGV[2 * peer - 1 + word])
            sent = sent + 1
        end
    end
end
return sent
