-- Give a key back, unless the lease has ended, and tell who waits for it.
--
-- KEYS[1]  the lease: a string "<token> <owner>" that the server expires; also the name of the
--          channel on which those listen who wait for the key
-- ARGV[1]  "<token> <owner>" of the lease to release
-- Reply    1 when it was still held, else 0

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
-- A user who may not publish has given the key back all the same; who waits looks each second.
redis.pcall('PUBLISH', KEYS[1], ARGV[1])
return 1
