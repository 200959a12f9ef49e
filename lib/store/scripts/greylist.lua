-- A try of greylisting. The same steps as lib/store/greylist.c, on the same bytes.
-- KEYS: 1 the record, 2 that of who tries; ARGV: 1 now, 2 how long a retry is early, 3 how long a first try is remembered,
-- 4 how long one that passed is, 5 after so many passes nobody is tried any more, 6 for so long; times in seconds.
-- Answers first try, tries, 1 if it passes, 1 if for the first time, 1 if it was not tried.
local now, first, tries, passed, back = tonumber(ARGV[1]), tonumber(ARGV[1]), 1, false, false
local after, passes = tonumber(ARGV[5]), 0
local function count(n)
	redis.call('SET', KEYS[2], struct.pack('<I4', math.min(n, 4294967295)), 'EX', math.max(ARGV[6], 1))
end
local who = after > 0 and redis.call('GET', KEYS[2])
if who and #who == 4 then
	passes = struct.unpack('<I4', who)
end
if after > 0 and passes >= after then
	count(passes)
	return {now, 0, 1, 0, 1}
end
local have = redis.call('GET', KEYS[1])
if have and #have == 21 then
	local f, last, t, p = struct.unpack('<i8i8I4B', have)
	first, tries, passed = math.min(f, now), math.min(t + 1, 4294967295), p ~= 0
end
back = not passed and now - first >= tonumber(ARGV[2])
passed = passed or back
local ttl = passed and tonumber(ARGV[4]) or first + ARGV[3] - now
redis.call('SET', KEYS[1], struct.pack('<i8i8I4B', first, now, tries, passed and 1 or 0), 'EX', math.max(ttl, 1))
if back and after > 0 then
	count(passes + 1)
end
return {first, tries, passed and 1 or 0, back and 1 or 0, 0}
