-- Queue again what dead workers were running: their lease has run out, or they have signed off. ARGV[2...]: models.
-- Each such job has one death more to its name, unless it was drawn already. Returns for each {id, model}.
local alive, reaped = {}, {}
local function is_alive(worker)
  if alive[worker] == nil then
    alive[worker] = is_registered(worker) and redis.call('HEXISTS', worker_key(worker), 'death') == 0
  end
  return alive[worker]
end
for i = 2, #ARGV do
  local model = ARGV[i]
  for _, queue in ipairs(queues_of(model)) do
    for _, execution in ipairs(redis.call('ZRANGE', started_key(queue), 0, -1)) do
      local id = job_of(execution)
      local worker = redis.call('HGET', execution_key(execution), 'worker_name')
        or redis.call('HGET', job_key(id), 'worker_name') or ''
      if not is_alive(worker) and give_back(queue, execution) == 1 then
        if not redis.call('HGET', job_key(id), 'drawn') then redis.call('HINCRBY', job_key(id), 'deaths', 1) end
        reaped[#reaped + 1] = {id, model}
      end
    end
  end
end
return reaped
