-- List jobs, the newest first. ARGV[2]: JSON {index, after (start behind this id, '' = at the newest), limit (jobs wanted),
-- scan (entries looked at, at most), statuses (in RQ's words; absent = all), metadata ({name: value} to agree in)}.
-- Returns {id to go on from or '', {id, hash as a flat list}...}.
local ask = cjson.decode(ARGV[2])
local statuses = {}
for _, status in ipairs(ask.statuses or {}) do statuses[status] = true end

local function agrees(id)
  if not ask.metadata then return true end
  local held = cjson.decode(redis.call('HGET', job_key(id), 'metadata') or '{}')
  for name, value in pairs(ask.metadata) do
    if held[name] ~= value then return false end
  end
  return true
end

local from = ask.after == '' and '+' or '(' .. ask.after
local found, last, seen = {}, '', 0
for _, id in ipairs(redis.call('ZREVRANGEBYLEX', ask.index, from, '-', 'LIMIT', 0, ask.scan)) do
  seen, last = seen + 1, id
  local status = redis.call('HGET', job_key(id), 'status')
  if not status then
    redis.call('ZREM', ask.index, id)  -- it has expired
  elseif (not ask.statuses or statuses[status]) and agrees(id) then
    found[#found + 1] = {id, redis.call('HGETALL', job_key(id))}
    if #found == ask.limit then break end
  end
end
local more = seen > 0 and redis.call('ZREVRANGEBYLEX', ask.index, '(' .. last, '-', 'LIMIT', 0, 1)[1]
return {more and last or '', unpack(found)}
