-- List a tenant's events that were given up, the latest first. ARGV[2]: tenant; ARGV[3]: how many at most.
-- Returns for each {id, hash as a flat list}.
local found, dead = {}, dead_letters_key(ARGV[2])
for _, event in ipairs(redis.call('ZREVRANGE', dead, 0, ARGV[3] - 1)) do
  local fields = redis.call('HGETALL', webhook_key(event))
  if #fields == 0 then
    redis.call('ZREM', dead, event)  -- it has expired
  else
    found[#found + 1] = {event, fields}
  end
end
return found
