-- Fail queued jobs of a model that is no longer served. ARGV[2]: model; ARGV[3]: now (ISO); ARGV[4]: outcome (JSON);
-- ARGV[5]: jobs at most of each priority. Returns their ids.
local failed, most = {}, tonumber(ARGV[5])
for _, queue in ipairs(queues_of(ARGV[2])) do
  for _, id in ipairs(redis.call('LRANGE', queue_key(queue), 0, most - 1)) do
    if fail_waiting(queue, id, ARGV[3], ARGV[4]) then
      failed[#failed + 1] = id
    else
      take_from_line(queue, id)  -- canceled or deleted
    end
  end
end
return failed
