// Where a request leads, read from its method, path and headers alone.
//
// Paths are put right first (doubled slashes and prefixes, an encoded ":"), so that everything behind sees
// one form.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace pollux {

enum class Dialect { gemini, openai, anthropic };
std::string_view name_of(Dialect dialect) noexcept;

// Which of Google's services answers.
enum class Service { none, gemini, vertex };

struct Route {
  Dialect dialect = Dialect::gemini;
  Service service = Service::none;  // none: Pollux offers no such path.
  // What a policy sees as request.endpoint; a literal. "generate" "stream" "count_tokens" "embed" "predict"
  // "batch" "list_models" "get_model" "upload" "download" "files" "caches" "batches" "operations"
  // "tuned_models" "stores" "interactions" "auth_tokens" "openai" "live" "other". In OpenAI's dialect: "chat"
  // "completions" "embeddings" "images" "image_edits" "speech" "transcriptions" "translations" "list_models"
  // "get_model" "other".
  std::string_view endpoint = "other";
  std::string path;   // Put right: "/v1beta/models/x:generateContent".
  std::string query;  // As it came, credentials included.
  // The model that the path names, as written there ("gemini-3.8-flash", "models/x" without its prefix), and
  // where in `path` it stands.
  std::string model;
  std::size_t model_at = 0, model_size = 0;
  bool streams = false;          // The answer is a stream of events or of array elements.
  bool generates = false;        // The answer is a model's: one that holds nothing is worth another try.
  bool counts_quota = false;     // Google counts it against the model's limits; counting tokens is free.
  bool lists_models = false;     // The answer is a list of models of Google's.
  bool opens_websocket = false;  // A session of the Live API.
  bool bearer_upstream = false;  // Google's own OpenAI prefix: the key goes into Authorization.
  bool translated = false;       // A dialect policy makes a request of Google's own of it.
};

// `target` as in RequestHead. Never fails: what nobody offers is a Route with Service::none, in the dialect
// that the client seems to speak.
Route find_route(std::string_view method, std::string_view target, const Headers& headers);

// The path alone, put right: for those who ask before there is a Route.
std::string normal_path(std::string_view target);

}  // namespace pollux
