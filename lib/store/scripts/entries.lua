-- All entries of a table (entry.lua) that have not expired: name, in how many seconds it expires, value, ….
-- KEYS[1] the hash of the table.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local all, out = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
	local ends = struct.unpack('>I8', all[i + 1])
	if ends > now then
		out[#out + 1] = all[i]
		out[#out + 1] = string.format('%.0f', math.ceil((ends - now) / 1000))
		out[#out + 1] = string.sub(all[i + 1], 9)
	end
end
return out
