-- Read one job. ARGV[2]: its id. Returns {hash as a flat list, jobs ahead of it, or -1 if it does not wait}.
local id = ARGV[2]
local fields = redis.call('HGETALL', job_key(id))
local status, model, queue = unpack(redis.call('HMGET', job_key(id), 'status', 'model', 'origin'))
if status ~= 'queued' or not model then return {fields, -1} end
return {fields, jobs_ahead(model, queue, id)}
