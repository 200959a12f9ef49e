-- Limits: room for all of them, or none is counted. The same steps as lib/store/limit.c, on the same bytes.
-- KEYS: the rows (limit_row.h), then the marks of members, of wholes and of parts. ARGV: 1 now in ms (0: this server's
-- clock), 2 "look", "take", "count" or "late", which is "count" of what was before, 3 how many follow of each (3, 4 or 5):
-- the head of its row, amount, the number of its member in KEYS, or 0; the numbers of its whole and part and what is known
-- to have been counted of it before ("2 0 17"; "0": it has no names; "": those of the take before); how many ms ago it was.
-- Answers, of each, passed (0 or 1), used, retry in ms (-1: never).
local SLOTS, MOST = 32, 0x7fffffffffff
local read, write, sub, floor, call = struct.unpack, struct.pack, string.sub, math.floor, redis.call
local now, mode = tonumber(ARGV[1]), ARGV[2]
if now == 0 then
	local t = call('TIME')
	now = t[1] * 1000 + floor(t[2] / 1000)
end
local late = mode == 'late'
local sure, stride = late or mode == 'count', tonumber(ARGV[3])
local n = (#ARGV - 3) / stride

-- The slots newer than `old`, flat, none later than now; how many numbers; what they hold.
local function parse(row, from, old)
	local slots, k, used = {}, 0, 0
	for at = from, #row - 11, 12 do
		local last, count = read('>I6I6', row, at)
		last = last < now and last or now
		if last > old and k <= 2 * SLOTS then
			slots[k + 1], slots[k + 2] = last, count
			k, used = k + 2, used + count
		end
	end
	return slots, k, used
end

-- When enough of them are a window old.
local function retry_of(slots, k, used, amount, max, window)
	local retry = -1
	for i = 1, amount <= max and k or 0, 2 do
		used = used - slots[i + 1]
		retry = slots[i] + window - now
		if used + amount <= max then
			break
		end
	end
	return retry
end

-- The state with an amount more that was used at `at`.
local function insert(slots, k, used, at, amount, width)
	local i, part, full = k, floor(at / width), k > 2 * SLOTS
	while i > 0 and slots[i - 1] >= at do
		i = i - 2
	end
	if i < k and floor(slots[i + 1] / width) == part then
		i = i + 2
	elseif i > 0 and (floor(slots[i - 1] / width) == part or full and i == k) then
		slots[i - 1] = at
	elseif full then
		i = i + 2
	else
		table.insert(slots, i + 1, at)
		table.insert(slots, i + 2, 0)
		k, i = k + 2, i + 2
	end
	local count = math.min(slots[i] + amount, MOST)
	used, slots[i] = used - slots[i] + count, count
	local out = {write('>I7', used)}
	for at = 1, k, 2 do
		out[#out + 1] = write('>I6I6', slots[at], slots[at + 1])
	end
	return table.concat(out)
end

-- Used, retry, and the state afterwards if it is to be counted. The usual: nothing was told late and no clock put
-- back, so only the oldest slots may have ended and only the newest changes.
local function sliding(row, at, max, window, amount, when, counts)
	local old, width, size = now - window, floor((window + SLOTS - 1) / SLOTS), #row
	local from, used, last, count = at + 13, 0, 0, 0
	if size < from + 11 or (size - from + 1) % 12 ~= 0 then
		from = size + 1
	else
		used = read('>I7', row, at + 6)
		last, count = read('>I6I6', row, size - 11)
	end
	if late or last > now then
		local slots, k
		slots, k, used = parse(row, from, old)
		local healed = last > now + window and insert(slots, k, used, now, 0, width)
		return used, used + amount <= max and 0 or retry_of(slots, k, used, amount, max, window),
			counts and (sure or used + amount <= max) and insert(slots, k, used, when, amount, width), healed
	end
	while from < size do
		local ended, gone = read('>I6I6', row, from)
		if ended > old then
			break
		end
		used, from = used - gone, from + 12
	end
	local retry, state = 0, nil
	if used + amount > max then
		local slots, k = parse(row, from, old)
		retry = retry_of(slots, k, used, amount, max, window)
	end
	if not counts or (retry ~= 0 and not sure) then
		return used, retry
	elseif from > size then
		return used, retry, write('>I7I6I6', amount, now, amount)
	elseif floor(last / width) == floor(now / width) or size - from >= 12 * SLOTS + 11 then
		local sum = math.min(count + amount, MOST)
		return used, retry, write('>I7', used - count + sum) .. sub(row, from, size - 12) .. write('>I6I6', now, sum)
	end
	return used, retry, write('>I7', used + amount) .. sub(row, from) .. write('>I6I6', now, amount)
end

local function gcra(row, at, max, window, burst, amount, when, counts)
	local tat = #row == at + 13 and read('>I8', row, at + 6) / 1000 or 0
	local interval = window / max
	local longest = interval * burst
	local healed
	if tat < when then
		tat = when
	elseif tat > now + longest + window then
		tat = now + longest
		healed = write('>I8', floor(tat * 1000 + 0.5))
	end
	local from = math.max(tat, now)
	local over = from + interval * amount - now - longest
	local passed, retry = over <= 0.0005, 0
	if not passed then
		retry = amount > burst and -1 or floor(over + 0.999)
	end
	return floor((from - now) / interval + 0.999), retry,
		counts and (passed or sure) and write('>I8', floor((tat + interval * amount) * 1000 + 0.5)), healed, passed
end

-- Rows and members may come again where everything is counted: then they are read one by one.
local had = not sure and #KEYS > 1 and call('MGET', unpack(KEYS)) or {}
local answer, after, named, all = {}, {}, {}, true

local function fetch(k)
	if had[k] == nil then
		had[k] = call('GET', KEYS[k])
	end
	return had[k]
end

-- What is left of an amount that was not counted under these names yet, and what all of them then come to; as lib/store/
-- lmdb_limit.c has it.
local function rest_of(amount, whole, part, before)
	local known = fetch(whole)
	known = known and read('>I6', known) or 0
	local from = math.max(known, before)
	if part > 0 then
		return fetch(part) and 0 or amount, from + amount
	end
	return math.max(before + amount - from, 0), before + amount
end

-- The names of a take, and what is left of its amount `of` under them.
local whole, part, before, of, rest, total

local function store(i)
	local t = after[i]
	call('SET', KEYS[i], t[1], 'PX', t[2])
	if t[3] then
		call('SET', t[3], t[4], 'PX', t[2])
	end
	if t[6] then
		named[t[6]] = t[7]
		named[t[8]] = 1
	end
	answer[3 * i - 1] = answer[3 * i - 1] + t[5]
end

for i = 1, n do
	local a = 4 + (i - 1) * stride
	local head, amount, mark = ARGV[a], tonumber(ARGV[a + 1]), ARGV[a + 2]
	local kind, max, length, burst = string.match(head, '^(%d) (%d+) (%d+) (%d+)')
	local window, when = tonumber(length), late and now - ARGV[a + 4] or now
	local row, at, since = had[i], #head + 1, when
	if row == nil then
		row = call('GET', KEYS[i])
	end
	if row and sub(row, 1, #head) ~= head then -- it was another limit
		local size, from = string.match(row, '^%d %d+ %d+ %d+ (%d+) ()')
		at = size and from + size or 1
	end
	if row and #row >= at + 5 then
		since = read('>I6', row, at)
	else
		row, at = '', 1
	end
	mark = mark ~= '0' and tonumber(mark)
	if mark then
		local made = had[mark]
		if made == nil then
			made = call('GET', KEYS[mark])
		end
		mark = KEYS[mark]
		if made and #made == 6 and read('>I6', made) >= since then
			amount = 0
		end
	end
	local names, told = stride > 3 and ARGV[a + 3] or '0'
	if names == '0' then
		whole = nil
	elseif names ~= '' then
		whole, part, before = string.match(names, '^(%d+) (%d+) (%d+)')
		whole, part, before, of = tonumber(whole), tonumber(part), tonumber(before), nil
	end
	if whole and amount > 0 then
		if amount ~= of then
			of, rest, total = amount, rest_of(amount, whole, part, before)
		end
		amount = rest
		told = rest == 0 and mode == 'take'
	end
	local counts, used, retry, state, healed, passed = amount > 0 and when > now - window and mode ~= 'look'
	max = tonumber(max)
	if kind == '1' then
		used, retry, state, healed, passed = gcra(row, at, max, window, tonumber(burst), amount, when, counts)
	else
		used, retry, state, healed = sliding(row, at, max, window, amount, when, counts)
		passed = used + amount <= max
	end
	passed = passed or told
	all = all and passed
	answer[3 * i - 2], answer[3 * i - 1], answer[3 * i] = passed and 1 or 0, used, retry
	if kind == '1' then
		length = string.format('%.0f', 2 * window)
	end
	if healed and not (sure and state) then -- from before the clock was put back: it is to end a window from now
		call('SET', KEYS[i], head .. write('>I6', since) .. healed, 'PX', length)
	end
	if state then
		after[i] = {head .. write('>I6', since) .. state, length, mark, mark and write('>I6', math.max(when, since)), amount,
			whole, total, part}
		if sure then
			store(i)
		end
	end
end
if mode == 'take' and all then
	for i in pairs(after) do
		store(i)
	end
end
for k, total in pairs(named) do
	if k > 0 then
		call('SET', KEYS[k], write('>I6', math.min(total, MOST)), 'EX', 3600)
	end
end
return answer
