-- INVALIDATE: nothing below a version may be served or filled any more. The reply has the minimum version, by which a
-- reader that publishes its version sees that it is behind. ARGV[2] version, ARGV[3] the intent that ends with it, or '',
-- ARGV[4] ms to keep the minimum version. ARGV[5] and ARGV[6] may be missing: the row's data at exactly that version, and
-- ms to live. They replace data of a lower version. They never go where there is no data: an entry that was flushed has
-- forgotten writes that are newer than this row.
local asked, own = tonumber(ARGV[2]), intents[ARGV[3]]
if minimum >= asked and not own and (mine or asked == 0) then
  return { 'current', whole(minimum) }
end
if version and ARGV[5] then
  local refused = redis.pcall('HSET', key, 'v', ARGV[2], 'd', ARGV[5])
  if not (type(refused) == 'table' and refused.err) then
    redis.call('PEXPIRE', key, ARGV[6])
    return { 'updated', ARGV[2] }
  end
end
minimum = math.max(minimum, asked)
intents[ARGV[3]] = nil
-- Without an entry there is no data and no lease, so no minimum version is needed if there is no room for one.
local full = strip(tonumber(ARGV[4]), exists)
if full and exists then
  return full
end
local word = full and 'unkept' or version and 'dropped' or 'raised'
return { word, whole(minimum) }
