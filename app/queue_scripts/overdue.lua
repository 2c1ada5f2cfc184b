-- Fail queued jobs whose deadline has passed. ARGV[2]: now (ISO); ARGV[3]: outcome (JSON); ARGV[4]: jobs at most.
-- Returns for each {id, model}.
local now, ended = clock(), {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', deadlines, '-inf', exact(now), 'LIMIT', 0, ARGV[4])) do
  local job = job_key(id)
  local status, queue, model, keep = unpack(redis.call('HMGET', job, 'status', 'origin', 'model', 'failure_ttl'))
  if status == 'queued' then
    take_from_line(queue, id)
    redis.call('HSET', job, 'status', 'failed', 'ended_at', ARGV[2], 'outcome', ARGV[3])
    redis.call('EXPIRE', job, keep)
    redis.call('ZADD', rq .. ':failed:' .. queue, math.floor(now) + keep, id)
    announce_end(id)
    ended[#ended + 1] = {id, model}
  end
  redis.call('ZREM', deadlines, id)
end
return ended
