-- Renew a worker's lease, publish progress, learn what it has lost. ARGV[2]: worker; ARGV[3]: lease in milliseconds;
-- ARGV[4]: now (ISO); then for each job in hand: execution, queue, progress ('' = as before).
-- Returns {1 if the lease had not run out, {1 or 0 for each job: whether it is still the worker's}}.
local worker, lease, now_iso = worker_key(ARGV[2]), ARGV[3], ARGV[4]
local alive = redis.call('PEXPIRE', worker, lease)
if alive == 1 then redis.call('HSET', worker, 'last_heartbeat', now_iso) end

local known, still = {}, {}
for i = 5, #ARGV, 3 do
  local execution, queue, progress = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  known[execution] = true
  local mine = owns(queue, execution)
  if mine then
    redis.call('HSET', job_key(job_of(execution)), 'last_heartbeat', now_iso)
    if progress ~= '' then redis.call('HSET', job_key(job_of(execution)), 'progress', progress) end
  end
  still[#still + 1] = mine and 1 or 0
end

-- A claim whose answer was lost on the way: started for this worker, but it does not know. Give it back, uncounted.
for _, execution in ipairs(redis.call('SMEMBERS', worker .. ':executions')) do
  local job = job_key(job_of(execution))
  if not known[execution] and give_back(redis.call('HGET', job, 'origin') or '', execution) == 1 then
    redis.call('HINCRBY', job, 'attempts', -1)
  end
end
return {alive, still}
