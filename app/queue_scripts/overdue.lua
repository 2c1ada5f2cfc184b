-- Fail queued jobs whose deadline has passed. ARGV[2]: now (ISO); ARGV[3]: outcome (JSON); ARGV[4]: jobs at most.
-- Returns for each {id, model}.
local ended = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', deadlines, '-inf', exact(clock()), 'LIMIT', 0, ARGV[4])) do
  local queue, model = unpack(redis.call('HMGET', job_key(id), 'origin', 'model'))
  if fail_waiting(queue, id, ARGV[2], ARGV[3]) then ended[#ended + 1] = {id, model} end
  redis.call('ZREM', deadlines, id)
end
return ended
