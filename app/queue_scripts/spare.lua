-- Mark jobs whose images are all drawn and encoded, and only wait for storage: the death of their worker is not their
-- fault. ARGV[2...]: for each its execution and queue.
for i = 2, #ARGV, 2 do
  if owns(ARGV[i + 1], ARGV[i]) then redis.call('HSET', job_key(job_of(ARGV[i])), 'drawn', 1) end
end
