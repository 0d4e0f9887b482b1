-- keys.lua: which key pays? The one with the fewest requests under way; among equals they take turns.
--
-- Under sequential load all are equal, so every key gets the same share. Under load, a key that hangs on slow answers
-- gets less. And a retry takes the next key, because the pool hands out keys that this request has tried only when
-- no other can pay.
local keys = {}


function keys.select(_, pool)
  return pool:least_busy()
end


return keys
