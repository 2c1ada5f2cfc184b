-- See what waits and how fast it goes. ARGV[2]: most jobs looked at of each model; ARGV[3...]: models.
-- Returns JSON: {busy: workers that run something, models: for each {waiting: number, first: [[kind, images, batch key]...] in the
-- order of their turn, paces: {kind: [seconds per image, seconds to draw]}}}.
local most, models, busy, num_busy = tonumber(ARGV[2]), {}, {}, 0

local function look_at_line(queue, first)
  if #first >= most then return end
  for _, id in ipairs(redis.call('ZRANGE', order_key(queue), 0, most - #first - 1)) do
    local kind, images, key = unpack(redis.call('HMGET', job_key(id), 'kind', 'num_images', 'batch_key'))
    if kind then first[#first + 1] = {kind, tonumber(images), key} end
  end
end

local function look_at_runs(queue)
  for _, execution in ipairs(redis.call('ZRANGE', started_key(queue), 0, -1)) do
    local worker = redis.call('HGET', execution_key(execution), 'worker_name')
    if worker and not busy[worker] then
      busy[worker], num_busy = true, num_busy + 1
    end
  end
end

for i = 3, #ARGV do
  local first, waiting, paces = {}, 0, {}
  for _, queue in ipairs(queues_of(ARGV[i])) do
    waiting = waiting + redis.call('ZCARD', order_key(queue))
    look_at_line(queue, first)
    look_at_runs(queue)
  end
  local held = redis.call('HGETALL', paces_key(ARGV[i]))
  for j = 1, #held, 2 do paces[held[j]] = cjson.decode(held[j + 1]) end
  models[#models + 1] = {waiting = waiting, first = first, paces = paces}
end
return cjson.encode({busy = num_busy, models = models})
