-- KEYS: the list, the mark of its section. ARGV: how the first element begins that is replaced (empty: there is no list), the length of
-- that, the new first element, and the list's life in ms. Returns the mark; nothing if the list is another one, or if there is no mark.
local first = redis.call('LINDEX', KEYS[1], 0)
if first and (ARGV[1] == '' or string.sub(first, 1, tonumber(ARGV[2])) ~= ARGV[1]) or not first and ARGV[1] ~= '' then
    return {}
end
if redis.call('EXISTS', KEYS[2]) == 0 then
    return {}
end
redis.call('DEL', KEYS[1])
redis.call('RPUSH', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return redis.call('HMGET', KEYS[2], 'generation', 'epoch', 'seq', 'settled', 'except')
