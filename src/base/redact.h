// Hides secrets in texts that people will read: log lines, error messages, addresses.
#pragma once

#include <string>
#include <string_view>

namespace pollux {

// The form in which a secret may be shown: "AIza…x9Qk", or just "…" where so much would tell too much.
std::string mask_secret(std::string_view secret);

// The same text with everything masked that looks like a Google key (AIza..., AQ....) or stands where one
// does
// (?key=, &key=, access_token=, api_key:). What is masked already stays as it is.
std::string redact_keys(std::string_view text);

// The same, with this secret masked wherever it stands.
std::string redact_keys(std::string_view text, std::string_view secret);

// The same within `text`, from an offset on; costs one look at each byte where nothing is found.
void redact_keys_in(std::string& text, std::size_t from = 0);

// Masks this secret wherever it stands in `text`.
void redact_secret_in(std::string& text, std::string_view secret);

}  // namespace pollux
