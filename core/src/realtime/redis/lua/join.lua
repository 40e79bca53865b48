-- Adds a connection of a node; an older one of its session goes, and the oldest of the user while there are too many.
--
-- KEYS[1] nodes  KEYS[2] u:{user}
-- ARGV[1] prefix  ARGV[2] node  ARGV[3] epoch of the node  ARGV[4] user  ARGV[5] session  ARGV[6] connection
-- ARGV[7] stamp of the first join, or ""  ARGV[8] most devices of a user
-- Returns {stamp, elsewhere, returned, session, connection, session, connection, ...}: decimal text, "1" or "0" twice, the replaced connections of this node.
-- Those of other nodes are told on their channels, and every other node that has or had a device of the user, that there is one elsewhere. Error STALE: the node
-- is not registered under this epoch.
local prefix, node, user, session = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local state = redis.call('HGET', KEYS[1], node)
if not state or string.match(state, '^%d+') ~= ARGV[3] then return redis.error_reply('STALE not registered') end

local devices, last, only, same = {}, 0, true, nil
local entries = redis.call('HGETALL', KEYS[2])
for i = 1, #entries, 2 do
    if entries[i] ~= 'said' then
        local at, connection, stamp = string.match(entries[i + 1], '^(%x+)|(%d+)|(%d+)$')
        local device = {session = entries[i], node = at, connection = connection, stamp = tonumber(stamp)}
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
local new = {session = session, node = node, connection = ARGV[6], stamp = stamp}
local replaced, returned, stays = {}, '0', true
if same and not (same.node == node and same.connection == new.connection) then
    -- Of two of a node the one with the greater number is the newer, as it is for the node itself, whichever comes here first.
    if same.stamp > stamp or (same.node == node and tonumber(same.connection) > tonumber(new.connection)) then
        stays = false
        replaced[1] = new
        devices[#devices + 1] = same
    else
        if only then returned = '1' end
        replaced[1] = same
    end
end
if stays then
    devices[#devices + 1] = new
    redis.call('HSET', KEYS[2], session, string.format('%s|%s|%.0f', node, new.connection, stamp))
    redis.call('PERSIST', KEYS[2])
    table.sort(devices, function(a, b) return a.stamp < b.stamp end)
    while #devices > math.max(tonumber(ARGV[8]), 1) do
        local oldest = table.remove(devices, 1)
        redis.call('HDEL', KEYS[2], oldest.session)
        replaced[#replaced + 1] = oldest
    end
end

local at = {}
for _, device in ipairs(devices) do at[device.node] = true end
local out = {string.format('%.0f', stamp), '0', returned}
local others = {}
for _, old in ipairs(replaced) do
    if not at[old.node] then redis.call('SREM', prefix .. 'n:' .. old.node, user) end
    if old.node == node then
        out[#out + 1] = old.session
        out[#out + 1] = old.connection
    else
        -- Until the connection is gone from there, that node would take the user for its own.
        others[old.node] = true
        redis.call('PUBLISH', prefix .. 'node:' .. old.node, 'R' .. user .. '|' .. old.session .. '|' .. old.connection)
    end
end
if at[node] then redis.call('SADD', prefix .. 'n:' .. node, user) end
for other in pairs(at) do
    if other ~= node then
        out[2] = '1'
        others[other] = true
    end
end
if at[node] then
    for other in pairs(others) do redis.call('PUBLISH', prefix .. 'node:' .. other, 'E' .. user) end
end
return out
