-- Publishes messages of a node, in order.
--
-- KEYS[1] nodes
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch of the node
-- ARGV[4..] for each message three: "u" and a user, "n" and a node, or "o" and ""; then the message with its first byte
-- Returns how often one was received. Error STALE, and nothing is sent: the node is not registered under this epoch. So a batch that was given up for lost is
-- not sent after later ones, and one whose receivers were forgotten with everything else is not taken for sent.
local prefix, node = ARGV[1], ARGV[2]
local state = redis.call('HGET', KEYS[1], node)
if not state or string.match(state, '^%d+') ~= ARGV[3] then return redis.error_reply('STALE not registered') end

local others
local of_user = {}
local function nodes_of(user)
    local found = of_user[user]
    if not found then
        found = {}
        local seen = {[node] = true}
        local entries = redis.call('HGETALL', prefix .. 'u:' .. user)
        for i = 1, #entries, 2 do
            if entries[i] ~= 'said' then
                local at = string.match(entries[i + 1], '^%x+')
                if not seen[at] then
                    seen[at] = true
                    found[#found + 1] = at
                end
            end
        end
        of_user[user] = found
    end
    return found
end

local received = 0
for i = 4, #ARGV, 3 do
    local kind, to, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local targets
    if kind == 'u' then
        targets = nodes_of(to)
    elseif kind == 'n' then
        targets = {to}
    else
        if not others then
            others = {}
            for _, other in ipairs(redis.call('HKEYS', KEYS[1])) do
                if other ~= node then others[#others + 1] = other end
            end
        end
        targets = others
    end
    for _, target in ipairs(targets) do
        received = received + redis.call('PUBLISH', prefix .. 'node:' .. target, message)
    end
end
return received
