-- Record what an attempt came to. ARGV[2]: JSON {event, token, delivered, reason, endpoint_is_gone, pause (seconds until
-- the next attempt; absent: there is none)}. Returns 1, or 0 if the lease was not this attempt's any more.
local ask = cjson.decode(ARGV[2])
local key = webhook_key(ask.event)
if redis.call('HGET', key, 'token') ~= ask.token then return 0 end
redis.call('HDEL', key, 'token')
if ask.endpoint_is_gone then redis.call('SET', redis.call('HGET', key, 'endpoint'), '410', 'EX', endpoint_gone_seconds) end
if ask.delivered then
  redis.call('ZREM', webhooks, ask.event)
  redis.call('DEL', key)
elseif ask.pause then
  redis.call('HSET', key, 'reason', ask.reason)
  redis.call('ZADD', webhooks, exact(clock() + ask.pause), ask.event)
else
  give_up(ask.event, ask.reason)
end
return 1
