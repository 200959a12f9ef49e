-- Forgets rare tokens that were not touched for long, in some of a scope's buckets.
-- KEYS[1] the scope's totals; ARGV: 1 the scope's prefix, 2 digits of a bucket's name, 3 first bucket,
-- 4 how many, 5 forget up to this count, 6 if the day is before this one. Answers how many were forgotten.
-- Deletes before it sets: Redis lets a script go on out of memory once its first change was such a one.
local format = '%0' .. ARGV[2] .. 'x'
local first, number, limit, before = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local keys, gone = {}, 0
for bucket = first, first + number - 1 do
	keys[#keys + 1] = ARGV[1] .. string.format(format, bucket)
end
local have = redis.call('MGET', unpack(keys))
for i = 1, number do
	local bucket = have[i]
	local kept = {}
	for at = 1, bucket and #bucket or 0, 12 do
		local spam, ham, day = struct.unpack('<I3I3I2', bucket, at + 4)
		if spam + ham > limit or day >= before then
			kept[#kept + 1] = string.sub(bucket, at, at + 11)
		end
	end
	if bucket and #kept * 12 < #bucket then
		gone = gone + #bucket / 12 - #kept
		redis.call('DEL', keys[i])
		if #kept > 0 then
			redis.call('SET', keys[i], table.concat(kept))
		end
	end
end
if gone > 0 then
	local version, spam, ham, total, generation = string.match(redis.call('GET', KEYS[1]) or '1 0 0 0 0',
		'^(%d+) (%d+) (%d+) (%d+) (%d+)$')
	redis.call('SET', KEYS[1], string.format('%s %s %s %.0f %.0f', version, spam, ham, math.max(0, total - gone),
		generation + 1))
end
return gone
