-- INTEND: until it ends or is invalidated, reads go to SQL and nothing is filled. ARGV[2] id, ARGV[3] ms
-- to live, ARGV[4] ms to keep the floor.
intents[ARGV[2]] = now + ARGV[3]
local full = strip(tonumber(ARGV[4]), true)
if full then
  return full
end
return 'held'
