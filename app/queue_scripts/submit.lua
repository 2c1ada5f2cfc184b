-- Accept a job: bound, idempotency, job, place in the line and doorbell, all or nothing.
-- ARGV[2]: JSON {id, model, queue, tenant, cost, max_waiting, max_open (may be absent), retention_seconds,
-- idempotency (a key, may be absent), fingerprint}; ARGV[3...]: names and values of the job's hash.
-- Returns {'accepted', jobs ahead} | {'known', id} | {'reused'}
--       | {'full' or 'limited' (the tenant), age of the oldest job in seconds}.
local ask = cjson.decode(ARGV[2])
local now = clock()

-- This very call was sent before and its answer was lost.
if redis.call('EXISTS', job_key(ask.id)) == 1 then return {'known', ask.id} end

-- The client sent the same request before and did not hear the answer.
if ask.idempotency then
  local known = redis.call('HMGET', ask.idempotency, 'job', 'fingerprint')
  if known[1] and redis.call('EXISTS', job_key(known[1])) == 1 then
    if known[2] ~= ask.fingerprint then return {'reused'} end
    return {'known', known[1]}
  end
end

-- The bound holds for all priorities of the model together.
local waiting, oldest = 0, now
for _, queue in ipairs(queues_of(ask.model)) do
  waiting = waiting + redis.call('LLEN', queue_key(queue))
  local head = redis.call('LINDEX', queue_key(queue), 0)
  local since = head and redis.call('HGET', job_key(head), 'queued_at')
  oldest = math.min(oldest, tonumber(since or now))
end
if waiting >= ask.max_waiting then return {'full', exact(now - oldest)} end

-- The bound on one tenant; who is about to reach it is counted afresh, without what RQ's own tools have ended.
local open = open_key(ask.tenant)
if ask.max_open and redis.call('SCARD', open) >= ask.max_open then
  for _, id in ipairs(redis.call('SMEMBERS', open)) do
    local status = redis.call('HGET', job_key(id), 'status')
    if status ~= 'queued' and status ~= 'started' then redis.call('SREM', open, id) end
  end
  if redis.call('SCARD', open) >= ask.max_open then return {'limited', exact(now - oldest)} end
end

-- Start-time fair queueing (Goyal, Vin and Cheng, 1996): a tenant's next job starts where its last one ended,
-- but never in the past, so nobody saves up credit and a newcomer goes before the rest of a hog's line.
local shares = shares_key(ask.queue)
local share = 'tenant:' .. ask.tenant
local place = math.max(present_of(ask.queue), tonumber(redis.call('HGET', shares, share) or 0))
redis.call('HSET', shares, share, exact(place + ask.cost))

redis.call('HSET', job_key(ask.id), unpack(ARGV, 3))
redis.call('HSET', job_key(ask.id), 'queued_at', exact(now))
put_in_line(ask.queue, ask.id, exact(place), false)
redis.call('SADD', open, ask.id)
redis.call('SADD', rq .. ':queues', queue_key(ask.queue))
if ask.idempotency then
  redis.call('HSET', ask.idempotency, 'job', ask.id, 'fingerprint', ask.fingerprint)
  redis.call('EXPIRE', ask.idempotency, ask.retention_seconds)
end

-- List the job, and drop the oldest entries whose jobs have expired: each call adds one and looks at two.
for _, index in ipairs({'easel:jobs', 'easel:jobs:' .. ask.tenant}) do
  redis.call('ZADD', index, 0, ask.id)
  for _, old in ipairs(redis.call('ZRANGE', index, 0, 1)) do
    if redis.call('EXISTS', job_key(old)) == 0 then redis.call('ZREM', index, old) end
  end
end

ring(ask.queue)
return {'accepted', jobs_ahead(ask.model, ask.queue, ask.id)}
