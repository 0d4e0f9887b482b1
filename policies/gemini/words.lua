-- words.lua: what Google means, where only the words of its message tell.
local words = {}


-- Of rows { pattern, meaning } by status, the meaning of the first whose pattern is found in the message in lower case.
function words.meaning(rows_by_status, status, message)
  local lower = message:lower()
  for _, row in ipairs(rows_by_status[status] or {}) do
    if lower:find(row[1]) then
      return row[2]
    end
  end
end


return words
