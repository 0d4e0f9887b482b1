#include "script/fetch.h"

#include <algorithm>
#include <map>

#include "base/base64.h"
#include "base/redact.h"
#include "net/timer.h"
#include "script/blob.h"
#include "script/script_state.h"

namespace pollux {
namespace {

// Texts lie in the policies' memory, blobs do not.
constexpr std::size_t usual_max_bytes = std::size_t{4} * 1024 * 1024, most_max_bytes = 16 * usual_max_bytes;
constexpr double default_timeout_s = 30, least_timeout_s = 1, longest_timeout_s = 300;

struct FetchAnswer {
  explicit FetchAnswer(lua_State* state) : room(state) {}
  int status = 0;
  Headers headers;
  std::string body;
  bool base64 = false;
  TextRoom room;  // Taken for the body, if that may become a blob.
};

bool is_token(std::string_view text) {  // RFC 9110 section 5.6.2
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  });
}

bool is_visible(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; });
}

bool is_field_value(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t') || byte == 127;
  });
}

// The text with every mention of the secret masked.
std::string without(const std::string& secret, std::string_view text) {
  const auto mask = mask_secret(secret);
  std::string kept;
  for (;;) {
    const auto at = text.find(secret);
    kept.append(text.substr(0, at));
    if (at == std::string_view::npos) return kept;
    kept.append(mask);
    text.remove_prefix(at + secret.size());
  }
}

// The exchange with the server. Ends by calling `resume` once.
class Fetch final : public ResponseEvents {
 public:
  Fetch(lua_State* state, FetchRequest request, Script::Resume resume)
      : request_(std::move(request)), resume_(std::move(resume)), answer_(state) {
    answer_.base64 = request_.base64;
  }

  void start(Loop& loop, HttpClient& client, const FetchTarget& target) {
    deadline_.emplace(loop, [this] { fail("no whole answer in time"); });
    deadline_->start(request_.timeout);
    OutgoingRequest outgoing;
    outgoing.method = request_.method;
    outgoing.target = target.path;
    outgoing.headers = &request_.headers;
    outgoing.body = request_.body;
    if (request_.key) {
      outgoing.credential_name = "x-goog-api-key";
      outgoing.credential_value = request_.key->secret();
    }
    exchange_ = client.start(target.origin, target.proxy, outgoing, *this);
  }

  void on_response_head(ResponseHead& head, BodyLength length) override {
    answer_.status = head.status;
    answer_.headers = std::move(head.headers);
    if (length.kind == BodyLength::Kind::known && length.bytes > request_.max_bytes) return fail_with_size();
    if (length.kind == BodyLength::Kind::known) answer_.body.reserve(static_cast<std::size_t>(length.bytes));
  }
  void on_response_body(std::string_view bytes) override {
    if (answer_.body.size() + bytes.size() > request_.max_bytes) return fail_with_size();
    if (answer_.base64 && !answer_.room.grow(bytes.size())) {
      return fail("there is no room for it: policies hold too much that they fetched");
    }
    answer_.body += bytes;
  }
  void on_response_end() override {
    if (request_.key) hide_secret();
    end([answer = std::make_shared<FetchAnswer>(std::move(answer_))](lua_State* state) {
      return push_answer(state, *answer);
    });
  }
  void on_response_error(const TransportError& error) override { fail(error.message); }
  void on_request_drained() override {}

 private:
  void fail_with_size() {
    constexpr std::size_t mebibyte = std::size_t{1024} * 1024;
    const bool whole = request_.max_bytes % mebibyte == 0;
    fail("the answer is larger than " + (whole ? std::to_string(request_.max_bytes / mebibyte) + " MiB"
                                               : std::to_string(request_.max_bytes) + " bytes"));
  }

  void fail(std::string why) {
    end([why = std::move(why)](lua_State* state) {
      lua_pushnil(state);
      lua_pushlstring(state, why.data(), why.size());
      return 2;
    });
  }

  // Google repeats a key that it has suspended.
  void hide_secret() {
    const auto& secret = request_.key->secret();
    answer_.body = without(secret, answer_.body);
    Headers headers;
    for (const Headers::Field field : answer_.headers) {
      headers.add(field.name, without(secret, field.value));
    }
    answer_.headers = std::move(headers);
  }

  // Resuming lets go of this object, which then lives until the loop's next turn: longer than the state,
  // maybe.
  void end(std::function<int(lua_State*)> push_results) {
    answer_.room.give_back();
    deadline_->stop();
    exchange_.reset();
    resume_(std::move(push_results));
  }

  static void push_body(lua_State* state, FetchAnswer& answer) {
    if (!answer.base64) return lua_pushlstring(state, answer.body.data(), answer.body.size());
    const auto size = base64_size(answer.body.size());
    if (size < least_blob_bytes) {
      const auto text = base64_encode(answer.body);
      lua_pushlstring(state, text.data(), text.size());
      return answer.room.give_back();
    }
    Blob blob;
    blob.size = answer.body.size();
    blob.length = size;
    blob.form = Blob::Form::encoded;
    push_kept_blob(state, answer.body, answer.room, blob);
  }

  static int push_answer(lua_State* state, FetchAnswer& answer) {
    lua_createtable(state, 0, 3);
    lua_pushinteger(state, answer.status);
    lua_setfield(state, -2, "status");
    push_body(state, answer);
    lua_setfield(state, -2, "body");
    std::map<std::string, std::string>
        by_name;  // Fields of the same name are one list (RFC 9110 section 5.3).
    for (const Headers::Field field : answer.headers) {
      std::string name(field.name);
      std::ranges::transform(name, name.begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      const auto [held, is_new] = by_name.try_emplace(std::move(name), field.value);
      if (!is_new) held->second.append(", ").append(field.value);
    }
    lua_createtable(state, 0, static_cast<int>(by_name.size()));
    for (const auto& [name, value] : by_name) {
      lua_pushlstring(state, name.data(), name.size());
      lua_pushlstring(state, value.data(), value.size());
      lua_rawset(state, -3);
    }
    lua_setfield(state, -2, "headers");
    return 1;
  }

  FetchRequest request_;
  Script::Resume resume_;
  FetchAnswer answer_;
  std::optional<Timer> deadline_;
  std::unique_ptr<ClientRequest> exchange_;
};

void push_argument(lua_State* state, int table, const char* name) {
  lua_pushstring(state, name);
  lua_rawget(state, table);
}

std::string_view text_at(lua_State* state, int index) {
  std::size_t size = 0;
  const char* text = lua_tolstring(state, index, &size);
  return text ? std::string_view(text, size) : std::string_view();
}

void add_default_headers(FetchRequest& request) {
  if (!request.headers.has("user-agent")) request.headers.add("User-Agent", "Pollux");
  if (!request.headers.has("accept")) request.headers.add("Accept", "*/*");
  if (!request.headers.has("accept-encoding")) request.headers.add("Accept-Encoding", "identity");
}

}  // namespace

void check_fetch_arguments(lua_State* state, int table, const char* function, const char* place) {
  luaL_checktype(state, table, LUA_TTABLE);
  lua_settop(state, table);
  luaL_checkstack(state, 16, "too many values");
  for (const char* name : {place, "method", "body"}) {
    push_argument(state, table, name);
    const bool fits = lua_type(state, -1) == LUA_TSTRING || (lua_isnil(state, -1) && name != place);
    if (!fits) luaL_error(state, "%s: %s must be a text", function, name);
  }
  push_argument(state, table, "timeout");
  if (!lua_isnil(state, -1) && lua_type(state, -1) != LUA_TNUMBER) {
    luaL_error(state, "%s: timeout must be a number of seconds", function);
  }
  push_argument(state, table, "max_bytes");
  if (!lua_isnil(state, -1) && lua_type(state, -1) != LUA_TNUMBER) {
    luaL_error(state, "%s: max_bytes must be a number", function);
  }
  for (const char* name : {"base64", "public_only"}) {
    push_argument(state, table, name);
    if (!lua_isnil(state, -1) && !lua_isboolean(state, -1)) {
      luaL_error(state, "%s: %s must be true or false", function, name);
    }
  }
  push_argument(state, table, "headers");
  if (lua_isnil(state, -1)) return;
  if (!lua_istable(state, -1)) luaL_error(state, "%s: headers must be a table", function);
  const int headers = table + 8;
  lua_newtable(state);  // A copy, with numbers made texts.
  lua_pushnil(state);
  while (lua_next(state, headers)) {
    if (lua_type(state, -2) != LUA_TSTRING || !lua_isstring(state, -1)) {
      luaL_error(state, "%s: headers must be texts by name", function);
    }
    lua_pushvalue(state, -2);
    lua_insert(state, -2);
    lua_tostring(state, -1);
    lua_rawset(state, headers + 1);
  }
  lua_replace(state, headers);
}

std::string read_fetch_arguments(lua_State* state, int table, FetchRequest& request) {
  const int place = table + 1, method = table + 2, body = table + 3, time = table + 4, most = table + 5,
            base64 = table + 6, public_only = table + 7, headers = table + 8;
  request.place = text_at(state, place);
  if (!lua_isnil(state, method)) request.method = text_at(state, method);
  request.body = text_at(state, body);
  const double timeout = lua_isnil(state, time) ? default_timeout_s : lua_tonumber(state, time);
  if (!is_visible(request.place)) return "the address holds blanks or control characters";
  if (!is_token(request.method) || request.method.size() > 20) return "method is no HTTP method";
  if (!(timeout >= least_timeout_s && timeout <= longest_timeout_s))
    return "timeout must be 1 to 300 seconds";
  request.timeout = Milliseconds(static_cast<std::int64_t>(timeout * 1000));
  request.base64 = lua_toboolean(state, base64);
  request.public_only = lua_toboolean(state, public_only);
  const double max_bytes = lua_isnil(state, most) ? double{usual_max_bytes} : lua_tonumber(state, most);
  if (!(max_bytes >= 1 && max_bytes <= double{most_max_bytes})) return "max_bytes must be 1 to 67108864";
  if (max_bytes > double{usual_max_bytes} && !request.base64) {
    return "max_bytes above 4194304 is for base64 alone";
  }
  request.max_bytes = static_cast<std::size_t>(max_bytes);
  if (lua_istable(state, headers)) {
    lua_pushnil(state);
    while (lua_next(state, headers)) {
      const std::string_view name = text_at(state, -2), value = text_at(state, -1);
      if (!is_token(name) || !is_field_value(value)) return "a header's name or value is malformed";
      request.headers.add(name, value);
      lua_pop(state, 1);
    }
  }
  add_default_headers(request);
  return {};
}

std::shared_ptr<void> start_fetch(Script& script, FetchRequest request, const FetchTarget& target,
                                  Script::Resume resume) {
  auto fetch = std::make_shared<Fetch>(script.lua(), std::move(request), std::move(resume));
  fetch->start(*script.host().loop, *script.host().http, target);
  return fetch;
}

}  // namespace pollux
