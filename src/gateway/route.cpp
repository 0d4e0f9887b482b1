#include "gateway/route.h"

#include <algorithm>
#include <array>

namespace pollux {
namespace {

struct Split {
  std::string_view path, query;
};

Split split_target(std::string_view target) {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

bool take_prefix(std::string& path, std::string_view prefix) {
  if (path.compare(0, prefix.size(), prefix) != 0) return false;
  if (path.size() > prefix.size() && path[prefix.size()] != '/') return false;
  path.erase(0, prefix.size());
  if (path.empty()) path = '/';
  return true;
}

bool is_version(std::string_view segment) {
  return segment == "v1" || segment == "v1beta" || segment == "v1alpha" || segment == "v1beta1";
}

// Google's Go and Java clients encode the colon of a method; nobody else means one by "%3A".
void decode_colons(std::string& path) {
  for (auto at = path.find("%3"); at != std::string::npos; at = path.find("%3", at + 1)) {
    if (at + 2 < path.size() && (path[at + 2] == 'A' || path[at + 2] == 'a')) path.replace(at, 3, ":");
  }
}

// "/v1/v1beta/models" -> "/v1beta/models": a base URL with a version, and a client that adds its own. The
// last wins.
void drop_doubled_versions(std::string& path) {
  for (;;) {
    const auto first_end = path.find('/', 1);
    if (first_end == std::string::npos || !is_version(std::string_view(path).substr(1, first_end - 1)))
      return;
    const auto second_end = std::min(path.find('/', first_end + 1), path.size());
    if (!is_version(std::string_view(path).substr(first_end + 1, second_end - first_end - 1))) return;
    path.erase(0, first_end);
  }
}

// What is left of "/openai/v1/v1/chat/completions" without its prefixes, doubled, mixed or missing:
// "/chat/completions". `named` tells whether one of them was OpenAI's own.
std::string_view without_openai_prefixes(std::string_view path, bool& named) {
  named = false;
  while (path.size() > 1) {
    const auto segment = path.substr(1, std::min(path.find('/', 1), path.size()) - 1);
    const bool own = segment == "openai" || segment == "hf";
    if (!own && segment != "v1" && !(named && is_version(segment))) break;
    named = named || own;
    path.remove_prefix(segment.size() + 1);
  }
  return path;
}

// "/v1beta/../x", plain or encoded: it would leave the upstream's prefix where somebody resolves it. No path
// of the API has any.
bool climbs(std::string_view path) {
  if (path.find('.') == std::string_view::npos && path.find("%2") == std::string_view::npos) return false;
  const std::string decoded = percent_decode(path);
  for (std::size_t begin = 0; begin < decoded.size();) {
    const auto end = std::min(decoded.find_first_of("/\\", begin), decoded.size());
    const auto segment = std::string_view(decoded).substr(begin, end - begin);
    if (segment == "." || segment == "..") return true;
    begin = end + 1;
  }
  return false;
}

struct Method {
  std::string_view name, endpoint;
  bool streams, generates;
};

constexpr std::array methods{
    Method{"generateContent", "generate", false, true},
    Method{"streamGenerateContent", "stream", true, true},
    Method{"countTokens", "count_tokens", false, false},
    Method{"countTextTokens", "count_tokens", false, false},
    Method{"embedContent", "embed", false, false},
    Method{"batchEmbedContents", "embed", false, false},
    Method{"predict", "predict", false, false},
    Method{"predictLongRunning", "predict", false, false},
    Method{"batchGenerateContent", "batch", false, false},
    Method{"asyncBatchEmbedContent", "batch", false, false},
};

struct Collection {
  std::string_view name, endpoint;
};

constexpr std::array collections{
    Collection{"files", "files"},
    Collection{"cachedContents", "caches"},
    Collection{"batches", "batches"},
    Collection{"operations", "operations"},
    Collection{"tunedModels", "tuned_models"},
    Collection{"fileSearchStores", "stores"},
    Collection{"interactions", "interactions"},
    Collection{"corpora", "other"},
    Collection{"generatedFiles", "files"},
    Collection{"dynamic", "other"},
    Collection{"auth_tokens", "auth_tokens"},
    Collection{"decisions", "other"},
    Collection{"agents", "other"},
    Collection{"environments", "other"},
    Collection{"credentials", "other"},
    Collection{"triggers", "other"},
    Collection{"voices", "other"},
    Collection{"webhooks", "other"},
};

constexpr std::array openai_endpoints{
    Collection{"/chat/completions", "chat"},
    Collection{"/completions", "completions"},
    Collection{"/embeddings", "embeddings"},
    Collection{"/images/generations", "images"},
    Collection{"/images/edits", "image_edits"},
    Collection{"/audio/speech", "speech"},
    Collection{"/audio/transcriptions", "transcriptions"},
    Collection{"/audio/translations", "translations"},
};

// Of a path behind "/v1"; empty: none of OpenAI's that has a name here.
std::string_view openai_endpoint(std::string_view path) {
  for (const auto& known : openai_endpoints)
    if (path == known.name) return known.endpoint;
  return {};
}

bool reads(std::string_view http_method) {
  return http_method == "GET" || http_method == "HEAD";
}

bool has_query_name(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const auto part = query.substr(0, query.find('&'));
    if (part.substr(0, part.find('=')) == name) return true;
    query.remove_prefix(std::min(part.size() + 1, query.size()));
  }
  return false;
}

// Who speaks on the paths that three dialects share.
Dialect guess_dialect(const Headers& headers, std::string_view query) {
  if (headers.has("anthropic-version")) return Dialect::anthropic;
  if (headers.has("x-goog-api-key") || headers.has("x-goog-api-client") || has_query_name(query, "key") ||
      has_query_name(query, "pageSize")) {
    return Dialect::gemini;
  }
  if (headers.has("x-api-key")) return Dialect::anthropic;
  return headers.has("authorization") ? Dialect::openai : Dialect::gemini;
}

// Finds "models/NAME[:method]" (also under tunedModels and dynamic) behind `at` and marks the name in the
// route.
void find_model(Route& route, std::size_t at) {
  // "models/models/x" occurs in the wild.
  while (std::string_view(route.path).substr(at).starts_with("models/")) route.path.erase(at, 7);
  const auto rest = std::string_view(route.path).substr(at);
  auto end = rest.find(':');
  if (end == std::string_view::npos) end = rest.find('/');
  route.model_at = at;
  route.model_size = end == std::string_view::npos ? rest.size() : end;
  route.model = percent_decode(rest.substr(0, route.model_size));
}

void read_method(Route& route) {
  const auto colon = route.path.rfind(':');
  if (colon == std::string::npos) return;
  const auto name = std::string_view(route.path).substr(colon + 1);
  const auto* method =
      std::find_if(methods.begin(), methods.end(), [&](const Method& known) { return known.name == name; });
  if (method == methods.end()) return;
  route.endpoint = method->endpoint;
  route.streams = method->streams;
  route.generates = method->generates;
  route.counts_quota = method->generates || method->endpoint == "embed" || method->endpoint == "predict";
}

void read_models(Route& route, std::size_t collection_at, std::string_view http_method) {
  const auto collection = std::string_view(route.path).substr(collection_at);
  if (collection == "models" || collection == "models/") {
    route.lists_models = reads(http_method);
    route.endpoint = route.lists_models ? "list_models" : "other";
    return;
  }
  find_model(route, collection_at + 7);
  if (collection.find("/operations") != std::string_view::npos) {
    route.model.clear();
    route.endpoint = "operations";
  } else if (route.path.find(':', collection_at) == std::string::npos) {
    route.endpoint = "get_model";
  } else {
    read_method(route);
  }
}

// "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent": the Live API.
bool is_live_path(std::string_view path) {
  constexpr std::string_view package = "/ws/google.ai.generativelanguage.";
  if (!path.starts_with(package)) return false;
  path.remove_prefix(package.size());
  const auto version = path.substr(0, path.find('.'));
  path.remove_prefix(version.size());
  return is_version(version) && path.starts_with(".GenerativeService.Bidi");
}

bool asks_for_websocket(std::string_view http_method, const Headers& headers) {
  return http_method == "GET" && headers.lists("connection", "upgrade") &&
         headers.lists("upgrade", "websocket");
}

// "/v1beta/..." in Google's own words. False: it is none of them.
bool read_gemini(Route& route, std::string_view http_method) {
  const auto version_end = route.path.find('/', 1);
  if (version_end == std::string::npos) return false;
  const auto collection_at = version_end + 1;
  const auto rest = std::string_view(route.path).substr(collection_at);
  const auto collection = rest.substr(0, rest.find_first_of("/:"));
  route.service = Service::gemini;
  if (collection == "models") return read_models(route, collection_at, http_method), true;
  if (collection == "publishers") {
    route.service = Service::vertex;
    if (const auto at = route.path.find("/models/"); at != std::string::npos)
      find_model(route, at + 8), read_method(route);
    return true;
  }
  if (collection == "openai") {
    route.dialect = Dialect::openai;
    route.endpoint = "openai";
    route.lists_models = rest == "openai/models" && reads(http_method);
    route.bearer_upstream = true;
    return true;
  }
  for (const auto& known : collections) {
    if (known.name != collection) continue;
    route.endpoint = known.endpoint;
    read_method(route);
    if (collection == "tunedModels" || collection == "dynamic") {
      if (rest.find(':') != std::string_view::npos) {
        const auto name_at = collection_at + collection.size() + 1;
        find_model(route, std::min(name_at, route.path.size()));
        route.model.insert(0, std::string(collection) + "/");
        route.model_at = collection_at;
        route.model_size += collection.size() + 1;
      }
    }
    return true;
  }
  return false;
}

// Of a path behind "/v1": whether it can be OpenAI's only.
bool is_openai_alone(std::string_view path) {
  constexpr std::array known{"/chat/completions", "/completions", "/embeddings", "/images/",
                             "/audio/",           "/responses",   "/moderations"};
  return std::any_of(known.begin(), known.end(),
                     [&](std::string_view prefix) { return path.starts_with(prefix); });
}

// "/models", behind a base URL without any version.
void add_missing_version(std::string& path, const Headers& headers, std::string_view query) {
  if (path != "/models" && !path.starts_with("/models/")) return;
  const bool is_openai =
      path.find(':') == std::string::npos && guess_dialect(headers, query) == Dialect::openai;
  path.insert(0, is_openai ? "/v1" : "/v1beta");
}

// True, and the path is "/v1/...": it is OpenAI's by its prefix, or by what stands behind "/v1" or nothing.
bool take_openai_path(std::string& path) {
  bool named = false;
  const auto rest = without_openai_prefixes(path, named);
  const bool has_version = rest.size() < path.size();
  const bool is = named         ? rest.size() > 1
                  : has_version ? is_openai_alone(rest)
                                : !openai_endpoint(rest).empty();
  if (is) path = "/v1" + std::string(rest);
  return is;
}

// "/v1/..." in OpenAI's words: what it means, and what Gemini cannot do, its dialect says.
void read_openai(Route& route, std::string_view http_method) {
  constexpr std::string_view models = "/v1/models";
  route.dialect = Dialect::openai;
  route.service = Service::gemini;
  route.translated = true;
  if (route.path == models && reads(http_method)) {
    route.endpoint = "list_models";
  } else if (route.path.starts_with("/v1/models/") && reads(http_method)) {
    route.endpoint = "get_model";
    route.model = percent_decode(std::string_view(route.path).substr(models.size() + 1));
  } else if (const auto endpoint = openai_endpoint(std::string_view(route.path).substr(3));
             !endpoint.empty()) {
    if (http_method == "POST") route.endpoint = endpoint;
  }
}

// What nobody but Google has under "/v1".
bool is_google_alone(std::string_view path) {
  const auto rest = path.substr(std::min(path.size(), std::string_view("/v1/").size()));
  const auto collection = rest.substr(0, rest.find('/'));
  if (collection == "models" || collection == "files" || collection == "batches") return false;
  return collection == "publishers" ||
         std::any_of(collections.begin(), collections.end(),
                     [&](const auto& known) { return known.name == collection; });
}

// On "/v1", which Gemini's newer SDKs share with OpenAI and Anthropic.
void read_shared_version(Route& route, std::string_view http_method, const Headers& headers) {
  if (route.path.starts_with("/v1/messages")) {
    route.dialect = Dialect::anthropic;
  } else if (route.path.find(':') != std::string::npos) {
    if (read_gemini(route, http_method)) return;
    route.service = Service::gemini;
  } else {
    if (!is_google_alone(route.path)) route.dialect = guess_dialect(headers, route.query);
    if (route.dialect == Dialect::gemini) read_gemini(route, http_method);
    if (route.dialect == Dialect::openai) read_openai(route, http_method);
  }
}

}  // namespace

std::string_view name_of(Dialect dialect) noexcept {
  switch (dialect) {
    case Dialect::gemini:
      return "gemini";
    case Dialect::openai:
      return "openai";
    case Dialect::anthropic:
      return "anthropic";
  }
  return "gemini";
}

std::string normal_path(std::string_view target) {
  const auto raw = split_target(target).path;
  std::string path;
  path.reserve(raw.size() + 1);
  if (!raw.starts_with('/')) path += '/';
  for (const char letter : raw) {
    if (letter != '/' || !path.ends_with('/')) path += letter;
  }
  decode_colons(path);
  if (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

Route find_route(std::string_view method, std::string_view target, const Headers& headers) {
  Route route;
  route.path = normal_path(target);
  route.query = split_target(target).query;
  const bool under_gemini = take_prefix(route.path, "/gemini");
  if (!under_gemini) add_missing_version(route.path, headers, route.query);
  const bool speaks_openai = !under_gemini && take_openai_path(route.path);
  if (!speaks_openai) drop_doubled_versions(route.path);
  if (climbs(route.path)) return route;
  if (speaks_openai) {
    read_openai(route, method);
    return route;
  }
  const auto version = std::string_view(route.path).substr(1, route.path.find('/', 1) - 1);
  if (is_live_path(route.path)) {
    route.service = Service::gemini;
    route.endpoint = "live";
    route.opens_websocket = asks_for_websocket(method, headers);
  } else if (version == "upload" || version == "download") {
    route.service = Service::gemini;
    route.endpoint = version == "upload" ? "upload" : "download";
  } else if (version == "v1" && !under_gemini) {
    read_shared_version(route, method, headers);
  } else if (is_version(version)) {
    read_gemini(route, method);
  }
  return route;
}

}  // namespace pollux
