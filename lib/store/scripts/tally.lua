-- Adds to tallies.
-- KEYS[1] the hash of the table; ARGV: 1 now, then name, count, sum of each.
redis.call('HSETNX', KEYS[1], 'c', ARGV[1])
for i = 2, #ARGV, 3 do
	redis.call('HINCRBY', KEYS[1], 'c' .. ARGV[i], ARGV[i + 1])
	redis.call('HINCRBY', KEYS[1], 's' .. ARGV[i], ARGV[i + 2])
end
return 1
