-- Read a batch. ARGV[2]: its id.
-- Returns {tenant, created_at, {id, hash as a flat list} of each job that is still kept...}, or {} if there is no such batch.
local tenant, created_at, ids = unpack(redis.call('HMGET', batch_key(ARGV[2]), 'tenant', 'created_at', 'jobs'))
if not tenant then return {} end
local answer = {tenant, created_at}
for _, id in ipairs(cjson.decode(ids)) do
  local fields = redis.call('HGETALL', job_key(id))
  if #fields > 0 then answer[#answer + 1] = {id, fields} end
end
return answer
