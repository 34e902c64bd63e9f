-- Tell who holds a key.
--
-- KEYS[1]  the lease: a string "<token> <owner>" that the server expires
-- Reply    "<token> <owner>" (empty while the key is free), the milliseconds that are left, and the
--          server's time in milliseconds since 1970

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
return { redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1]), now }
