-- Begin again with an event that was given up. ARGV[2]: id; ARGV[3]: tenant. Returns 1, or 0 if there is none.
local key = webhook_key(ARGV[2])
if redis.call('ZREM', dead_letters_key(ARGV[3]), ARGV[2]) == 0 or redis.call('EXISTS', key) == 0 then return 0 end
redis.call('DEL', redis.call('HGET', key, 'endpoint'))
redis.call('HSET', key, 'attempts', 0)
redis.call('EXPIRE', key, webhook_kept_seconds)
redis.call('ZADD', webhooks, exact(clock()), ARGV[2])
return 1
