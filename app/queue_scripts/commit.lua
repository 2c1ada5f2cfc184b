-- Write outcomes, each exactly once. ARGV[2]: worker; ARGV[3...]: for each job JSON {execution, queue, status ('finished'
-- or 'failed'), ended_at (ISO), outcome (JSON text), result: [names and values for RQ's stream of results],
-- keep_seconds, working_seconds}.
-- Returns for each: 'committed' | 'canceled' (or deleted meanwhile) | 'lost' (it is another execution's now) | 'rq' (RQ's own
-- code must end it).
local worker, now = worker_key(ARGV[2]), clock()

-- Callbacks, webhooks, repeats, retries, rate limits and dependents are RQ's own business; our gateway uses none.
local function is_plain(job, failed)
  local fields = redis.call('HMGET', job, 'success_callback_name', 'failure_callback_name', 'webhooks',
    'repeats_left', 'rate_limit_key')
  for i = 1, 5 do
    if fields[i] and fields[i] ~= '' and fields[i] ~= '0' then return false end
  end
  local retries = failed and tonumber(redis.call('HGET', job, 'retries_left') or 0) or 0
  return retries <= 0 and redis.call('EXISTS', job .. ':dependents') == 0
end

-- As rq.job.Job._handle_success and _handle_failure do.
local function write(done)
  local id = job_of(done.execution)
  local job, failed, keep = job_key(id), done.status == 'failed', done.keep_seconds
  local started = redis.call('HGET', execution_key(done.execution), 'created_at') or exact(now)
  end_execution(done.queue, done.execution)
  redis.call('HSET', job, 'status', done.status, 'ended_at', done.ended_at, 'outcome', done.outcome,
    'committed', done.execution)
  redis.call('HDEL', job, 'deaths', 'progress')
  redis.call('EXPIRE', job, keep)
  local results = rq .. ':results:' .. id
  redis.call('XADD', results, 'MAXLEN', '~', 10, '*', 'execution_started_at', started,
    'execution_ended_at', exact(now), unpack(done.result))
  redis.call('EXPIRE', results, keep)
  redis.call('ZADD', rq .. ':' .. done.status .. ':' .. done.queue, math.floor(now) + keep, id)
  if redis.call('EXISTS', worker) == 1 then
    redis.call('HINCRBY', worker, failed and 'failed_job_count' or 'successful_job_count', 1)
    redis.call('HINCRBYFLOAT', worker, 'total_working_time', done.working_seconds)
  end
  announce_end(id)
end

local out = {}
for i = 3, #ARGV do
  local done = cjson.decode(ARGV[i])
  local job = job_key(job_of(done.execution))
  if not owns(done.queue, done.execution) then
    -- Our own earlier commit, whose answer was lost, is no loss.
    local committed, status = unpack(redis.call('HMGET', job, 'committed', 'status'))
    out[#out + 1] = committed == done.execution and 'committed' or (status == 'canceled' or not status) and 'canceled' or 'lost'
  elseif not is_plain(job, done.status == 'failed') then
    out[#out + 1] = 'rq'
  else
    write(done)
    out[#out + 1] = 'committed'
  end
end
return out
