-- Remember how fast images are drawn: running means that forget by a twentieth with each image. ARGV[2]: JSON list of
-- {model, kind, images, seconds_per_image, seconds_to_draw}.
local FORGETS, MOST_KINDS = 0.05, 256
for _, one in ipairs(cjson.decode(ARGV[2])) do
  local key = paces_key(one.model)
  local known = redis.call('HGET', key, one.kind)
  local pace = known and cjson.decode(known) or {one.seconds_per_image, one.seconds_to_draw}
  local weight = 1 - (1 - FORGETS) ^ one.images
  pace = {pace[1] + weight * (one.seconds_per_image - pace[1]), pace[2] + weight * (one.seconds_to_draw - pace[2])}
  if not known and redis.call('HLEN', key) >= MOST_KINDS then
    redis.call('HDEL', key, redis.call('HRANDFIELD', key))
  end
  redis.call('HSET', key, one.kind, cjson.encode(pace))
end
