-- KEYS: the list. ARGV: how its first element begins, the length of that, the number of elements to replace, and the new elements.
-- Returns 1 if it was that list.
local first = redis.call('LINDEX', KEYS[1], 0)
local n = tonumber(ARGV[3])
if not first or string.sub(first, 1, tonumber(ARGV[2])) ~= ARGV[1] or redis.call('LLEN', KEYS[1]) < n then
    return 0
end
local life = redis.call('PTTL', KEYS[1])
redis.call('LTRIM', KEYS[1], n, -1)
for i = #ARGV, 4, -1 do
    redis.call('LPUSH', KEYS[1], ARGV[i])
end
redis.call('PEXPIRE', KEYS[1], life)
return 1
