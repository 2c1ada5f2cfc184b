-- Rates of an API key, by the generic cell rate algorithm (ITU-T I.371): a bucket holds the moment at which the key has
-- its whole minute's allowance again, so it is one number, and gone when it says nothing.
--   easel:rate:<key>:<requests or images>   that moment, in seconds
--   easel:spent:<key>:<month>               pixel-steps of the key's jobs in that month that did not fail
local MINUTE = 60

-- A rate is {bucket, per_minute, count}: what this submission would take. Returns the seconds until it may.
local function wait_for(rate, now)
  local full_at = math.max(now, tonumber(redis.call('GET', rate.bucket) or 0))
  return full_at + rate.count * MINUTE / rate.per_minute - now - MINUTE
end
local function take(rate, now)
  local full_at = math.max(now, tonumber(redis.call('GET', rate.bucket) or 0)) + rate.count * MINUTE / rate.per_minute
  redis.call('SET', rate.bucket, exact(full_at), 'PX', math.ceil((full_at - now) * 1000))
end

-- {name, how many are left, seconds until all are}, for each rate.
local function standing(rates, now)
  local told = {}
  for _, rate in ipairs(rates) do
    local full_in = math.max(0, tonumber(redis.call('GET', rate.bucket) or 0) - now)
    local left = math.floor((MINUTE - full_in) * rate.per_minute / MINUTE + 1e-3)
    told[#told + 1] = {rate.name, math.max(0, left), full_in}
  end
  return cjson.encode(told)
end

local function charge(budget, cost)
  redis.call('INCRBYFLOAT', budget.counter, exact(cost))
  redis.call('EXPIRE', budget.counter, budget.keep_seconds)
end
