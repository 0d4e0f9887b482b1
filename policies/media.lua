-- media.lua: what pictures, sounds and files may come with a question in another dialect than Gemini's, and how
-- pictures come with an answer. This file holds settings alone.
local media = {}

media.settings = {
  {
    name = "MEDIA_MAX_BYTES", type = "integer", default = 8 * 1024 * 1024, min = 0, max = 64 * 1024 * 1024,
    about = "Bytes of all the files together that are fetched for one request, from the addresses that it names.",
  },
  {
    name = "MEDIA_FROM_PRIVATE_ADDRESSES", type = "boolean", default = false,
    about = "Whether such files are also fetched from this machine and its own network.",
  },
  {
    name = "IMAGES_IN_ANSWERS", type = "string", default = "both", choices = { "markdown", "parts", "both" },
    about = "Where OpenAI clients find pictures: as markdown in the text, as parts in message.images, or both.",
  },
}


return media
