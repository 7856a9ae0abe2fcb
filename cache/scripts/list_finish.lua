-- KEYS: the list. ARGV: its first element, the new first element, and the list's life in ms. Returns 1 if it was that list.
if redis.call('LINDEX', KEYS[1], 0) ~= ARGV[1] then
    return 0
end
redis.call('LSET', KEYS[1], 0, ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
