-- Do one step of a store: all of its changes, or none where something else is there than believed.
--
-- KEYS[1]  the hash of records: name -> document
-- KEYS[2]  the names in their order
-- KEYS[3]  names by the revision of their newest change
-- KEYS[4]  the audit by revision
-- KEYS[5]  the revision
-- ARGV     how many changes the audit keeps, the channel that is told, then for each name:
--            name
--            document     that is believed to be there, or "" for none
--            what         to do: "remove", "keep", or "" for nothing
--            head, tail   of the new document, around its revision
--            three parts  of the audit's text, around the same revision
-- Reply    1 and the revision of each change ("" for none), or 0 and the documents that are there

local kept, channel = tonumber(ARGV[1]), ARGV[2]
local answers, fresh = {1}, true
for i = 3, #ARGV, 8 do
    local text = redis.call('HGET', KEYS[1], ARGV[i]) or ''
    fresh = fresh and text == ARGV[i + 1]
    answers[#answers + 1] = text
end
if not fresh then
    answers[1] = 0
    return answers
end
local first = tonumber(redis.call('GET', KEYS[5]) or '0')
local revision, place = first, 1
for i = 3, #ARGV, 8 do
    place = place + 1
    local name, what = ARGV[i], ARGV[i + 2]
    answers[place] = ''
    if what ~= '' then
        revision = revision + 1
        local r = string.format('%.0f', revision)
        local told = ARGV[i + 5] .. r .. ARGV[i + 6]
        if what == 'remove' then
            redis.call('HDEL', KEYS[1], name)
            redis.call('ZREM', KEYS[2], name)
        else
            redis.call('HSET', KEYS[1], name, ARGV[i + 3] .. r .. ARGV[i + 4])
            redis.call('ZADD', KEYS[2], 0, name)
            told = told .. r .. ARGV[i + 7]
        end
        redis.call('ZADD', KEYS[3], r, name)
        redis.call('ZADD', KEYS[4], r, told)
        answers[place] = r
    end
end
if revision > first then
    local r = string.format('%.0f', revision)
    redis.call('SET', KEYS[5], r)
    redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.0f', revision - kept))
    redis.call('PUBLISH', channel, r)
end
return answers
