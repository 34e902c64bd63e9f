-- Claim, enqueue and move the cursor, for a batch of occurrences, in one step.
--
-- KEYS[1]    the hash of cursors of one namespace: entry -> "<fire time> <fingerprint>"
-- KEYS[2...] the lists (queues) that messages go to
-- ARGV       for each dispatch, one after another:
--              claim     the number of commands (-1: only tell where the cursor stands) and a
--                        colon, then lines: the fire time at which the cursor must stand for the
--                        claim to win, and a space; what is kept when it wins,
--                        "<fire time> <fingerprint>"; for each command "L" or "E" and the number
--                        of its key among KEYS, or "P" and the channel; and the rest is the entry
--              one argument for each command: L pushes it, E expires the key after so many
--                        milliseconds, P publishes it
-- Reply      first one letter for each dispatch: "+" it was enqueued, "=" the cursor stands
--            elsewhere, "!" it cannot be enqueued; then, in order, for each "=" the cursor and for
--            each "!" the reason
--
-- A script that fails in the middle is not undone. So everything that can be known to fail is
-- looked at first, and messages are pushed before cursors move: at worst one is repeated. What is
-- published comes after both, for a server that takes no writes would publish at each try; where it
-- is refused the cursor goes back.

local cursors = KEYS[1]
local byte, find, sub = string.byte, string.find, string.sub

-- A queue's key that holds something else would fail in the middle.
local bad = {}
for number = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[number]).ok
  if kind ~= 'none' and kind ~= 'list' then
    bad['L' .. number] = 'the key ' .. KEYS[number] .. ' holds a ' .. kind .. ', not a list'
  end
end

local entries = {}
local previous, cursors_to, commands, places = {}, {}, {}, {} -- of each dispatch, by its number
local asks = {}
local place, size = 1, #ARGV
while place <= size do
  local number = #entries + 1
  local claim = ARGV[place]
  local colon = find(claim, ':', 1, true)
  local count = tonumber(sub(claim, 1, colon - 1))
  if count < 0 then
    asks[number] = true
    count = 0
  end
  local first = find(claim, '\n', colon, true)
  local last = find(claim, '\n', first + 1, true)
  previous[number] = sub(claim, colon + 1, first - 1)
  cursors_to[number] = sub(claim, first + 1, last - 1)
  local found = {}
  for step = 1, count do
    local start = last + 1
    last = find(claim, '\n', start, true)
    found[step] = sub(claim, start, last - 1)
  end
  commands[number] = found
  entries[number] = sub(claim, last + 1)
  places[number] = place
  place = place + 1 + count
end
local kept = redis.call('HMGET', cursors, unpack(entries))

local moved = {} -- entry -> its cursor after earlier dispatches of this batch
local letters, told = {}, {} -- of each dispatch, by its number
local pushes, order = {}, {} -- command "L..." -> its messages; those commands, in order
local stood = {} -- the cursors before dispatches that publish, by their numbers
local others = {} -- expire and publish, done after the pushes
local moves = {}

-- Where an entry of which nothing is kept stands, as the beat knows it.
local function believed(number)
  local kept_then = cursors_to[number]
  return previous[number] .. sub(kept_then, find(kept_then, ' ', 1, true) + 1)
end

-- The entry stays where it is, and so does what follows in this batch.
local function stay(number, stands)
  moved[entries[number]] = stands or believed(number)
end

local function push(command, argument)
  local list = pushes[command]
  if not list then
    list = {}
    pushes[command] = list
    order[#order + 1] = command
  end
  list[#list + 1] = argument
end

for number, entry in ipairs(entries) do
  local expected, found = previous[number], commands[number]
  local stands = moved[entry] or kept[number]
  -- A cursor that is not known was lost with its messages: the beat that knows it is believed.
  if stands and sub(stands, 1, #expected) ~= expected then
    letters[number] = '='
    told[number] = stands
  elseif asks[number] then
    letters[number] = '='
    told[number] = stands or expected
    stay(number, stands)
  else
    local reason = nil
    for _, command in ipairs(found) do
      reason = reason or bad[command]
    end
    if reason then
      letters[number] = '!'
      told[number] = reason
      stay(number, stands)
    else
      for step, command in ipairs(found) do
        local argument = ARGV[places[number] + step]
        local letter = byte(command)
        if letter == 76 then -- L
          push(command, argument)
        elseif letter == 69 then -- E
          others[#others + 1] = { 'PEXPIRE', KEYS[tonumber(sub(command, 2))], argument }
        else
          others[#others + 1] = { 'PUBLISH', sub(command, 2), argument, number = number }
          stood[number] = stands or '' -- nothing was kept
        end
      end
      letters[number] = '+'
      moved[entry] = cursors_to[number]
      moves[#moves + 1] = entry
      moves[#moves + 1] = cursors_to[number]
    end
  end
end

for _, command in ipairs(order) do
  local key, list = KEYS[tonumber(sub(command, 2))], pushes[command]
  for start = 1, #list, 4000 do -- `unpack` ends at about 8,000
    redis.call('LPUSH', key, unpack(list, start, math.min(start + 3999, #list)))
  end
end
if #moves > 0 then redis.call('HSET', cursors, unpack(moves)) end
local back = {}
for _, other in ipairs(others) do
  local number, answer = other.number, redis.pcall(unpack(other))
  if number and type(answer) == 'table' and letters[number] == '+' then
    letters[number] = '!'
    told[number] = 'nothing can be published to ' .. other[2] .. ': ' .. answer.err
    local entry = entries[number]
    if not back[entry] and stood[number] == '' then
      redis.call('HDEL', cursors, entry)
    elseif not back[entry] then
      redis.call('HSET', cursors, entry, stood[number])
    end
    back[entry] = true
  end
end

local reply = { table.concat(letters) }
for number = 1, #entries do
  reply[#reply + 1] = told[number]
end
return reply
