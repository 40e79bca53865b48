-- Notes a connection of a node; one of its session at another node goes, and the oldest of the user while there are too many.
--
-- KEYS[1] nodes  KEYS[2] u:{user}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch of the node  ARGV[4] user  ARGV[5] session  ARGV[6] connection
-- ARGV[7] stamp of the first join, or ""  ARGV[8] most devices of a user
-- Returns {stamp, elsewhere, returned}: decimal text, "1" or "0" twice. Nodes are told on their channels which connections go; and every other node that has or
-- had a device of the user, that there is one elsewhere. Error STALE: the node is not registered under this epoch.
local prefix, node, user, session = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local state = redis.call('HGET', KEYS[1], node)
if not state or string.match(state, '^%d+') ~= ARGV[3] then return redis.error_reply('STALE not registered') end

local devices, last, only, same = {}, 0, true, nil
local entries = redis.call('HGETALL', KEYS[2])
for i = 1, #entries, 2 do
    if entries[i] ~= 'said' then
        local at, connection, stamp = string.match(entries[i + 1], '^(%x+)|(%d+)|(%d+)$')
        local device = {session = entries[i], node = at, connection = tonumber(connection), stamp = tonumber(stamp)}
        if device.session == session then same = device else only = false; devices[#devices + 1] = device end
        last = math.max(last, device.stamp)
    end
end

local stamp = tonumber(ARGV[7])
if not stamp then
    local now = redis.call('TIME')
    -- Strictly later than every device there is, also when the clock was set back.
    stamp = math.max(tonumber(now[1]) * 1000000 + tonumber(now[2]), last + 1)
end
local new = {session = session, node = node, connection = tonumber(ARGV[6]), stamp = stamp}
local newest, gone, returned = new, {}, '0'
if same and same.node == node then
    -- The node has closed the older one by itself; what it says of the two may come here in either order.
    if same.connection > new.connection then newest = same end
    if same.connection < new.connection and only then returned = '1' end
elseif same and same.stamp > stamp then
    newest, gone = same, {new}
elseif same then
    gone = {same}
    if only then returned = '1' end
end
devices[#devices + 1] = newest
if newest == new then
    redis.call('HSET', KEYS[2], session, string.format('%s|%s|%.0f', node, ARGV[6], stamp))
    redis.call('PERSIST', KEYS[2])
    table.sort(devices, function(a, b) return a.stamp < b.stamp end)
    while #devices > math.max(tonumber(ARGV[8]), 1) do
        local oldest = table.remove(devices, 1)
        redis.call('HDEL', KEYS[2], oldest.session)
        gone[#gone + 1] = oldest
    end
end

local at, others, elsewhere = {}, {}, '0'
for _, device in ipairs(devices) do
    at[device.node], others[device.node] = true, true
    if device.node ~= node then elsewhere = '1' end
end
for _, old in ipairs(gone) do
    if not at[old.node] then redis.call('SREM', prefix .. 'n:' .. old.node, user) end
    redis.call('PUBLISH', prefix .. 'node:' .. old.node, string.format('R%s|%s|%.0f', user, old.session, old.connection))
    -- Until the connection is gone from there, that node would take the user for its own.
    others[old.node] = true
end
if at[node] then
    redis.call('SADD', prefix .. 'n:' .. node, user)
    others[node] = nil
    for other in pairs(others) do redis.call('PUBLISH', prefix .. 'node:' .. other, 'E' .. user) end
end
return {string.format('%.0f', stamp), elsewhere, returned}
