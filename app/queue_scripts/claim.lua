-- Choose a batch and start its jobs. ARGV[2]: JSON {worker, started_at (ISO), models: [{name, max_images, max_cost (may
-- be absent), later: seconds by which its jobs count as come later than they came, as it would drive out another}], max_wait,
-- starve_after (seconds), window, executions (prefix of the new executions' ids), caps: {batch key: images}, admit (absent, or {batch_key, room}: only what may join a running batch), now (absent but in tests)}.
-- Returns {'batch', {id, execution id, queue, seconds waited, hash as a flat list}...}
--       | {'wait', seconds until a batch that is still filling must start} | {'nothing'} | {'unregistered'}.
local ask = cjson.decode(ARGV[2])
local now = ask.now or clock()

-- A worker whose lease has run out registers again first: what it claimed now would be taken from it at once.
if not is_registered(ask.worker) then return {'unregistered'} end
if redis.call('EXISTS', rq .. ':suspended') == 1 then return {'nothing'} end  -- `rq suspend`

-- 1. Look at the head of each queue. A line is a list of candidates, the first in turn first.
local function candidate(queue, id)
  local status, batch_key, images, cost, since, place, deaths, timeout, deadline = unpack(redis.call('HMGET', job_key(id),
    'status', 'batch_key', 'num_images', 'cost', 'queued_at', 'place', 'deaths', 'timeout', 'deadline_at'))
  local overdue = deadline and tonumber(deadline) <= now  -- overdue.lua ends it
  if status ~= 'queued' or overdue then  -- or canceled, deleted, the second copy of an id
    take_from_line(queue, id)
    return nil
  end
  -- A job that was running when its worker died may have killed it: it runs alone. So does one from RQ's own tools.
  local alone = tonumber(deaths or 0) > 0 or not batch_key
  return {id = id, queue = queue, images = tonumber(images or 1), cost = tonumber(cost or 0),
    since = tonumber(since or 0), place = tonumber(place or 0), timeout = tonumber(timeout or 180), alone = alone,
    key = alone and id or batch_key}
end

local function head_of_line(queue)
  local line, seen = {}, {}
  local function look(ids)
    for _, id in ipairs(ids) do
      local one = not seen[id] and candidate(queue, id)
      seen[id] = true
      if one then line[#line + 1] = one end
    end
  end
  look(redis.call('ZRANGE', order_key(queue), 0, ask.window - 1))  -- by fair order
  look(redis.call('LRANGE', queue_key(queue), 0, 15))  -- by arrival: who may starve, and what RQ's own tools queued
  table.sort(line, function(a, b)
    if a.place ~= b.place then return a.place < b.place end
    return a.id < b.id
  end)
  return line
end

-- 2. Put the lines in order: first who starves, then by priority, then the model whose job has waited longest.
local starving, lines, limit = {}, {}, {}
for _, model in ipairs(ask.models) do
  for rank, queue in ipairs(queues_of(model.name)) do
    limit[queue] = {images = model.max_images, cost = model.max_cost or math.huge, later = model.later}
    local line, oldest = {}, math.huge
    for _, one in ipairs(head_of_line(queue)) do
      one.turn = one.since + model.later
      local into = now - one.turn > ask.starve_after and starving or line
      into[#into + 1] = one
      oldest = math.min(oldest, one.turn)
    end
    lines[#lines + 1] = {rank = rank, oldest = oldest, jobs = line}
    -- An empty queue forgets who had how much.
    if redis.call('EXISTS', order_key(queue)) == 0 then redis.call('DEL', shares_key(queue)) end
  end
end
table.sort(starving, function(a, b) return a.turn < b.turn end)
lines[#lines + 1] = {rank = 0, oldest = 0, jobs = starving}
table.sort(lines, function(a, b)
  if a.rank ~= b.rank then return a.rank < b.rank end
  return a.oldest < b.oldest
end)
local queued = {}
for _, line in ipairs(lines) do
  for _, one in ipairs(line.jobs) do
    one.rank = line.rank
    queued[#queued + 1] = one
  end
end
if #queued == 0 then return {'nothing'} end

-- 3. Fill a batch around a job with others of its key, whatever their priority, within its room (images) and budget
-- (cost). Full means: somebody had to stay out, or nobody like the first would fit any more.
local function batch_around(first, room, budget)
  local batch, images, cost, since, full = {first}, first.images, first.cost, first.since, false
  for _, one in ipairs(queued) do
    if one.key == first.key and one ~= first then
      if images + one.images <= room and cost + one.cost <= budget then
        batch[#batch + 1] = one
        images, cost, since = images + one.images, cost + one.cost, math.min(since, one.since)
      else
        full = true
      end
    end
  end
  full = full or images >= room or cost + first.cost / first.images > budget
  return batch, full or first.alone, since
end

-- 4. Take the first batch that is full or has waited long enough; one still filling is never overtaken by a lower
-- priority, nor by a model that would drive out another.
local function choose()
  if ask.admit then  -- the running batch may grow only while the next in turn fits into it
    local first = queued[1]
    local fits = first.key == ask.admit.batch_key and first.images <= ask.admit.room
    return fits and batch_around(first, ask.admit.room, math.huge) or nil
  end
  local tried, soonest = {}, nil
  for _, first in ipairs(queued) do
    if first.rank ~= queued[1].rank or (soonest and limit[first.queue].later > 0) then break end
    if not tried[first.key] then
      tried[first.key] = true
      local most = limit[first.queue]
      local room = math.min(most.images, ask.caps[first.key] or most.images)
      local batch, full, since = batch_around(first, room, most.cost)
      if full or now - since >= ask.max_wait then return batch end
      soonest = math.min(soonest or math.huge, since + ask.max_wait - now)
    end
  end
  return nil, soonest
end

-- 5. Start a job, as rq.worker.prepare_execution and prepare_job_execution do. The expiry is further away than RQ's:
-- RQ's clean-up fails what has expired, and reap.lua, which queues it again, must come first even after an outage.
local function start(one, execution_id)
  local execution, keep = one.id .. ':' .. execution_id, one.timeout + 86400
  take_from_line(one.queue, one.id)
  redis.call('ZREM', deadlines, one.id)
  local job = job_key(one.id)
  redis.call('HSET', job, 'status', 'started', 'worker_name', ask.worker,
    'started_at', ask.started_at, 'last_heartbeat', ask.started_at)
  redis.call('HDEL', job, 'outcome', 'progress', 'committed', 'drawn')
  redis.call('HINCRBY', job, 'attempts', 1)
  redis.call('PERSIST', job)
  redis.call('HSET', execution_key(execution), 'id', execution_id, 'job_id', one.id,
    'created_at', exact(now), 'last_heartbeat', exact(now), 'worker_name', ask.worker)
  redis.call('EXPIRE', execution_key(execution), keep)
  redis.call('ZADD', rq .. ':executions:' .. one.id, math.floor(now) + keep + 60, execution_id)
  redis.call('EXPIRE', rq .. ':executions:' .. one.id, keep + 60)
  redis.call('ZADD', started_key(one.queue), math.floor(now) + keep, execution)
  redis.call('SADD', worker_key(ask.worker) .. ':executions', execution)
  redis.call('EXPIRE', worker_key(ask.worker) .. ':executions', keep + 60)
  -- The present of the fair order moves on to the job that starts.
  redis.call('HSET', shares_key(one.queue), 'present', exact(math.max(present_of(one.queue), one.place)))
end

local batch, soonest = choose()
if not batch then return soonest and {'wait', exact(soonest)} or {'nothing'} end
local out, started = {'batch'}, {}
for i, one in ipairs(batch) do
  local execution_id = ask.executions .. string.format('%03d', i)
  start(one, execution_id)
  started[i] = one.id
  local waited = one.since > 0 and now - one.since or 0
  out[#out + 1] = {one.id, execution_id, one.queue, exact(waited), redis.call('HGETALL', job_key(one.id))}
end
announce_news(started)
redis.call('HSET', worker_key(ask.worker), 'state', 'busy')
return out
