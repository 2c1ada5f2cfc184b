-- Cancel a job, as rq.job.Job.cancel does. ARGV[2]: id; ARGV[3]: ended_at (ISO); ARGV[4]: seconds that a job is kept which
-- does not say so itself.
-- Returns the status it had in RQ's words, or '' if there is no such job. A worker that runs it is told at once, and the
-- fence drops whatever it still writes.
local id, ended_at = ARGV[2], ARGV[3]
local job = job_key(id)
local status, queue, worker, keep = unpack(redis.call('HMGET', job, 'status', 'origin', 'worker_name', 'result_ttl'))
if not status then return '' end
if status ~= 'queued' and status ~= 'started' then return status end

keep = tonumber(keep or ARGV[4])
take_from_line(queue, id)
redis.call('HSET', job, 'status', 'canceled', 'ended_at', ended_at)
for _, execution_id in ipairs(redis.call('ZRANGE', rq .. ':executions:' .. id, 0, -1)) do
  end_execution(queue, id .. ':' .. execution_id)
end
redis.call('EXPIRE', job, keep)

-- RQ never empties this registry; entries go when their jobs do.
local now = math.floor(clock())
local registry = rq .. ':canceled:' .. queue
redis.call('ZADD', registry, now, id)
redis.call('ZREMRANGEBYSCORE', registry, 0, now - keep)

if status == 'started' then
  redis.call('PUBLISH', rq .. ':pubsub:' .. worker, cjson.encode({command = 'stop-job', job_id = id}))
end
announce_end(id)
return status
