-- Forget an ended job, as rq.job.Job.delete does, and leave all lists. ARGV[2]: id; ARGV[3]: seconds after which its
-- images are removed once more, for a worker may still be storing one.
-- Returns the status it had in RQ's words, or '' if there is no such job; one that is 'queued' or 'started' stays.
local id = ARGV[2]
local job = job_key(id)
local status, queue, tenant = unpack(redis.call('HMGET', job, 'status', 'origin', 'tenant'))
if not status or status == 'queued' or status == 'started' then return status or '' end
for _, registry in ipairs({'finished', 'failed', 'canceled'}) do
  redis.call('ZREM', rq .. ':' .. registry .. ':' .. queue, id)
end
redis.call('DEL', job, rq .. ':results:' .. id, rq .. ':executions:' .. id, previews_key(id))
redis.call('ZREM', 'easel:jobs', id)
redis.call('ZREM', 'easel:jobs:' .. (tenant or ''), id)
redis.call('ZADD', images_due, exact(clock() + ARGV[3]), id)
return status
