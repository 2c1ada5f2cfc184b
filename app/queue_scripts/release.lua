-- Give jobs back to the head of their queues. ARGV[2]: worker; ARGV[3]: '1' if one of them may be what made the batch
-- fail, so that each runs alone next time, '0' if not, and the attempt is not counted; ARGV[4...]: executions,
-- none = all that the worker has. Returns how many were still the worker's.
local executions, given = {unpack(ARGV, 4)}, 0
if #executions == 0 then executions = redis.call('SMEMBERS', worker_key(ARGV[2]) .. ':executions') end
for i = #executions, 1, -1 do
  local job = job_key(job_of(executions[i]))
  if give_back(redis.call('HGET', job, 'origin') or '', executions[i]) == 1 then
    given = given + 1
    if ARGV[3] == '1' then redis.call('HINCRBY', job, 'deaths', 1) else redis.call('HINCRBY', job, 'attempts', -1) end
  end
end
return given
