-- Cache a slate, unless the one that lies there is newer.
--
-- KEYS[1]  slate:{user}, a string: the slate's JSON as published
-- ARGV[1]  version of the new slate
-- ARGV[2]  its JSON
-- ARGV[3]  time to live, milliseconds
--
-- The version of what lies there is read from its own first bytes: `version` follows two short ids, so
-- nothing is stored beside the slate and nothing is parsed. What has no version is overwritten.
--
-- Returns 1 if written, 0 if what lies there has the same or a higher version.
local head = redis.call('GETRANGE', KEYS[1], 0, 511)
local old = string.match(head, '"version"%s*:%s*(%d+)')
if old and tonumber(old) >= tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
