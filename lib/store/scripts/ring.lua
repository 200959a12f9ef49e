-- Puts an item first and drops the last ones beyond the limit.
-- KEYS[1] the ring; ARGV: 1 the item, 2 how many may stay.
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[2] - 1)
return 1
