-- Read a job's unfinished pictures. ARGV[2]: id; ARGV[3]: only those later than this.
-- Returns for each {which of all the job's previews it is, image, which of the image's, the picture}.
local out, after = {}, tonumber(ARGV[3])
local held = redis.call('HGETALL', previews_key(ARGV[2]))
for i = 1, #held, 2 do
  local count, number, data = string.match(held[i + 1], '^(%d+) (%d+) (.*)$')
  if tonumber(count) > after then
    out[#out + 1] = {tonumber(count), tonumber(held[i]), tonumber(number), data}
  end
end
return out
