-- Adds to a counter whose lifetime begins when it is made.
-- KEYS[1] the counter; ARGV: 1 what to add, 2 lifetime in seconds. Answers the new value.
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('TTL', KEYS[1]) < 0 then
	redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return value
