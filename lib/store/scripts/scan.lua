-- Some keys of a pattern, flat.
-- ARGV: 1 the cursor, 2 the pattern, 3 how many keys to look at. Answers the next cursor, then keys.
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
table.insert(found[2], 1, found[1])
return found[2]
