-- Lease events for one attempt each. ARGV[2]: lease in seconds; ARGV[3]: token of this lease; ARGV[4]: events at most.
-- Events for an endpoint that is gone are given up unheard. Returns for each {id, hash as a flat list}.
local now, taken = clock(), {}
for _, event in ipairs(redis.call('ZRANGEBYSCORE', webhooks, '-inf', exact(now), 'LIMIT', 0, ARGV[4])) do
  local key = webhook_key(event)
  local endpoint = redis.call('HGET', key, 'endpoint')
  if not endpoint then
    redis.call('ZREM', webhooks, event)
  elseif redis.call('EXISTS', endpoint) == 1 then
    give_up(event, 'the endpoint answered 410 before')
  else
    redis.call('ZADD', webhooks, exact(now + ARGV[2]), event)
    redis.call('HINCRBY', key, 'attempts', 1)
    redis.call('HSET', key, 'token', ARGV[3])
    taken[#taken + 1] = {event, redis.call('HGETALL', key)}
  end
end
return taken
