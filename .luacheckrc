-- Policies run in a sandbox: no files, no processes, no globals of their own.
std = "luajit"
max_line_length = 120
not_globals = {
  "_G", "collectgarbage", "coroutine", "debug", "dofile", "ffi", "gcinfo", "getfenv", "io", "jit", "load", "loadfile",
  "loadstring", "module", "newproxy", "os", "package", "setfenv",
}
read_globals = {
  "again", "answer", "background", "bytes", "cache", "clients", "crypto", "deny", "google", "http", "json", "log",
  "own_key", "reply", "retry", "settings", "shared", "sleep", "time",
}

files["**/*_test.lua"] = {
  max_line_length = 130,  -- They quote Google at length.
  read_globals = {
    "a_client", "a_key", "a_pool", "a_request", "a_response", "an_attempt", "at_time", "before_each", "describe", "expect",
    "fake_fetch", "it", "with_clients", "with_settings",
  },
}
