-- LEASE: returns the data, or grants the right to fill it. ARGV[2] token, ARGV[3] ms until others may take the lease over,
-- ARGV[4] ms that the entry outlives the lease.
if version then
  return { 'hit', version, redis.call('HGET', key, 'd') }
end
if announced then
  return { 'intent' }
end
if token and token ~= ARGV[2] and ends > now then
  return { 'busy' }
end
if exists and not mine then
  redis.call('DEL', key)
end
redis.call('HSET', key, 'e', fence, 'm', whole(minimum), 'l', ARGV[2], 'lx', whole(now + ARGV[3]))
if f[6] then
  redis.call('HDEL', key, 'h')
end
redis.call('PEXPIRE', key, whole(ARGV[3] + ARGV[4]))
return { 'leased' }
