-- Change a claim of a run: let it last longer, finish it, or let another copy have it.
--
-- KEYS[1]  the run: a string "<attempt> <end> <owner>", see run_claim.lua
-- ARGV[1]  the attempt
-- ARGV[2]  owner
-- ARGV[3]  how long the claim lasts from now on, in milliseconds; "done" when the attempt is over;
--          "free" when another copy shall run
-- ARGV[4]  how long the run is remembered, in milliseconds
-- Reply    "kept", or "lost <owner>" when the run is another's, or over

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('GET', KEYS[1])
if kept then
  local number, ends, owner = string.match(kept, '^(%d+) (%w+) (.*)$')
  if not number then
    return redis.error_reply('WRONGTYPE the key ' .. KEYS[1] .. ' holds a text that is no claim')
  end
  local own = tonumber(number) == tonumber(ARGV[1]) and owner == ARGV[2]
  if own then
    if ends == 'done' and ARGV[3] ~= 'done' then return 'lost ' .. owner end
  elseif ARGV[3] == 'free' or tonumber(number) >= tonumber(ARGV[1]) then
    return 'lost ' .. owner
  end
elseif ARGV[3] == 'free' then
  return 'lost '
end

local ends = ARGV[3]
if ends == 'free' then
  ends = string.format('%.0f', now)
elseif ends ~= 'done' then
  ends = string.format('%.0f', now + ARGV[3])
end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ends .. ' ' .. ARGV[2], 'PX', ARGV[4])
return 'kept'
