-- Claim, enqueue and move the cursor, for a batch of occurrences, in one step.
--
-- KEYS[1]    the hash of cursors of one namespace: entry -> "<fire time> <fingerprint>"
-- KEYS[2...] the lists (queues) that messages go to
-- ARGV       for each dispatch, one after another:
--              entry
--              claim     lines: the fire time at which the cursor must stand for the claim to win;
--                        what is kept when it wins, "<fire time> <fingerprint>"; then a line for
--                        each command: "L" or "E" and the number of its key among KEYS, or "P" and
--                        the channel; no such line: only tell where the cursor stands
--              one argument for each command: L pushes it, E expires the key after so many
--                        milliseconds, P publishes it
-- Reply      first one letter for each dispatch: "+" it was enqueued, "=" the cursor stands
--            elsewhere, "!" it cannot be enqueued; then, in order, for each "=" the cursor and for
--            each "!" the reason
--
-- A script that fails in the middle is not undone. So everything that can be known to fail is
-- looked at first, and messages are pushed before cursors move: at worst one is repeated.

local cursors = KEYS[1]
local find, sub = string.find, string.sub

-- A queue's key that holds something else would fail in the middle.
local bad = {}
for number = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[number]).ok
  if kind ~= 'none' and kind ~= 'list' then
    bad['L' .. number] = 'the key ' .. KEYS[number] .. ' holds a ' .. kind .. ', not a list'
  end
end

local entries, claims, arguments = {}, {}, {} -- `arguments`: where the first of each is in ARGV
local place = 1
while place <= #ARGV do
  local claim = ARGV[place + 1]
  local number = #entries + 1
  entries[number], claims[number], arguments[number] = ARGV[place], claim, place + 2
  place = place + 2
  local _, lines = string.gsub(claim, '\n', '')
  place = place + lines - 1
end
local kept = redis.call('HMGET', cursors, unpack(entries))

local moved = {} -- entry -> its cursor after earlier dispatches of this batch
local letters, words = {}, {}
local pushes, order = {}, {} -- command "L..." -> its messages; those commands, in order
local others = {} -- expire and publish, done after the pushes
local moves = {}

for number, entry in ipairs(entries) do
  local claim = claims[number]
  local first = find(claim, '\n', 1, true)
  local second = find(claim, '\n', first + 1, true)
  local previous = sub(claim, 1, first - 1)
  local stands = moved[entry] or kept[number]
  -- A cursor that is not known was lost with its messages: the beat that knows it is believed.
  if stands and sub(stands, 1, first) ~= previous .. ' ' then
    letters[number] = '='
    words[#words + 1] = stands
  elseif not second then
    letters[number] = '='
    stands = stands or previous .. ' '
    words[#words + 1] = stands
    moved[entry] = stands
  else
    local commands = {}
    for command in string.gmatch(sub(claim, second + 1), '[^\n]+') do
      commands[#commands + 1] = command
    end
    local reason = nil
    for _, command in ipairs(commands) do
      reason = reason or bad[command]
    end
    if reason then
      letters[number] = '!'
      words[#words + 1] = reason
      moved[entry] = stands or previous .. ' '
    else
      for step, command in ipairs(commands) do
        local argument = ARGV[arguments[number] + step - 1]
        local letter = sub(command, 1, 1)
        if letter == 'L' then
          local list = pushes[command]
          if not list then
            list = {}
            pushes[command] = list
            order[#order + 1] = command
          end
          list[#list + 1] = argument
        elseif letter == 'E' then
          others[#others + 1] = { 'PEXPIRE', KEYS[tonumber(sub(command, 2))], argument }
        else
          others[#others + 1] = { 'PUBLISH', sub(command, 2), argument }
        end
      end
      local cursor = sub(claim, first + 1, second - 1)
      letters[number] = '+'
      moved[entry] = cursor
      moves[#moves + 1] = entry
      moves[#moves + 1] = cursor
    end
  end
end

for _, command in ipairs(order) do
  redis.call('LPUSH', KEYS[tonumber(sub(command, 2))], unpack(pushes[command]))
end
if #moves > 0 then redis.call('HSET', cursors, unpack(moves)) end
for _, other in ipairs(others) do
  redis.call(unpack(other))
end
table.insert(words, 1, table.concat(letters))
return words
