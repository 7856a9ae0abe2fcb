-- What every verb begins with: it reads the entry KEYS[1] into locals. ARGV[1] is the fence; if it is empty or begins
-- with a colon it is only the end of it, and what precedes that is the id of the server, which must be a primary.
--
-- An entry is one hash:
--   e      fence: who wrote it. Fields under another fence count as absent.
--   v, d   version and data; 0 and '' say that there is no row
--   m      floor: the lowest version that may be filled
--   l, lx  token of the lease, and when it may be taken over (ms of this server's clock)
--   h      intents, 'id=end;' each, ends in ms of this server's clock
-- Data never stands beside a lease or an intent.
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
local version, token, ends, floor = false, false, 0, 0
local intents, held = {}, false
if mine then
  version, token, ends = f[2], f[4], tonumber(f[5] or 0)
  floor = math.max(tonumber(f[2] or 0), tonumber(f[3] or 0))
  for id, till in string.gmatch(f[6] or '', '([^=;]+)=(%d+);') do
    if tonumber(till) > now then
      intents[id], held = tonumber(till), true
    end
  end
end

-- whole writes a number without an exponent.
local function whole(x)
  return string.format('%.0f', x)
end

-- strip leaves the floor and the intents, for ms at least. DEL comes first where there is something to
-- lose: it works at maxmemory, and after it so does the rest.
local function strip(ms, first)
  if first then
    redis.call('DEL', key)
  end
  local packed, last = '', now + ms
  for id, till in pairs(intents) do
    packed, last = packed .. id .. '=' .. whole(till) .. ';', math.max(last, till)
  end
  local fields = { 'e', fence, 'm', whole(floor) }
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
