-- The beginning of every verb: reads the entry KEYS[1] into locals. ARGV[1] is the fence. If it is empty or begins with a
-- colon, the server's replication id goes before it, and the server must be a primary.
--
-- An entry is one hash:
--   e      fence: the epoch of server and log in which the entry was written. Under another fence it counts as absent.
--   v, d   version and data; 0 and '' mean that there is no row
--   m      minimum version: the lowest that may be filled
--   l, lx  token of the lease, and when it may be taken over (ms of this server's clock)
--   h      intents, 'id=end;' each, ends in ms of this server's clock
-- An entry with data has neither a lease nor intents.
local key, fence = KEYS[1], ARGV[1]
if fence == '' or string.sub(fence, 1, 1) == ':' then
  local info = redis.call('INFO', 'replication')
  if not string.find(info, 'role:master', 1, true) then
    return redis.error_reply('READONLY this server is not a primary')
  end
  fence = string.match(info, 'master_replid:(%x+)') .. fence
end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local f = redis.call('HMGET', key, 'e', 'v', 'm', 'l', 'lx', 'h')
local exists, mine = f[1], f[1] == fence
local version, token, ends, minimum = false, false, 0, 0
local intents, announced = {}, false
if mine then
  version, token, ends = f[2], f[4], tonumber(f[5] or 0)
  minimum = math.max(tonumber(f[2] or 0), tonumber(f[3] or 0))
  for id, till in string.gmatch(f[6] or '', '([^=;]+)=(%d+);') do
    if tonumber(till) > now then
      intents[id], announced = tonumber(till), true
    end
  end
end

-- whole writes a number without an exponent.
local function whole(x)
  return string.format('%.0f', x)
end

-- strip drops everything but the minimum version and the intents, and keeps those for at least ms. It begins with DEL if
-- there is data or a lease to drop: DEL works at maxmemory, and makes room for what follows.
local function strip(ms, first)
  if first then
    redis.call('DEL', key)
  end
  local packed, last = '', now + ms
  for id, till in pairs(intents) do
    packed, last = packed .. id .. '=' .. whole(till) .. ';', math.max(last, till)
  end
  local fields = { 'e', fence, 'm', whole(minimum) }
  if packed ~= '' then
    fields[5], fields[6] = 'h', packed
  end
  local reply = redis.pcall('HSET', key, unpack(fields))
  if type(reply) == 'table' and reply.err then
    return reply
  end
  redis.call('PEXPIRE', key, whole(last - now))
  return false
end
