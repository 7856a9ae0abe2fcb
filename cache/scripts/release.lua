-- RELEASE: returns a lease that will not be used. ARGV[2] token.
if token == ARGV[2] then
  redis.call('HDEL', key, 'l', 'lx')
end
return 'released'
