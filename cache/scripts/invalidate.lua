-- INVALIDATE: nothing below a version may be served or filled any more. It answers also with the floor,
-- which tells a reader that it is behind. ARGV[2] version, ARGV[3] the
-- intent that ends with it, or '', ARGV[4] ms to keep the floor.
local asked, own = tonumber(ARGV[2]), intents[ARGV[3]]
if floor >= asked and not own and (mine or asked == 0) then
  return { 'current', whole(floor) }
end
floor = math.max(floor, asked)
intents[ARGV[3]] = nil
-- Without an entry there is no data and no lease: if there is no room for a floor, none is needed.
local full = strip(tonumber(ARGV[4]), exists)
if full and exists then
  return full
end
local word = full and 'unkept' or version and 'dropped' or 'floor'
return { word, whole(floor) }
