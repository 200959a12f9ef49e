-- Limits: room for all of them, or none is counted. The same steps as lib/store/limit.c, on the same bytes.
-- KEYS: the states, then the marks of members. ARGV: 1 now in ms (0: this server's clock), 2 "look", "take" or "count",
-- 3 how many; then of each: kind (0 sliding, 1 GCRA), max, window in ms, burst, amount, and the number of its mark in
-- KEYS, or 0. Answers, of each, passed (0 or 1), used, retry in ms (-1: never).
local SLOTS = 32
local now, mode, n = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
if now == 0 then
	local t = redis.call('TIME')
	now = t[1] * 1000 + math.floor(t[2] / 1000)
end

local function read_slots(state, window)
	local slots, at = {}, 1
	while at + 11 <= #state and #slots <= SLOTS do
		local last, count
		last, count, at = struct.unpack('>I6I6', state, at)
		last = math.min(last, now)
		if now - last < window then
			slots[#slots + 1] = {last, count}
		end
	end
	return slots
end

local function look_sliding(t)
	t.slots = read_slots(t.state, t.window)
	local used = 0
	for _, s in ipairs(t.slots) do
		used = used + s[2]
	end
	t.used, t.retry, t.passed = used, 0, used + t.amount <= t.max
	if t.passed then
		return
	end
	t.retry = -1
	local left = used
	for _, s in ipairs(t.slots) do
		if t.amount > t.max then
			break
		end
		left = left - s[2]
		t.retry = s[1] + t.window - now
		if left + t.amount <= t.max then
			break
		end
	end
end

local function count_sliding(t)
	local width = math.floor((t.window + SLOTS - 1) / SLOTS)
	local slots = t.slots
	local last = slots[#slots]
	if not last or (math.floor(last[1] / width) ~= math.floor(now / width) and #slots <= SLOTS) then
		last = {now, 0}
		slots[#slots + 1] = last
	end
	last[1], last[2] = now, math.min(last[2] + t.amount, 0xffffffffffff)
	local out = {}
	for i, s in ipairs(slots) do
		out[i] = struct.pack('>I6I6', s[1], s[2])
	end
	return table.concat(out)
end

local function look_gcra(t)
	local tat = 0
	if #t.state == 8 then
		tat = struct.unpack('>I8', t.state) / 1000
	end
	t.interval = t.window / t.max
	local longest = t.interval * t.burst
	if tat < now then
		tat = now
	elseif tat > now + longest + t.window then
		tat = now + longest
	end
	t.tat = tat
	local over = tat + t.interval * t.amount - now - longest
	t.passed, t.retry = over <= 0.0005, 0
	t.used = math.floor((tat - now) / t.interval + 0.999)
	if not t.passed then
		t.retry = t.amount > t.burst and -1 or math.floor(over + 0.999)
	end
end

local function count_gcra(t)
	return struct.pack('>I8', math.floor((t.tat + t.interval * t.amount) * 1000 + 0.5))
end

local takes, all = {}, true
for i = 1, n do
	local a = 3 + (i - 1) * 6
	local mark = tonumber(ARGV[a + 6])
	local t = {gcra = ARGV[a + 1] == '1', max = tonumber(ARGV[a + 2]), window = tonumber(ARGV[a + 3]),
		burst = tonumber(ARGV[a + 4]), amount = tonumber(ARGV[a + 5]), state = redis.call('GET', KEYS[i]) or '',
		mark = mark > 0 and KEYS[mark]}
	if t.mark and redis.call('EXISTS', t.mark) == 1 then
		t.amount, t.mark = 0, nil
	end
	if t.gcra then
		look_gcra(t)
	else
		look_sliding(t)
	end
	all = all and t.passed
	takes[i] = t
end
local answer, counts = {}, mode == 'count' or (mode == 'take' and all)
for i, t in ipairs(takes) do
	if counts and t.amount > 0 then
		redis.call('SET', KEYS[i], t.gcra and count_gcra(t) or count_sliding(t), 'PX', t.window)
		if t.mark then
			redis.call('SET', t.mark, '', 'PX', t.window)
		end
		t.used = t.used + t.amount
	end
	answer[#answer + 1] = t.passed and 1 or 0
	answer[#answer + 1] = t.used
	answer[#answer + 1] = t.retry
end
return answer
