-- Tell where entries stand; those never seen, or edited since, start where the beat says.
--
-- KEYS[1]  the hash of cursors of one namespace: entry -> "<fire time> <fingerprint>"
-- ARGV     for each entry, one after another:
--            entry
--            fingerprint  of its schedule
--            anchor       where counting starts for an entry that was edited or never seen
--            copy         where it stood by a copy of the cursors, or ""; counts where none is known
-- Reply    for each entry its fire time

local cursors = KEYS[1]
local entries = {}
for place = 1, #ARGV, 4 do
  entries[#entries + 1] = ARGV[place]
end
local kept = redis.call('HMGET', cursors, unpack(entries))

local reply, moves = {}, {}
for number, entry in ipairs(entries) do
  local place = 4 * (number - 1)
  local fingerprint, anchor, copy = ARGV[place + 2], ARGV[place + 3], ARGV[place + 4]
  local at, of = string.match(kept[number] or '', '^(%S+) (.*)$')
  if of ~= fingerprint then
    at = (not at and copy ~= '') and copy or anchor
    moves[#moves + 1] = entry
    moves[#moves + 1] = at .. ' ' .. fingerprint
  end
  reply[number] = at
end
if #moves > 0 then redis.call('HSET', cursors, unpack(moves)) end
return reply
