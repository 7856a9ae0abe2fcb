-- SPEND: adds a spending to the debt KEYS[1] of a caller, and returns the debt, see package gcra. ARGV[1] is the cost, ARGV[2] the
-- age, ARGV[3] the least debt, ARGV[4] the most, all in microseconds. The value of the key is when the debt ends, in microseconds of
-- this server's clock. A key stays for ten seconds after that, because a spending of that age may still come: it must not pay for
-- time before the debt ended. A caller who has had no debt has no key.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local ends = tonumber(redis.call('GET', KEYS[1]) or 0) or 0
local debt = math.max(ends - now, -tonumber(ARGV[2])) + tonumber(ARGV[1])
debt = math.min(math.max(debt, tonumber(ARGV[3]), 0), tonumber(ARGV[4]))
if debt > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', now + debt), 'PX', math.ceil(debt / 1000) + 10000)
end
return string.format('%.0f', debt)
