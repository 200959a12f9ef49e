-- All tallies of a table: name, count, sum, name, ….
-- KEYS[1] the hash of the table.
local all, out = redis.call('HGETALL', KEYS[1]), {}
local sums = {}
for i = 1, #all, 2 do
	if string.sub(all[i], 1, 1) == 's' then
		sums[string.sub(all[i], 2)] = all[i + 1]
	end
end
for i = 1, #all, 2 do
	if string.sub(all[i], 1, 1) == 'c' then
		local name = string.sub(all[i], 2)
		out[#out + 1] = name
		out[#out + 1] = all[i + 1]
		out[#out + 1] = sums[name] or '0'
	end
end
return out
