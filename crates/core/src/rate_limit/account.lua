-- One step of an account's rate limit. Times are microseconds of Redis' own clock. KEYS: the account, its released permits,
-- and a card's cooldown. ARGV: what to do, the caller's seed and position, then what
-- the step takes.
local account, released, card = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', account, 'next', 'seed', 'position', 'unused')
-- Unused: places in the walk of nonces that were reserved and not used.
local due, seed, position, unused = tonumber(state[1]), state[2], tonumber(state[3]), state[4] or ''
if not (due and seed and position) then
  -- New, or lost: the caller says how far it knows the walk of nonces. What went out in the last second is not known here.
  due, seed, position, unused = 0, ARGV[2], tonumber(ARGV[3]), ''
  if position > 0 then due = now + 1000000 end
end

-- Numbers as Redis takes them: Lua would shorten large ones.
local function text(number)
  return string.format('%.0f', number)
end

local function save()
  redis.call('HSET', account, 'next', text(due), 'seed', seed, 'position', text(position), 'unused', unused)
  redis.call('EXPIRE', account, 2592000)
end

-- The place of a permit that was not used, unless it lies too far back, or else the next one in the walk.
local function take_place()
  while unused ~= '' do
    local first, rest = string.match(unused, '^(%d+),(.*)$')
    unused = rest
    if tonumber(first) >= position - 1024 then return tonumber(first) end
  end
  position = position + 1
  return position - 1
end

-- A permit may be this late, so that calls that are a little late do not make all later ones late too. It is due `ahead`
-- of now or later: not before the caller can know of it.
local function reserve(interval, patience, max_ahead, cooldown, token, max_late, ahead)
  if cooldown > 0 then
    local left = redis.call('PTTL', card)
    if left > 0 then return { 'cooldown', left } end
  end
  if due > now + max_ahead then
    due = 0
    redis.call('DEL', released)
  end
  local at = now
  if interval > 0 then
    local earliest = now + ahead
    redis.call('ZREMRANGEBYSCORE', released, '-inf', '(' .. text(now))
    local free = redis.call('ZRANGE', released, 0, 0)[1]
    if free and tonumber(free) < earliest then free = nil end
    at = tonumber(free) or (due + max_late >= earliest and due) or earliest
    if at - now >= patience then return { 'wait', at - now } end
    if free then redis.call('ZREM', released, free) else due = at + interval end
  end
  if cooldown > 0 then redis.call('SET', card, token, 'PX', text(cooldown)) end
  local mine = take_place()
  save()
  return { 'permit', math.max(at - now, 0), at, mine, seed }
end

local function release(interval, at, mine)
  if position == mine + 1 then
    position = mine
  elseif seed == ARGV[2] and #unused < 256 then
    unused = unused .. text(mine) .. ','
  end
  if due == at + interval then
    due = at
  elseif at > now and redis.call('ZCARD', released) < 64 then
    redis.call('ZADD', released, text(at), text(at))
    redis.call('EXPIRE', released, 86400)
  end
  save()
end

local function pause(length)
  due = math.max(due, now + length)
  redis.call('ZREMRANGEBYSCORE', released, '-inf', '(' .. text(now + length))
  save()
end

if ARGV[1] == 'reserve' then
  return reserve(tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8],
    tonumber(ARGV[9]), tonumber(ARGV[10]))
elseif ARGV[1] == 'release' then
  release(tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]))
elseif ARGV[1] == 'pause' then
  pause(tonumber(ARGV[4]))
elseif redis.call('GET', card) == ARGV[4] then
  redis.call('DEL', card)
end
return { 'done' }
