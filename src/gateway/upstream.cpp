#include "gateway/gateway.h"

namespace pollux {

Result<Upstream> Upstream::from(const Settings& settings) {
  Upstream upstream;
  auto gemini = Origin::parse(settings.gemini_base_url, &upstream.gemini_prefix);
  if (!gemini) return std::move(gemini).error().within("GEMINI_BASE_URL");
  upstream.gemini = *gemini;
  if (settings.gemini_base_url_set) {
    upstream.vertex = upstream.gemini;  // Once set it stands for Google everywhere.
    upstream.vertex_prefix = upstream.gemini_prefix;
  } else {
    upstream.vertex = Origin{true, "aiplatform.googleapis.com", 443};
  }
  for (const auto& url : settings.proxies) {
    auto proxy = Proxy::parse(url);
    if (!proxy) return std::move(proxy).error().within("PROXIES");
    upstream.proxies.push_back(*std::move(proxy));
  }
  return upstream;
}

}  // namespace pollux
