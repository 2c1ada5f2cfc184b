-- Measure what waits. ARGV[2...]: models. Returns for each {jobs, age of the oldest in seconds}.
local now, out = clock(), {}
for i = 2, #ARGV do
  local jobs, oldest = 0, now
  for _, queue in ipairs(queues_of(ARGV[i])) do
    local head = redis.call('LINDEX', queue_key(queue), 0)
    jobs = jobs + redis.call('LLEN', queue_key(queue))
    oldest = math.min(oldest, tonumber(head and redis.call('HGET', job_key(head), 'queued_at') or now))
  end
  out[#out + 1] = {jobs, exact(now - oldest)}
end
return out
