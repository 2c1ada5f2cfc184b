-- Renew a worker's lease, publish progress and previews, learn what it has lost and who is looked at. ARGV[2]: worker;
-- ARGV[3]: lease in milliseconds; ARGV[4]: now (ISO); then for each job in hand: execution, queue, progress ('' = as
-- before), number of new previews, and for each of these: image, which of the image's previews it is, the picture.
-- Returns {1 if the lease had not run out, {for each job: 0 if it is no longer the worker's, 2 if somebody wants to see
-- it unfinished, else 1}}.
local worker, lease, now_iso = worker_key(ARGV[2]), ARGV[3], ARGV[4]
local now = clock()
local alive = is_registered(ARGV[2]) and redis.call('PEXPIRE', worker, lease) or 0
if alive == 1 then redis.call('HSET', worker, 'last_heartbeat', now_iso) end

local PREVIEWS_KEPT_SECONDS = 600  -- should nobody end the job

local function keep_preview(id, image, number, picture)
  local count = redis.call('HINCRBY', job_key(id), 'previews', 1)
  redis.call('HSET', previews_key(id), image, count .. ' ' .. number .. ' ' .. picture)
  redis.call('EXPIRE', previews_key(id), PREVIEWS_KEPT_SECONDS)
end

local known, still, moved, at = {}, {}, {}, 5
while at <= #ARGV do
  local execution, queue, progress, num_previews = unpack(ARGV, at, at + 3)
  local id, first = job_of(execution), at + 4
  known[execution] = true
  local mine = owns(queue, execution)
  if mine then
    redis.call('HSET', job_key(id), 'last_heartbeat', now_iso)
    if progress ~= '' then redis.call('HSET', job_key(id), 'progress', progress) end
    for i = first, first + 3 * num_previews - 1, 3 do keep_preview(id, unpack(ARGV, i, i + 2)) end
    if progress ~= '' or tonumber(num_previews) > 0 then moved[#moved + 1] = id end
  end
  local watched = mine and tonumber(redis.call('HGET', job_key(id), 'previews_until') or 0) > now
  still[#still + 1] = mine and (watched and 2 or 1) or 0
  at = first + 3 * num_previews
end
announce_news(moved)

-- A claim whose answer was lost on the way: started for this worker, but it does not know. Give it back, uncounted.
for _, execution in ipairs(redis.call('SMEMBERS', worker .. ':executions')) do
  local job = job_key(job_of(execution))
  if not known[execution] and give_back(redis.call('HGET', job, 'origin') or '', execution) == 1 then
    redis.call('HINCRBY', job, 'attempts', -1)
  end
end
return {alive, still}
