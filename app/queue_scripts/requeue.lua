-- Queue a failed job again, by hand, as if for the first time. ARGV[2]: id.
-- Returns the status it had in RQ's words, or '' if there is no such job; only 'failed' has led to anything.
local id = ARGV[2]
local job = job_key(id)
local status, queue = unpack(redis.call('HMGET', job, 'status', 'origin'))
if status ~= 'failed' then return status or '' end
redis.call('ZREM', rq .. ':failed:' .. queue, id)
redis.call('HSET', job, 'status', 'queued', 'started_at', '', 'ended_at', '', 'queued_at', exact(clock()))
redis.call('HDEL', job, 'outcome', 'committed', 'deaths', 'deadline_at')
redis.call('PERSIST', job)
redis.call('PERSIST', batch_key(redis.call('HGET', job, 'batch') or ''))
put_in_line(queue, id, exact(present_of(queue)), false)
redis.call('SADD', open_key(redis.call('HGET', job, 'tenant') or ''), id)
ring(queue)
return status
