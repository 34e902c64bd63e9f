-- Take a key that nobody holds; the owner that holds it already renews.
--
-- KEYS[1]  the lease: a string "<token> <owner>" that the server expires; none while it is free
-- KEYS[2]  the newest fencing token of the namespace
-- ARGV[1]  owner
-- ARGV[2]  how long the lease lasts, in milliseconds
-- Reply    the fencing token, and the server's time in milliseconds since 1970; an empty token
--          while another owner holds the key

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local held = redis.call('GET', KEYS[1])
if held then
  local token, owner = string.match(held, '^(%d+) (.*)$')
  if not token then
    return redis.error_reply('WRONGTYPE the key ' .. KEYS[1] .. ' holds a text that is no lease')
  end
  if owner ~= ARGV[1] then return { '', string.format('%.0f', now) } end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return { token, string.format('%.0f', now) }
end

-- At least the time: a server that has lost its data gives out no token a second time.
local last = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local token = string.format('%.0f', math.max(last + 1, now))
-- The token first: a script that fails in the middle is not undone.
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[1], 'PX', ARGV[2])
return { token, string.format('%.0f', now) }
