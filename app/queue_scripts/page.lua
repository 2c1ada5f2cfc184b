-- List jobs, the newest first. ARGV[2]: index; ARGV[3]: start after this id ('' = at the newest); ARGV[4]: jobs wanted;
-- ARGV[5]: entries looked at, at most; ARGV[6...]: statuses in RQ's words (none = all).
-- Returns {id to go on from or '', {id, hash as a flat list}...}.
local index, wanted, budget = ARGV[2], tonumber(ARGV[4]), tonumber(ARGV[5])
local statuses = {}
for i = 6, #ARGV do statuses[ARGV[i]] = true end
local from = ARGV[3] == '' and '+' or '(' .. ARGV[3]
local found, last, seen = {}, '', 0
for _, id in ipairs(redis.call('ZREVRANGEBYLEX', index, from, '-', 'LIMIT', 0, budget)) do
  seen, last = seen + 1, id
  local status = redis.call('HGET', job_key(id), 'status')
  if not status then
    redis.call('ZREM', index, id)  -- it has expired
  elseif #ARGV < 6 or statuses[status] then
    found[#found + 1] = {id, redis.call('HGETALL', job_key(id))}
    if #found == wanted then break end
  end
end
local more = seen > 0 and redis.call('ZREVRANGEBYLEX', index, '(' .. last, '-', 'LIMIT', 0, 1)[1]
return {more and last or '', unpack(found)}
