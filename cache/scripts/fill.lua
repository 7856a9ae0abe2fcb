-- FILL: stores data that was read under a lease. ARGV[2] token, ARGV[3] version, ARGV[4] data, ARGV[5] ms to live.
-- A lease whose time has passed still fills if nobody has taken it over: no invalidation has come since. An intent drops
-- the lease.
if token ~= ARGV[2] then
  return 'lost'
end
if tonumber(ARGV[3]) < minimum then
  redis.call('HDEL', key, 'l', 'lx')
  return 'old'
end
redis.call('HSET', key, 'v', ARGV[3], 'd', ARGV[4])
redis.call('HDEL', key, 'm', 'l', 'lx', 'h')
redis.call('PEXPIRE', key, ARGV[5])
return 'filled'
