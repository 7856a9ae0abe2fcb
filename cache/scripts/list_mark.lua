-- KEYS: the mark, the count of the writer's appends. ARGV: the count as the writer has it, the move before, this one, a new generation,
-- whether it begins in any case, the epoch, the two offsets, and the exceptions. Returns 0 if appends are missing, 2 if a generation has
-- begun, otherwise 1.
--
-- A move whose transaction did not commit leaves its own name behind, but also the one before it, which the next move names.
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then
    return 0
end
local mark = redis.call('HMGET', KEYS[1], 'this', 'before', 'generation', 'epoch')
local generation, result = mark[3], 1
if not generation or mark[4] ~= ARGV[6] or ARGV[5] == '1' or mark[1] ~= ARGV[2] and mark[2] ~= ARGV[2] then
    generation, result = ARGV[4], 2
end
redis.call('HSET', KEYS[1], 'this', ARGV[3], 'before', ARGV[2], 'generation', generation, 'epoch', ARGV[6],
    'seq', ARGV[7], 'settled', ARGV[8], 'except', ARGV[9])
return result
