-- See how many jobs stand at once, for those who follow them. ARGV[2]: JSON {jobs: [ids], previews: [ids whose unfinished
-- pictures somebody wants to see], wish_seconds: how long that wish holds}.
-- Returns JSON: for each job [status in RQ's words, jobs ahead of it (-1: it does not wait), progress, previews so far],
-- or false if there is no such job.
local ask = cjson.decode(ARGV[2])
local now, out = clock(), {}
for i, id in ipairs(ask.jobs) do
  local status, model, queue, progress, previews = unpack(redis.call('HMGET', job_key(id),
    'status', 'model', 'origin', 'progress', 'previews'))
  local ahead = status == 'queued' and model and jobs_ahead(model, queue, id) or -1
  out[i] = status and {status, ahead, progress or '', tonumber(previews or 0)}
end

-- The wish is renewed when half of its time is over, so that following costs few writes.
for _, id in ipairs(ask.previews) do
  local status, holds_until = unpack(redis.call('HMGET', job_key(id), 'status', 'previews_until'))
  local waits = status == 'queued' or status == 'started'
  if waits and tonumber(holds_until or 0) < now + ask.wish_seconds / 2 then
    redis.call('HSET', job_key(id), 'previews_until', exact(now + ask.wish_seconds))
  end
end
return cjson.encode(out)
