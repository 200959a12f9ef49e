-- Puts items first, one after the other, and drops the last ones beyond the limit.
-- KEYS[1] the ring; ARGV: 1 how many may stay, 2 … the items.
redis.call('LPUSH', KEYS[1], unpack(ARGV, 2))
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
return 1
