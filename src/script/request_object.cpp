// `request` and its headers, and those of answers.
#include <array>
#include <cctype>

#include "script/object_types.h"
#include "script/query_table.h"

namespace pollux {
namespace {

constexpr std::array request_fields{"method",  "path",     "query",   "remote_address", "headers",
                                    "dialect", "endpoint", "model",   "upstream_model", "streaming",
                                    "token",   "client",   "own_key", "conversation",   "estimated_tokens",
                                    "body",    "text",     "size",    "form",           "form_problem",
                                    "state",   "features"};
enum class RequestField {
  method,
  path,
  query,
  remote_address,
  headers,
  dialect,
  endpoint,
  model,
  upstream_model,
  streaming,
  token,
  client,
  own_key,
  conversation,
  estimated_tokens,
  body,
  text,
  size,
  form,
  form_problem,
  state,
  features
};

int push_reference(lua_State* state, const LuaRef& reference) {
  reference.push(state);
  return 1;
}

int push_query(ExchangeObjects& exchange, lua_State* state) {
  if (!exchange.query) {
    push_query_table(state, exchange.request.query);
    exchange.query = LuaRef(state, -1);
    return 1;
  }
  return push_reference(state, exchange.query);
}

// A table of the exchange's own, made at its first use.
int push_own_table(LuaRef& table, lua_State* state) {
  if (table) return push_reference(state, table);
  lua_newtable(state);
  table = LuaRef(state, -1);
  return 1;
}

int push_body(ExchangeObjects& exchange, lua_State* state) {
  if (exchange.request.has_body_text || exchange.body.touched()) {
    exchange.body.push(state, exchange.request.body_text);
  } else {
    lua_pushnil(state);
  }
  return 1;
}

// The form that came, or why there is none.
int push_form(ExchangeObjects& exchange, lua_State* state, RequestField field) {
  const auto& request = exchange.request;
  if (!request.has_body_text && !exchange.body.touched()) {
    if (field == RequestField::form) return lua_pushnil(state), 1;
    return push_text(state, "there is no body, or it is too large to be held"), 1;
  }
  const auto type = request.headers.get("content-type").value_or("");
  const auto text = exchange.body.base(request.body_text);
  const auto& lent = exchange.body.lend(state, request.body_text);
  if (field == RequestField::form) {
    exchange.form.push(state, type, text, lent);
  } else {
    exchange.form.push_problem(state, type, text, lent);
  }
  return 1;
}

// The bytes as they would be sent now.
int push_bytes(EditableBody& body, std::string_view original, bool present, lua_State* state) {
  if (!present && !body.touched()) {
    lua_pushnil(state);
    return 1;
  }
  bool good = false;
  {
    const auto bytes = body.bytes(state, original);
    good = bytes.has_value();
    push_text(state, good ? *bytes : std::string_view(bytes.error().message));
  }
  return good ? 1 : lua_error(state);
}

int push_headers(ExchangeObjects& exchange, lua_State* state) {
  if (exchange.headers_object) return push_reference(state, exchange.headers_object);
  auto* box = static_cast<ExchangeBox*>(lua_newuserdata(state, sizeof(ExchangeBox)));
  *box = {ObjectType::headers, exchange.name, 0, static_cast<std::uint32_t>(ObjectType::request)};
  exchange.policies.tables().headers.push(state);
  lua_setmetatable(state, -2);
  exchange.headers_object = LuaRef(state, -1);
  return 1;
}

int read_request(lua_State* state, int field) {
  auto& exchange = *open_box(state, 1, ObjectType::request).exchange;
  const auto& request = exchange.request;
  switch (static_cast<RequestField>(field)) {
    case RequestField::method:
      return push_text(state, request.method), 1;
    case RequestField::path:
      return push_text(state, request.path), 1;
    case RequestField::query:
      return push_query(exchange, state);
    case RequestField::remote_address:
      return push_text(state, request.remote_address), 1;
    case RequestField::headers:
      return push_headers(exchange, state);
    case RequestField::dialect:
      return push_text(state, request.dialect), 1;
    case RequestField::endpoint:
      return push_text(state, request.endpoint), 1;
    case RequestField::streaming:
      return lua_pushboolean(state, request.streaming), 1;
    case RequestField::client:
      return push_client(exchange.policies, state, request.client), 1;
    case RequestField::own_key:
      return lua_pushboolean(state, request.own_key), 1;
    case RequestField::conversation:
      if (request.conversation.empty()) return lua_pushnil(state), 1;
      return push_text(state, request.conversation), 1;
    case RequestField::estimated_tokens:
      return lua_pushnumber(state, static_cast<double>(request.estimated_tokens)), 1;
    case RequestField::body:
      return push_body(exchange, state);
    case RequestField::text:
      return push_bytes(exchange.body, request.body_text, request.has_body_text, state);
    case RequestField::size:
      if (!request.has_body_text) return lua_pushnil(state), 1;
      return lua_pushnumber(state, static_cast<double>(request.body_text.size())), 1;
    case RequestField::form:
    case RequestField::form_problem:
      return push_form(exchange, state, static_cast<RequestField>(field));
    case RequestField::state:
      return push_own_table(exchange.state, state);
    case RequestField::features:
      return push_own_table(exchange.features, state);
    case RequestField::model:
      if (request.model.empty()) return lua_pushnil(state), 1;
      return push_text(state, request.model), 1;
    case RequestField::upstream_model:
      if (request.upstream_model.empty()) return lua_pushnil(state), 1;
      return push_text(state, request.upstream_model), 1;
    case RequestField::token:
      if (request.token.empty()) return lua_pushnil(state), 1;
      return push_text(state, request.token), 1;
  }
  return 0;
}

void assign_path(ExchangeObjects& exchange, lua_State* state) {
  const auto path = text_argument(state, 3, "request.path");
  bool good = !path.empty() && path.front() == '/';
  for (const char c : path) good = good && c > ' ' && c < 0x7f && c != '?' && c != '#';
  if (!good) luaL_error(state, "request.path: expected a path that begins with / and holds no ?, # or blank");
  exchange.request.path = path;
}

// What the pool remembers a key under, once it has answered.
void assign_conversation(ExchangeObjects& exchange, lua_State* state) {
  constexpr std::size_t longest = 256;
  const auto name =
      lua_isnil(state, 3) ? std::string_view() : text_argument(state, 3, "request.conversation");
  if (name.size() > longest) luaL_error(state, "request.conversation is longer than 256 bytes");
  exchange.request.conversation = name;
}

int write_request(lua_State* state) {
  auto& exchange = *open_box(state, 1, ObjectType::request).exchange;
  const auto field = static_cast<RequestField>(assigned_field(state, ObjectType::request));
  switch (field) {
    case RequestField::body:
      if (!lua_istable(state, 3)) {
        return luaL_error(state, "request.body is a %s, expected a table", luaL_typename(state, 3));
      }
      exchange.body.assign(state, 3);
      return 0;
    case RequestField::text:
      return exchange.body.assign_text(text_argument(state, 3, "request.text")), 0;
    case RequestField::state:
      if (!lua_istable(state, 3)) {
        return luaL_error(state, "request.state is a %s, expected a table", luaL_typename(state, 3));
      }
      exchange.state = LuaRef(state, 3);
      return 0;
    case RequestField::conversation:
      return assign_conversation(exchange, state), 0;
    case RequestField::upstream_model:
    case RequestField::path:
      if (!exchange.transforming) {
        return luaL_error(state, "request.%s can be set in transform.request only", lua_tostring(state, 2));
      }
      if (field == RequestField::path) return assign_path(exchange, state), 0;
      {
        const auto model = text_argument(state, 3, "request.upstream_model");
        if (model.empty()) return luaL_error(state, "request.upstream_model is empty");
        exchange.request.upstream_model = model;
      }
      return 0;
    default:
      raise_read_only(state, ObjectType::request);
  }
}

// -- Headers

struct OpenedHeaders {
  const Headers* readable;
  Headers* writable;  // Null: those of an attempt stay as they are.
};

OpenedHeaders open_headers(lua_State* state, int index) {
  const auto [box, exchange] = open_box(state, index, ObjectType::headers);
  switch (static_cast<ObjectType>(box->index)) {
    case ObjectType::attempt:
      if (!exchange->attempt || box->number != exchange->attempt_number)
        luaL_error(state, "this attempt is over");
      return {exchange->attempt->headers, nullptr};
    case ObjectType::response:
      if (!exchange->response || box->number != exchange->response_number)
        luaL_error(state, "this response is over");
      return {&exchange->response->headers, &exchange->response->headers};
    default:
      return {&exchange->request.headers, &exchange->request.headers};
  }
}

// Upvalues: policies, headers. Stack: headers, index so far.
int next_header(lua_State* state) {
  const auto headers = open_headers(state, 1);
  const auto at = static_cast<std::size_t>(lua_tointeger(state, lua_upvalueindex(2)));
  if (at >= headers.readable->size()) return 0;
  lua_pushinteger(state, static_cast<lua_Integer>(at + 1));
  lua_replace(state, lua_upvalueindex(2));
  const auto field = (*headers.readable)[at];
  luaL_Buffer name;
  luaL_buffinit(state, &name);
  for (const char c : field.name) {
    luaL_addchar(&name, static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  luaL_pushresult(&name);
  push_text(state, field.value);
  return 2;
}

// for name, value in headers:each() do
int each_header(lua_State* state) {
  open_headers(state, 1);
  lua_pushvalue(state, lua_upvalueindex(1));
  lua_pushinteger(state, 0);
  lua_pushcclosure(state, lua_entry<next_header>, 2);
  lua_pushvalue(state, 1);
  return 2;
}

int read_header(lua_State* state) {
  const auto headers = open_headers(state, 1);
  const auto name = text_argument(state, 2, "the name of a header");
  if (name == "each") {
    lua_pushvalue(state, lua_upvalueindex(2));
    lua_getfield(state, -1, "each");
    return 1;
  }
  const auto value = headers.readable->get(name);
  if (!value) return lua_pushnil(state), 1;
  push_text(state, *value);
  return 1;
}

bool is_header_name(std::string_view name) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  for (const char c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && marks.find(c) == std::string_view::npos) return false;
  }
  return !name.empty();
}

int write_header(lua_State* state) {
  const auto headers = open_headers(state, 1);
  const auto name = text_argument(state, 2, "the name of a header");
  if (!headers.writable) return luaL_error(state, "attempt.headers are read-only");
  if (!is_header_name(name))
    return luaL_error(state, "headers: \"%s\" is no name of a header", lua_tostring(state, 2));
  if (lua_isnil(state, 3)) return headers.writable->remove(name), 0;
  if (lua_type(state, 3) != LUA_TSTRING && lua_type(state, 3) != LUA_TNUMBER) {
    return luaL_error(state, "headers[\"%s\"] is a %s, expected a string or nil", lua_tostring(state, 2),
                      luaL_typename(state, 3));
  }
  std::size_t size = 0;
  const char* text = lua_tolstring(state, 3, &size);
  const std::string_view value(text, size);
  for (const char c : value) {
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f) {
      return luaL_error(state, "headers[\"%s\"] holds a control character", lua_tostring(state, 2));
    }
  }
  headers.writable->set(name, value);
  return 0;
}

}  // namespace

void push_request(ExchangeObjects& exchange, lua_State* state) {
  if (exchange.request_object) return exchange.request_object.push(state);
  auto* box = static_cast<ExchangeBox*>(lua_newuserdata(state, sizeof(ExchangeBox)));
  *box = {ObjectType::request, exchange.name, 0, 0};
  exchange.policies.tables().request.push(state);
  lua_setmetatable(state, -2);
  exchange.request_object = LuaRef(state, -1);
}

void make_request_types(LoadedPolicies& policies, lua_State* state) {
  make_type(policies, state,
            {ObjectType::request,
             request_fields,
             {},
             lua_entry<index_body<read_request, ObjectType::request>>,
             lua_entry<write_request>,
             nullptr,
             nullptr});
  policies.tables().request = LuaRef(state, -1);
  static constexpr std::array header_methods{Method{"each", lua_entry<each_header>}};
  make_type(policies, state,
            {ObjectType::headers,
             {},
             header_methods,
             lua_entry<read_header>,
             lua_entry<write_header>,
             nullptr,
             nullptr});
  policies.tables().headers = LuaRef(state, -1);
  lua_pop(state, 2);
}

}  // namespace pollux
