-- INTEND: announces a write. Until the intent ends, or INVALIDATE names it, reads go to SQL and nothing is filled.
-- ARGV[2] id, ARGV[3] ms to live, ARGV[4] ms to keep the minimum version.
intents[ARGV[2]] = now + ARGV[3]
local full = strip(tonumber(ARGV[4]), true)
if full then
  return full
end
return 'announced'
