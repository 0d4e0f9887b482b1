-- limits.lua: how much Google lets a project ask of a model, as far as that is known beforehand. This file is data.
--
-- A key's tags say its tier: tag your keys "free", "tier1", "tier2" or "tier3" as AI Studio names the tier of their
-- project, or "paid". Of a key without such a tag nothing is presumed, for a wrong presumption would hold a paid key
-- back: then DEFAULT_RPM_LIMIT and DEFAULT_RPD_LIMIT count where they are set, and Google's first 429 teaches the rest.
-- What Google says always wins over this file, and so does what it said of a tagged key.
--
-- rpm: requests a minute; tpm: input tokens a minute; rpd: requests a day, until midnight in Los Angeles. 0: the tier
-- may not use the model. What is left out is not limited. A * stands for any characters; an exact name comes before
-- patterns, and of those the longest first. To change a number, copy this file to your own policies folder, or write
--
--     local limits = require "default.limits"
--     limits.free["gemini-3.8-flash"] = { rpm = 10, tpm = 250000, rpd = 50 }
--     return limits
local limits = {}

-- A project whose keys have several of these tags counts as the first of them: the more generous one, since what is too
-- generous costs one 429 and is learned, and what is too strict would never be noticed.
limits.tiers = { "tier3", "tier2", "tier1", "paid", "free" }

-- Google no longer publishes its limits: these are from answers and dashboards of July to October 2026.
limits.free = {
  ["gemini-*-flash"] = { rpm = 5, tpm = 250000, rpd = 20 },
  ["gemini-3-flash-preview"] = { rpm = 5, tpm = 250000, rpd = 20 },
  ["gemini-flash-latest"] = { rpm = 5, tpm = 250000, rpd = 20 },
  ["gemini-*-flash-lite"] = { rpm = 15, tpm = 250000, rpd = 500 },
  ["gemini-flash-lite-latest"] = { rpm = 15, tpm = 250000, rpd = 500 },
  ["gemini-2.5-flash-lite"] = { rpm = 10, tpm = 250000, rpd = 20 },
  ["gemini-3.1-pro-preview"] = { rpm = 0, tpm = 0, rpd = 0 },
  ["gemini-pro-latest"] = { rpm = 0, tpm = 0, rpd = 0 },
  ["gemini-embedding-001"] = { rpm = 100, tpm = 30000, rpd = 1000 },
  ["gemma-3-*"] = { rpm = 30, tpm = 15000, rpd = 14400 },
  ["gemma-4-*"] = { rpm = 15, rpd = 1500 },
}

limits.tier1 = {}

limits.tier2 = {
  ["gemini-3.5-flash"] = { rpm = 2000, tpm = 3000000, rpd = 100000 },
  ["gemini-3.6-flash"] = { rpm = 2000, tpm = 3000000, rpd = 100000 },
  ["gemini-3.1-flash-lite"] = { rpm = 10000, tpm = 10000000, rpd = 350000 },
  ["gemini-3.5-flash-lite"] = { rpm = 10000, tpm = 10000000, rpd = 350000 },
  ["gemini-3.1-pro-preview"] = { rpm = 1000, tpm = 5000000, rpd = 50000 },
  ["gemini-embedding-001"] = { rpm = 5000, tpm = 5000000 },
}

limits.tier3 = {}

limits.paid = {}

-- For every key, whatever its tags; a tier's own rows come first.
limits.any = {}

return limits
