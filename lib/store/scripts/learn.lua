-- Learns messages: all or none.
-- KEYS[1] the scope's totals; ARGV: 1 the scope's prefix, 2 digits of a bucket's name,
-- 3 per message: digest (32), what we believe it is known as ('0', '1' spam, '2' ham), what it becomes,
-- 4 and 5 change of the numbers of spam and ham messages, 6 today,
-- 7 per bucket: number (4), records (2), per record: name (4), change of spam (2) and ham (2); sorted by bucket.
-- If a belief is wrong nothing is changed and the answer is 's' and what they all are known as;
-- else 'ok'. The caller then counts again. Buckets: see bucket.h.
local prefix, digits, seen, deltas = ARGV[1], ARGV[2], ARGV[3], ARGV[7]
local MAX = 16777215

local known, wrong = {}, false
for at = 1, #seen, 34 do
	local key = prefix .. 's' .. string.format('%02x%x', string.byte(seen, at), math.floor(string.byte(seen, at + 1) / 16))
	local is = string.sub(redis.call('HGET', key, string.sub(seen, at + 1, at + 16)) or '0', 1, 1)
	known[#known + 1] = is
	wrong = wrong or is ~= string.sub(seen, at + 32, at + 32)
end
if wrong then
	return 's' .. table.concat(known)
end

local function clamp(n)
	return n < 0 and 0 or n > MAX and MAX or n
end

-- The position of a name in a bucket, or nil; a match across records does not count.
local function find(bucket, name)
	local at = string.find(bucket, name, 1, true)
	while at and at % 12 ~= 1 do
		at = string.find(bucket, name, at + 1, true)
	end
	return at
end

local unpack_, pack_, sub = struct.unpack, struct.pack, string.sub
local day = pack_('<I2', tonumber(ARGV[6]))
local tokens = 0

-- The bucket with `count` changes from position `at` of deltas applied.
local function apply(bucket, at, count)
	for i = 1, count do
		local name, ds, dh = sub(deltas, at, at + 3), unpack_('<i2i2', deltas, at + 4)
		local found = find(bucket, name)
		local s, h = 0, 0
		if found then
			local a, b, c, d, e, f = string.byte(bucket, found + 4, found + 9)
			s, h = a + b * 256 + c * 65536, d + e * 256 + f * 65536
		end
		s, h = clamp(s + ds), clamp(h + dh)
		local record = ''
		if s > 0 or h > 0 then
			record = name .. pack_('<I3I3', s, h) .. day
		end
		if found then
			bucket = sub(bucket, 1, found - 1) .. record .. sub(bucket, found + 12)
			tokens = tokens - (record == '' and 1 or 0)
		elseif record ~= '' and #bucket < 60000 then
			bucket = bucket .. record
			tokens = tokens + 1
		end
		at = at + 8
	end
	return bucket
end

-- In slices: unpack() has a limit, and MGET and MSET are cheaper than as many calls.
local function flush(keys, from, count)
	local have, set, gone = redis.call('MGET', unpack(keys)), {}, {}
	for i = 1, #keys do
		local bucket = apply(have[i] or '', from[i], count[i])
		if bucket ~= '' then
			set[#set + 1] = keys[i]
			set[#set + 1] = bucket
		elseif have[i] then
			gone[#gone + 1] = keys[i]
		end
	end
	if #set > 0 then
		redis.call('MSET', unpack(set))
	end
	if #gone > 0 then
		redis.call('DEL', unpack(gone))
	end
end

local format = '%0' .. digits .. 'x'
local keys, from, count = {}, {}, {}
local at = 1
while at <= #deltas do
	local bucket, n = unpack_('<I4I2', deltas, at)
	keys[#keys + 1] = prefix .. string.format(format, bucket)
	from[#keys] = at + 6
	count[#keys] = n
	at = at + 6 + 8 * n
	if #keys == 500 or at > #deltas then
		flush(keys, from, count)
		keys, from, count = {}, {}, {}
	end
end

local changed = {} -- the same message may come again: out with its old tokens, in with others
for message = 1, #known do
	local p = message * 34 - 33
	local digest, new = sub(seen, p, p + 31), sub(seen, p + 33, p + 33)
	if new ~= known[message] or changed[digest] then
		changed[digest] = true
		local key = prefix .. 's' .. string.format('%02x%x', string.byte(seen, p), math.floor(string.byte(seen, p + 1) / 16))
		local field = sub(seen, p + 1, p + 16)
		if new == '0' then
			redis.call('HDEL', key, field)
		else
			redis.call('HSET', key, field, new .. ' ' .. ARGV[6])
		end
	end
end

local version, spam, ham, total, generation = string.match(redis.call('GET', KEYS[1]) or '1 0 0 0 0',
	'^(%d+) (%d+) (%d+) (%d+) (%d+)$')
redis.call('SET', KEYS[1], string.format('%s %.0f %.0f %.0f %.0f', version,
	math.max(0, spam + ARGV[4]), math.max(0, ham + ARGV[5]), math.max(0, total + tokens), generation + 1))
return 'ok'
