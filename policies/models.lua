-- models.lua: which model does Google get? The one that was asked for, by its plain name.
local models = {}


-- "x", "models/x" and the "models/models/x" that some tools send are one model. Names are open: Google may know
-- one that nobody here has heard of, so none is refused for being unknown.
function models.resolve(_, name)
  local model = name
  while model:sub(1, 7) == "models/" do
    model = model:sub(8)
  end
  if model == "" then
    return deny(400, 'The request names no model: "' .. name .. '".')
  end
  return model
end


-- Everybody sees every model: without a models.visible(request, model) here, lists pass as Google wrote them.
return models
