-- Find jobs whose images are to be removed, because the record is gone. ARGV[2]: jobs at most. Returns their ids.
local now, due = clock(), {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', images_due, '-inf', exact(now), 'LIMIT', 0, ARGV[2])) do
  local left = redis.call('PTTL', job_key(id))
  if left == -2 then
    due[#due + 1] = id
  elseif left == -1 then
    redis.call('ZREM', images_due, id)  -- queued again; its next end counts
  else
    redis.call('ZADD', images_due, exact(now + left / 1000), id)
  end
end
return due
