-- Limits: room for all of them, or none is counted. The same steps as lib/store/limit.c, on the same bytes.
-- KEYS: the rows (limit_row.h), then the marks of members. ARGV: 1 now in ms (0: this server's clock), 2 "look", "take",
-- "count" or "late"; then of each: the head of its row, amount, the number of its mark in KEYS, or 0; with "late",
-- which else is "count", how many ms ago it was.
-- Answers, of each, passed (0 or 1), used, retry in ms (-1: never).
local SLOTS = 32
local unpack, pack, floor, call = struct.unpack, struct.pack, math.floor, redis.call
local now, mode = tonumber(ARGV[1]), ARGV[2]
if now == 0 then
	local t = call('TIME')
	now = t[1] * 1000 + floor(t[2] / 1000)
end

local function look_sliding(t, row, at)
	local window, used, n, slots = t.window, 0, 0, {}
	while at + 11 <= #row and n <= 2 * SLOTS do
		local last, count
		last, count, at = unpack('>I6I6', row, at)
		last = last < now and last or now
		if now - last < window then
			slots[n + 1], slots[n + 2] = last, count
			n, used = n + 2, used + count
		end
	end
	t.slots, t.n, t.used, t.retry, t.passed = slots, n, used, 0, used + t.amount <= t.max
	if t.passed then
		return
	end
	t.retry = -1
	local left = used
	for i = 1, t.amount <= t.max and n or 0, 2 do
		left = left - slots[i + 1]
		t.retry = slots[i] + window - now
		if left + t.amount <= t.max then
			break
		end
	end
end

local function count_sliding(t)
	local width, at = floor((t.window + SLOTS - 1) / SLOTS), now - t.age
	local slots, n, k, part = t.slots, t.n, t.n, floor(at / width)
	local full = n > 2 * SLOTS
	while k > 0 and slots[k - 1] >= at do
		k = k - 2
	end
	if k < n and floor(slots[k + 1] / width) == part then
		k = k + 2
	elseif k > 0 and (floor(slots[k - 1] / width) == part or full and k == n) then
		slots[k - 1] = at
	elseif full then
		k = k + 2
	else
		table.insert(slots, k + 1, at)
		table.insert(slots, k + 2, 0)
		n, k = n + 2, k + 2
	end
	slots[k] = math.min(slots[k] + t.amount, 0xffffffffffff)
	local out = {}
	for i = 1, n, 2 do
		out[#out + 1] = pack('>I6I6', slots[i], slots[i + 1])
	end
	return table.concat(out)
end

local function look_gcra(t, row, at)
	local tat = 0
	if #row == at + 7 then
		tat = unpack('>I8', row, at) / 1000
	end
	t.interval = t.window / t.max
	local longest = t.interval * t.burst
	local at = now - t.age
	if tat < at then
		tat = at
	elseif tat > now + longest + t.window then
		tat = now + longest
	end
	t.tat = tat
	tat = math.max(tat, now)
	local over = tat + t.interval * t.amount - now - longest
	t.passed, t.retry = over <= 0.0005, 0
	t.used = floor((tat - now) / t.interval + 0.999)
	if not t.passed then
		t.retry = t.amount > t.burst and -1 or floor(over + 0.999)
	end
end

local function count_gcra(t)
	return pack('>I8', floor((t.tat + t.interval * t.amount) * 1000 + 0.5))
end

-- The member was counted since the row was made.
local function is_counted(mark, since)
	local made = call('GET', mark)
	return made and #made == 6 and unpack('>I6', made) >= since
end

local function count(i, t)
	if t.amount == 0 or t.age >= t.window then
		return
	end
	call('SET', KEYS[i], t.head .. pack('>I6', t.since) .. (t.gcra and count_gcra(t) or count_sliding(t)), 'PX',
		t.window)
	if t.mark then
		call('SET', t.mark, pack('>I6', math.max(now - t.age, t.since)), 'PX', t.window)
	end
	t.used = t.used + t.amount
end

local takes, all, late = {}, true, mode == 'late'
local stride = late and 4 or 3
for i = 1, (#ARGV - 2) / stride do
	local a = 3 + (i - 1) * stride
	local head, mark, age = ARGV[a], tonumber(ARGV[a + 2]), late and tonumber(ARGV[a + 3]) or 0
	local t = {head = head, amount = tonumber(ARGV[a + 1]), mark = mark > 0 and KEYS[mark], age = age, since = now - age}
	local row = call('GET', KEYS[i])
	local kind, max, window, burst = string.match(head, '^(%d) (%d+) (%d+) (%d+)')
	t.gcra, t.max, t.window, t.burst = kind == '1', tonumber(max), tonumber(window), tonumber(burst)
	local at = #head + 1
	if row and string.sub(row, 1, #head) ~= head then -- it was another limit
		local size, from = string.match(row, '^%d %d+ %d+ %d+ (%d+) ()')
		at = size and from + size
	end
	if row and at and #row >= at + 5 then
		t.since = unpack('>I6', row, at)
	else
		row, at = '', 1
	end
	if t.mark and is_counted(t.mark, t.since) then
		t.amount, t.mark = 0, nil
	end
	if t.gcra then
		look_gcra(t, row, at + 6)
	else
		look_sliding(t, row, at + 6)
	end
	all = all and t.passed
	takes[i] = t
	if late or mode == 'count' then
		count(i, t)
	end
end
local answer = {}
for i, t in ipairs(takes) do
	if mode == 'take' and all then
		count(i, t)
	end
	answer[#answer + 1] = t.passed and 1 or 0
	answer[#answer + 1] = t.used
	answer[#answer + 1] = t.retry
end
return answer
