-- Replaces a record if it is as expected.
-- KEYS[1] the record; ARGV: 1 '1' if one is expected, 2 its content, 3 '1' to store or '0' to delete, 4 the new
-- content, 5 its lifetime in seconds. Answers 1 if it was done, else 0.
local is = redis.call('GET', KEYS[1])
if ARGV[1] == '1' and is ~= ARGV[2] or ARGV[1] == '0' and is then
	return 0
end
if ARGV[3] == '1' then
	redis.call('SET', KEYS[1], ARGV[4], 'EX', ARGV[5])
else
	redis.call('DEL', KEYS[1])
end
return 1
