-- Let a lease end later, unless it has ended.
--
-- KEYS[1]  the lease: a string "<token> <owner>" that the server expires
-- ARGV[1]  "<token> <owner>" of the lease to renew
-- ARGV[2]  how long it lasts from now on, in milliseconds
-- Reply    1, and the server's time in milliseconds since 1970; 0 when the lease has ended, whoever
--          holds the key now

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return { 0, now } end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 1, now }
