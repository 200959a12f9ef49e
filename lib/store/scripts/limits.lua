-- Some rows of limits (lib/store/limit_row.h).
-- ARGV: 1 the cursor, 2 the pattern of their keys, 3 how many keys to look at. Answers the next cursor, this server's
-- clock in ms, then rows.
local t = redis.call('TIME')
local found = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', ARGV[3])
local out = {found[1], t[1] .. string.format('%03d', math.floor(t[2] / 1000))}
for i = 1, #found[2], 1000 do
	local rows = redis.call('MGET', unpack(found[2], i, math.min(i + 999, #found[2])))
	for k = 1, #rows do
		if rows[k] then
			out[#out + 1] = rows[k]
		end
	end
end
return out
