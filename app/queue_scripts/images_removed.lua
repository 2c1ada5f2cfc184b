-- Forget jobs whose images are gone. ARGV[2...]: ids.
for i = 2, #ARGV do redis.call('ZREM', images_due, ARGV[i]) end
