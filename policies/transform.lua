-- transform.lua: the last word before a request is sent, and the first after its answer came. By default, none:
-- requests and answers pass byte for byte, and a hook that is not there costs nothing.
--
-- To have one, copy this file to your own policies folder and give the table a function. For instance:
--
--     function transform.request(request)
--       if request.body and request.endpoint == "generate" then
--         request.body.safetySettings = nil
--       end
--     end
--
--     function transform.response(request, response)
--       response.headers["x-served-for"] = request.client and request.client.name
--     end
--
-- Only what you change is changed; a body that no policy touches is never decoded.
local transform = {}

return transform
