-- Claim one attempt of a run, if nobody has it and no later one has begun.
--
-- KEYS[1]  the run: a string "<attempt> <end> <owner>" that the server forgets in time; the end in
--          milliseconds since 1970, or "done" where nothing is left to run
-- ARGV[1]  the attempt
-- ARGV[2]  owner
-- ARGV[3]  how long the claim lasts, in milliseconds, or "done" for good
-- ARGV[4]  how long the run is remembered, in milliseconds
-- Reply    "won", or "held <milliseconds that the other's claim lasts> <owner>", or "done 0 <owner>";
--          one text, for it is read in half the time of three

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local kept = redis.call('GET', KEYS[1])
if kept then
  local number, ends, owner = string.match(kept, '^(%d+) (%w+) (.*)$')
  if not number then
    return redis.error_reply('WRONGTYPE the key ' .. KEYS[1] .. ' holds a text that is no claim')
  end
  if tonumber(number) > tonumber(ARGV[1]) then return 'done 0 ' .. owner end
  if tonumber(number) == tonumber(ARGV[1]) and owner ~= ARGV[2] then
    if ends == 'done' then return 'done 0 ' .. owner end
    local left = tonumber(ends) - now
    if left > 0 then return 'held ' .. string.format('%.0f', left) .. ' ' .. owner end
  end
end

local ends = ARGV[3]
if ends ~= 'done' then ends = string.format('%.0f', now + ARGV[3]) end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ends .. ' ' .. ARGV[2], 'PX', ARGV[4])
return 'won'
