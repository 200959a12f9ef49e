-- A try of greylisting. The same steps as lib/store/greylist.c, on the same bytes.
-- KEYS[1] the record; ARGV: 1 now, 2 how long a retry is early, 3 how long a first try is remembered, 4 how long one
-- that passed is; all in seconds. Answers first try, tries, 1 if it passes.
local now, first, tries, passed = tonumber(ARGV[1]), tonumber(ARGV[1]), 1, false
local have = redis.call('GET', KEYS[1])
if have and #have == 21 then
	local f, last, t, p = struct.unpack('<i8i8I4B', have)
	first, tries, passed = math.min(f, now), math.min(t + 1, 4294967295), p ~= 0
end
passed = passed or now - first >= tonumber(ARGV[2])
local ttl = passed and tonumber(ARGV[4]) or first + ARGV[3] - now
redis.call('SET', KEYS[1], struct.pack('<i8i8I4B', first, now, tries, passed and 1 or 0), 'EX', math.max(ttl, 1))
return {first, tries, passed and 1 or 0}
