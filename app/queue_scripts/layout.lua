-- Where things lie in Redis. RQ 3.0.0's own keys (rq/job.py, rq/queue.py, rq/registry.py, rq/executions.py,
-- rq/results.py), written as RQ writes them and compared with it by a test, and those of ours:
--   easel:order:<queue>   sorted set: queued jobs by fair order; the RQ list holds the same jobs by arrival
--   easel:shares:<queue>  hash: 'tenant:<tenant>' -> where its next job would stand in that order; 'present'
--   easel:jobs, easel:jobs:<tenant>   sorted sets of all job ids; ids begin with their time, so they sort by age
--   easel:open:<tenant>   set: the tenant's jobs that have not ended
--   easel:previews:<job>  hash: image -> its latest unfinished picture, '<count> <number> <data>'; gone with the job's end
--   easel:paces:<model>   hash: '<size>/<steps>' -> JSON [a worker's seconds per image, seconds to draw one]
--   easel:key:<tenant>:<digest>       hash: idempotency key -> id and key of what it made, fingerprint of the body
--   easel:batch:<id>      hash: tenant, created_at, jobs (JSON list of ids); expires once they have all ended
--   easel:deadlines       sorted set: queued jobs that have a deadline, by it
--   easel:images          sorted set: ended jobs by the time at which their images are to be removed
--   easel:webhooks        sorted set: events to be delivered, by the time of their next attempt or the end of its lease
--   easel:webhook:<event> hash: job, tenant, webhook (JSON: url, base_url), attempts, token of the lease, reason
--   easel:dead:<tenant>   sorted set: events that were given up, by when
--   easel:gone:<digest>   exists while a tenant's endpoint that has answered 410 is not to be called
-- ARGV[1] is always RQ's key prefix.
local rq = ARGV[1]

local function job_key(id) return rq .. ':job:' .. id end
local function queue_key(queue) return rq .. ':queue:' .. queue end
local function started_key(queue) return rq .. ':wip:' .. queue end
local function worker_key(name) return rq .. ':worker:' .. name end
local function execution_key(execution) return rq .. ':execution:' .. execution end

-- A model has one queue for each priority, the most urgent first; app/job_records.py names them the same way.
local function queues_of(model) return {model .. ':high', model, model .. ':low'} end
local function order_key(queue) return 'easel:order:' .. queue end
local function shares_key(queue) return 'easel:shares:' .. queue end
local deadlines, images_due = 'easel:deadlines', 'easel:images'
local function open_key(tenant) return 'easel:open:' .. tenant end
local function paces_key(model) return 'easel:paces:' .. model end
local function previews_key(id) return 'easel:previews:' .. id end
local function batch_key(id) return 'easel:batch:' .. id end

-- A worker's hash that ran out may be made anew by a write that came late; only a registration writes its birth.
local function is_registered(worker) return redis.call('HEXISTS', worker_key(worker), 'birth') == 1 end

-- An execution's full name is '<job id>:<execution id>'.
local function job_of(execution) return string.match(execution, '^(.-):') end

-- Redis's own clock, in seconds: the one clock on which all processes agree.
local function clock()
  local time = redis.call('TIME')
  return tonumber(time[1]) + tonumber(time[2]) / 1e6
end

local function exact(number) return string.format('%.6f', number) end

-- A key's budget is charged when its job is accepted; what was not drawn is not paid for.
local function pay_back(id)
  local status, counter, cost = unpack(redis.call('HMGET', job_key(id), 'status', 'charged', 'cost'))
  if not counter or status == 'finished' then return end
  redis.call('HDEL', job_key(id), 'charged')
  if redis.call('EXISTS', counter) == 1 then redis.call('INCRBYFLOAT', counter, '-' .. cost) end
end

-- The outbox. An event is written with the end of its job, in the same step; its id tells one end from another.
local webhooks, webhook_kept_seconds, endpoint_gone_seconds = 'easel:webhooks', 7 * 86400, 86400
local function webhook_key(event) return 'easel:webhook:' .. event end
local function dead_letters_key(tenant) return 'easel:dead:' .. tenant end
local function post_event(id, tenant, webhook)
  local event = 'msg_' .. string.sub(id, 5) .. '_' .. redis.call('HINCRBY', job_key(id), 'ends', 1)
  local endpoint = 'easel:gone:' .. redis.sha1hex(tenant .. ' ' .. cjson.decode(webhook).url)
  redis.call('HSET', webhook_key(event), 'job', id, 'tenant', tenant, 'webhook', webhook, 'endpoint', endpoint,
    'created_at', exact(clock()), 'attempts', 0)
  redis.call('EXPIRE', webhook_key(event), webhook_kept_seconds)
  redis.call('ZADD', webhooks, exact(clock()), event)
end
local function give_up(event, reason)
  local key, now = webhook_key(event), clock()
  local dead = dead_letters_key(redis.call('HGET', key, 'tenant'))
  redis.call('HSET', key, 'reason', reason)
  redis.call('EXPIRE', key, webhook_kept_seconds)
  redis.call('ZREM', webhooks, event)
  redis.call('ZADD', dead, exact(now), event)
  redis.call('ZREMRANGEBYSCORE', dead, '-inf', exact(now - webhook_kept_seconds))
  redis.call('EXPIRE', dead, webhook_kept_seconds)
end

-- Gateways and workers listen here: for the queue's name when work arrives, for the job's id when it has ended, and
-- for ids with spaces between them when jobs have started, come further or have a new preview.
local function ring(queue) redis.call('PUBLISH', 'easel:work', queue) end

-- A batch is kept as long as any of its jobs, counted from the end of the last one.
local function keep_batch(batch)
  local keep = 0
  for _, id in ipairs(cjson.decode(redis.call('HGET', batch_key(batch), 'jobs') or '[]')) do
    local status, seconds = unpack(redis.call('HMGET', job_key(id), 'status', 'result_ttl'))
    if status == 'queued' or status == 'started' then return end
    keep = math.max(keep, tonumber(seconds or 0))
  end
  redis.call('EXPIRE', batch_key(batch), keep)
end
local function announce_end(id)
  pay_back(id)
  local tenant, keep, webhook, batch =
    unpack(redis.call('HMGET', job_key(id), 'tenant', 'result_ttl', 'webhook', 'batch'))
  redis.call('SREM', open_key(tenant or ''), id)
  redis.call('ZREM', deadlines, id)
  redis.call('DEL', previews_key(id))
  if tenant then redis.call('ZADD', images_due, exact(clock() + keep), id) end
  if webhook then post_event(id, tenant, webhook) end
  if batch then keep_batch(batch) end
  redis.call('PUBLISH', 'easel:ended', id)
end
local function announce_news(ids)
  if #ids > 0 then redis.call('PUBLISH', 'easel:moved', table.concat(ids, ' ')) end
end

-- How far the fair order of a queue has come; it begins anew when the queue has run empty.
local function present_of(queue) return tonumber(redis.call('HGET', shares_key(queue), 'present') or 0) end

-- A job stands in both list and order, or in neither; its hash remembers its place.
local function put_in_line(queue, id, place, at_front)
  redis.call(at_front and 'LPUSH' or 'RPUSH', queue_key(queue), id)
  redis.call('ZADD', order_key(queue), place, id)
  redis.call('HSET', job_key(id), 'place', place)
  local deadline = redis.call('HGET', job_key(id), 'deadline_at')
  if deadline then redis.call('ZADD', deadlines, deadline, id) end
end
local function take_from_line(queue, id)
  redis.call('LREM', queue_key(queue), 1, id)
  redis.call('ZREM', order_key(queue), id)
end

-- End a job that waits, with an outcome (JSON) that says why. Returns false if it does not wait any more.
local function fail_waiting(queue, id, now_iso, outcome)
  local job = job_key(id)
  local status, keep = unpack(redis.call('HMGET', job, 'status', 'failure_ttl'))
  if status ~= 'queued' then return false end
  take_from_line(queue, id)
  redis.call('HSET', job, 'status', 'failed', 'ended_at', now_iso, 'outcome', outcome)
  redis.call('EXPIRE', job, keep)
  redis.call('ZADD', rq .. ':failed:' .. queue, math.floor(clock()) + keep, id)
  announce_end(id)
  return true
end

-- How many jobs go before a queued one: all of its model's more urgent queues, and those before it in its own.
local function jobs_ahead(model, queue, id)
  local ahead = 0
  for _, other in ipairs(queues_of(model)) do
    if other == queue then return ahead + (redis.call('ZRANK', order_key(queue), id) or 0) end
    ahead = ahead + redis.call('LLEN', queue_key(other))
  end
  return -1
end

-- Whether this execution still owns its job: the fencing token of every later write.
local function owns(queue, execution)
  return redis.call('ZSCORE', started_key(queue), execution)
    and redis.call('HGET', job_key(job_of(execution)), 'status') == 'started'
end

-- Forget an execution, as rq.executions.Execution.delete does.
local function end_execution(queue, execution)
  local id, execution_id = string.match(execution, '^(.-):(.+)$')
  local worker = redis.call('HGET', execution_key(execution), 'worker_name')
  redis.call('DEL', execution_key(execution))
  redis.call('ZREM', started_key(queue), execution)
  redis.call('ZREM', rq .. ':executions:' .. id, execution_id)
  if worker then redis.call('SREM', worker_key(worker) .. ':executions', execution) end
end

-- Put a started job back at the head of its queue. Returns 1, or 0 if it was not this execution's any more.
local function give_back(queue, execution)
  local mine, id = owns(queue, execution), job_of(execution)
  end_execution(queue, execution)
  if not mine then return 0 end
  redis.call('HSET', job_key(id), 'status', 'queued')
  redis.call('HDEL', job_key(id), 'progress')
  -- Its old place, unless the order has begun anew since.
  local place = math.min(tonumber(redis.call('HGET', job_key(id), 'place') or 0), present_of(queue))
  put_in_line(queue, id, exact(place), true)
  ring(queue)
  return 1
end
