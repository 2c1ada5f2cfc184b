-- Accept jobs: bounds, idempotency, jobs, places in the line and doorbell, all or nothing.
-- ARGV[2]: JSON {tenant, jobs: [{id, model, queue, cost, deadline_seconds (may be absent)}], max_waiting, max_open (may
-- be absent), batch (the id by which they are found together, may be absent), idempotency (a key, may be absent),
-- fingerprint, key_seconds, rates: [{name, bucket, per_minute, count}],
-- budget: {counter, limit, keep_seconds} (may be absent)}; ARGV[3...]: for each job the number of names and values of its
-- hash, and these.
-- Returns {'accepted', jobs ahead of the first, now, standing of the rates} | {'known', id} | {'gone', id} | {'reused'}
--       | {'full', age of the oldest waiting job in seconds}
--       | {'limited', the tenant's open jobs, age of the oldest of them in seconds}
--       | {'too fast', name of the rate, seconds to wait, standing} | {'spent', pixel-steps, what this costs}.
local ask = cjson.decode(ARGV[2])
local now = clock()
local new = {id = ask.jobs[1].id, record = job_key(ask.jobs[1].id)}
if ask.batch then new = {id = ask.batch, record = batch_key(ask.batch)} end

-- This very call was sent before and its answer was lost.
if redis.call('EXISTS', new.record) == 1 then return {'known', new.id} end

-- The client sent the same request before and did not hear the answer.
if ask.idempotency then
  local id, record, fingerprint = unpack(redis.call('HMGET', ask.idempotency, 'id', 'record', 'fingerprint'))
  if id then
    if fingerprint ~= ask.fingerprint then return {'reused'} end
    return {redis.call('EXISTS', record) == 1 and 'known' or 'gone', id}
  end
end

-- The bound holds for all priorities of a model together.
local wanted = {}
for _, job in ipairs(ask.jobs) do wanted[job.model] = (wanted[job.model] or 0) + 1 end
for model, count in pairs(wanted) do
  local waiting, oldest = count, now
  for _, queue in ipairs(queues_of(model)) do
    waiting = waiting + redis.call('LLEN', queue_key(queue))
    local head = redis.call('LINDEX', queue_key(queue), 0)
    local since = head and redis.call('HGET', job_key(head), 'queued_at')
    oldest = math.min(oldest, tonumber(since or now))
  end
  if waiting > ask.max_waiting then return {'full', exact(now - oldest)} end
end

-- The bound on one tenant; who is about to reach it is counted afresh, without what RQ's own tools have ended.
local open = open_key(ask.tenant)
if ask.max_open and redis.call('SCARD', open) + #ask.jobs > ask.max_open then
  local since_first = now
  for _, id in ipairs(redis.call('SMEMBERS', open)) do
    local status, since = unpack(redis.call('HMGET', job_key(id), 'status', 'queued_at'))
    if status ~= 'queued' and status ~= 'started' then
      redis.call('SREM', open, id)
    else
      since_first = math.min(since_first, tonumber(since or now))
    end
  end
  local left = redis.call('SCARD', open)
  if left + #ask.jobs > ask.max_open then return {'limited', left, exact(now - since_first)} end
end

-- The bounds of the key; what is refused, for whatever reason, takes nothing from them.
for _, rate in ipairs(ask.rates) do
  local wait = wait_for(rate, now)
  if wait > 1e-3 then return {'too fast', rate.name, exact(wait), standing(ask.rates, now)} end
end
if ask.budget then
  local spent = redis.call('GET', ask.budget.counter) or '0'
  local cost = 0
  for _, job in ipairs(ask.jobs) do cost = cost + job.cost end
  if tonumber(spent) + cost > ask.budget.limit then return {'spent', spent, exact(cost)} end
  charge(ask.budget, cost)
end
for _, rate in ipairs(ask.rates) do take(rate, now) end

-- Start-time fair queueing (Goyal, Vin and Cheng, 1996): a tenant's next job starts where its last one ended,
-- but never in the past, so nobody saves up credit and a newcomer goes before the rest of a hog's line.
local function fair_place(job)
  local shares, share = shares_key(job.queue), 'tenant:' .. ask.tenant
  local place = math.max(present_of(job.queue), tonumber(redis.call('HGET', shares, share) or 0))
  redis.call('HSET', shares, share, exact(place + job.cost))
  return exact(place)
end

-- List a job, and drop the oldest entries whose jobs have expired: each call adds one and looks at two.
local function list(id)
  for _, index in ipairs({'easel:jobs', 'easel:jobs:' .. ask.tenant}) do
    redis.call('ZADD', index, 0, id)
    for _, old in ipairs(redis.call('ZRANGE', index, 0, 1)) do
      if redis.call('EXISTS', job_key(old)) == 0 then redis.call('ZREM', index, old) end
    end
  end
end

local at = 3
for _, job in ipairs(ask.jobs) do
  local size = tonumber(ARGV[at])
  redis.call('HSET', job_key(job.id), unpack(ARGV, at + 1, at + size))
  redis.call('HSET', job_key(job.id), 'queued_at', exact(now))
  if ask.budget then redis.call('HSET', job_key(job.id), 'charged', ask.budget.counter) end
  if job.deadline_seconds then redis.call('HSET', job_key(job.id), 'deadline_at', exact(now + job.deadline_seconds)) end
  put_in_line(job.queue, job.id, fair_place(job), false)
  redis.call('SADD', open, job.id)
  redis.call('SADD', rq .. ':queues', queue_key(job.queue))
  list(job.id)
  ring(job.queue)
  at = at + 1 + size
end
if ask.batch then
  local ids = {}
  for i, job in ipairs(ask.jobs) do ids[i] = job.id end
  redis.call('HSET', new.record, 'tenant', ask.tenant, 'created_at', exact(now), 'jobs', cjson.encode(ids))
end
if ask.idempotency then
  redis.call('HSET', ask.idempotency, 'id', new.id, 'record', new.record, 'fingerprint', ask.fingerprint)
  redis.call('EXPIRE', ask.idempotency, ask.key_seconds)
end
local head = ask.jobs[1]
return {'accepted', jobs_ahead(head.model, head.queue, head.id), exact(now), standing(ask.rates, now)}
