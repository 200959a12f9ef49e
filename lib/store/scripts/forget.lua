-- Forgets that messages were learned, in some slices of a scope's digests, if that was before a day.
-- KEYS[1] the scope's prefix; ARGV: 1 first slice, 2 how many, 3 the day, 4 today: for those stored before days were.
-- Answers how many were forgotten. Deletes first: so it may run when memory is out.
local first, number, before = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local gone, stamp = 0, {}
for slice = first, first + number - 1 do
	local key = KEYS[1] .. string.format('s%03x', slice)
	local all = redis.call('HGETALL', key)
	for i = 1, #all, 2 do
		local day = string.match(all[i + 1], ' (%d+)$')
		if not day then
			stamp[#stamp + 1] = {key, all[i], all[i + 1] .. ' ' .. ARGV[4]}
		elseif tonumber(day) < before then
			gone = gone + redis.call('HDEL', key, all[i])
		end
	end
end
for i = 1, #stamp do
	redis.pcall('HSET', unpack(stamp[i]))
end
return gone
