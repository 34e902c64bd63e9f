-- Claim, enqueue and move the cursor, for a batch of occurrences, in one step.
--
-- KEYS[1]    the hash of cursors of one namespace: entry -> "<fire time> <fingerprint>"
-- KEYS[2...] the lists (queues) that messages go to
-- ARGV       for each dispatch, one after another:
--              entry
--              previous  the fire time at which the cursor must stand for the claim to win
--              cursor    what is kept when it wins: "<fire time> <fingerprint>"
--              n         how many commands follow; -1: only tell where the cursor stands
--              n times:  command (L push, E expire, P publish), the number of its key among
--                        KEYS (P: the channel), argument
-- Reply      for each dispatch a string: "+" when it was enqueued, "!" and a reason when it cannot
--            be, "=" and the cursor when it stands elsewhere
--
-- A script that fails in the middle is not undone. So everything that can be known to fail is
-- looked at first, and messages are pushed before cursors move: at worst one is repeated.

local cursors = KEYS[1]

-- A queue's key that holds something else would fail in the middle.
local bad = {}
for number = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[number])
  kind = kind.ok or kind
  if kind ~= 'none' and kind ~= 'list' then
    bad[number] = 'the key ' .. KEYS[number] .. ' holds a ' .. kind .. ', not a list'
  end
end

local entries, places = {}, {}
local place = 1
while place <= #ARGV do
  entries[#entries + 1] = ARGV[place]
  places[#places + 1] = place
  local count = tonumber(ARGV[place + 3])
  place = place + 4 + 3 * math.max(count, 0)
end
local kept = redis.call('HMGET', cursors, unpack(entries))

local moved = {} -- entry -> its cursor after earlier dispatches of this batch
local reply = {}
local pushes, order = {}, {} -- the number of a list's key -> its messages; those numbers, in order
local others = {} -- expire and publish, done after the pushes
local moves = {}

for number, entry in ipairs(entries) do
  local place = places[number]
  local previous, cursor = ARGV[place + 1], ARGV[place + 2]
  local count = tonumber(ARGV[place + 3])
  local stands = moved[entry] or kept[number]
  -- A cursor that is not known was lost with its messages: the beat that knows it is believed.
  if stands and string.sub(stands, 1, #previous + 1) ~= previous .. ' ' then
    reply[number] = '=' .. stands
  elseif count < 0 then
    reply[number] = '=' .. (stands or previous .. ' ')
    moved[entry] = stands or previous .. ' '
  else
    local reason = nil
    for step = 0, count - 1 do
      local at = place + 4 + 3 * step
      if ARGV[at] == 'L' then reason = reason or bad[tonumber(ARGV[at + 1])] end
    end
    if reason then
      reply[number] = '!' .. reason
      moved[entry] = stands or previous .. ' '
    else
      for step = 0, count - 1 do
        local at = place + 4 + 3 * step
        local command, key, argument = ARGV[at], ARGV[at + 1], ARGV[at + 2]
        if command == 'L' then
          local list = pushes[key]
          if not list then
            list = {}
            pushes[key] = list
            order[#order + 1] = key
          end
          list[#list + 1] = argument
        elseif command == 'E' then
          others[#others + 1] = { 'PEXPIRE', KEYS[tonumber(key)], argument }
        else
          others[#others + 1] = { 'PUBLISH', key, argument }
        end
      end
      moved[entry] = cursor
      moves[#moves + 1] = entry
      moves[#moves + 1] = cursor
      reply[number] = '+'
    end
  end
end

for _, key in ipairs(order) do
  redis.call('LPUSH', KEYS[tonumber(key)], unpack(pushes[key]))
end
if #moves > 0 then redis.call('HSET', cursors, unpack(moves)) end
for _, other in ipairs(others) do
  redis.call(unpack(other))
end
return reply
