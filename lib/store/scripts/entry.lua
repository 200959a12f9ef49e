-- Changes an entry. An entry is a field of a hash: when it expires (8, Unix time in ms), its value.
-- KEYS[1] the hash of the table; ARGV: 1 "put", "add" or "drop", 2 name, 3 value, 4 lifetime in seconds, 5 the most that
-- the table may hold. Answers 1 if it was done, 0 if there was nothing to do, -1 if the table is full.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local have = redis.call('HGET', KEYS[1], ARGV[2])
local live = have and struct.unpack('>I8', have) > now
if ARGV[1] == 'drop' then
	redis.call('HDEL', KEYS[1], ARGV[2])
	return live and 1 or 0
end
if live and ARGV[1] == 'add' then
	return 0
end
if not have and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then
	local all, over = redis.call('HGETALL', KEYS[1]), 0
	for i = 1, #all, 2 do
		if struct.unpack('>I8', all[i + 1]) <= now then
			over = over + redis.call('HDEL', KEYS[1], all[i])
		end
	end
	if over == 0 then
		return -1
	end
end
redis.call('HSET', KEYS[1], ARGV[2], struct.pack('>I8', now + ARGV[4] * 1000) .. ARGV[3])
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[4]) then
	redis.call('EXPIRE', KEYS[1], ARGV[4] + 1)
end
return 1
