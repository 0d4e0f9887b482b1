#include "http/form.h"

#include <algorithm>
#include <map>

#include "http/message.h"

namespace pollux {
namespace {

constexpr std::string_view line_end = "\r\n";

std::string_view trimmed(std::string_view text) {
  const auto first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

// A field as `form-data; name="a"; filename="b"`: a word and its parameters, with names in lower case.
struct ParameterField {
  std::string word;
  std::map<std::string, std::string, std::less<>> parameters;

  const std::string* find(std::string_view name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? nullptr : &found->second;
  }
};

// Takes the text in quotes that `field` begins with; false if it does not end. A backslash escapes only
// quotes and itself: browsers send the paths of old systems with theirs.
bool take_quoted(std::string_view& field, std::string& value) {
  for (std::size_t at = 1; at < field.size(); ++at) {
    const bool escaped =
        field[at] == '\\' && at + 1 < field.size() && (field[at + 1] == '"' || field[at + 1] == '\\');
    if (escaped) ++at;
    if (!escaped && field[at] == '"') {
      field.remove_prefix(at + 1);
      return true;
    }
    value += field[at];
  }
  return false;
}

std::optional<ParameterField> parse_parameters(std::string_view field) {
  ParameterField result;
  auto end = std::min(field.find(';'), field.size());
  result.word = lower(trimmed(field.substr(0, end)));
  field.remove_prefix(end);
  while (!(field = trimmed(field)).empty()) {
    if (field.front() == ';') {
      field.remove_prefix(1);
      continue;
    }
    end = std::min(field.find_first_of("=;"), field.size());
    const auto name = lower(trimmed(field.substr(0, end)));
    field.remove_prefix(end);
    if (!field.starts_with('=')) continue;
    field = trimmed(field.substr(1));
    std::string value;
    if (field.starts_with('"')) {
      if (!take_quoted(field, value)) return std::nullopt;
    } else {
      end = std::min(field.find(';'), field.size());
      value = trimmed(field.substr(0, end));
      field.remove_prefix(end);
    }
    result.parameters.try_emplace(name, std::move(value));
  }
  return result;
}

// "UTF-8''na%C3%AFve.txt" (RFC 8187); some clients send names of files so.
std::optional<std::string> extended_value(std::string_view text) {
  const auto first = text.find('\'');
  const auto second = first == std::string_view::npos ? first : text.find('\'', first + 1);
  if (second == std::string_view::npos || lower(text.substr(0, first)) != "utf-8") return std::nullopt;
  return percent_decode(text.substr(second + 1));
}

class MultipartReader {
 public:
  MultipartReader(std::string_view body, std::string_view boundary)
      : body_(body), delimiter_("\r\n--" + std::string(boundary)) {}

  Result<std::vector<FormPart>> read() {
    if (!find_first_delimiter()) return invalid_input("the form's boundary stands nowhere in it");
    while (!rest().starts_with("--")) {
      if (parts_.size() == most_form_parts) return invalid_input("the form has more than 1000 parts");
      if (auto read = part(); !read) {
        return std::move(read).error().within("part " + std::to_string(parts_.size() + 1) + " of the form");
      }
    }
    return std::move(parts_);
  }

 private:
  std::string_view rest() const { return body_.substr(at_); }

  // What stands before it is for people.
  bool find_first_delimiter() {
    const auto opening = std::string_view(delimiter_).substr(line_end.size());
    if (body_.starts_with(opening)) return at_ = opening.size(), true;
    return skip_to_delimiter().has_value();
  }

  // Moves behind the next delimiter, and returns where it begins.
  std::optional<std::size_t> skip_to_delimiter() {
    const auto found = body_.find(delimiter_, at_);
    if (found == std::string_view::npos) return std::nullopt;
    at_ = found + delimiter_.size();
    return found;
  }

  Result<void> part() {
    at_ = std::min(body_.find_first_not_of(" \t", at_), body_.size());
    if (!rest().starts_with(line_end)) return invalid_input("the line of its boundary does not end");
    FormPart part;
    if (auto read = headers(part); !read) return read;
    const auto begin = at_;
    const auto end = skip_to_delimiter();
    if (!end) return invalid_input("it has no end");
    part.in_place = body_.substr(begin, *end - begin);
    parts_.push_back(std::move(part));
    return {};
  }

  // Between the ends of two lines, so that there may be none.
  Result<void> headers(FormPart& part) {
    constexpr std::string_view end_mark = "\r\n\r\n";
    const auto end = body_.substr(at_, most_part_header_bytes + end_mark.size()).find(end_mark);
    if (end == std::string_view::npos) {
      return invalid_input(rest().size() > most_part_header_bytes ? "its headers are larger than 8 KiB"
                                                                  : "its headers have no end");
    }
    Headers fields;
    auto lines = body_.substr(at_, end);
    while (!lines.empty()) {
      lines.remove_prefix(line_end.size());
      const auto line = lines.substr(0, lines.find(line_end));
      const auto colon = line.find(':');
      if (colon == std::string_view::npos) return invalid_input("a header of it has no colon");
      fields.add(trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
      lines.remove_prefix(line.size());
    }
    at_ += end + end_mark.size();
    if (const auto type = fields.get("content-type")) part.type = *type;
    return disposition(fields, part);
  }

  static Result<void> disposition(const Headers& fields, FormPart& part) {
    const auto field = parse_parameters(fields.get("content-disposition").value_or(""));
    if (!field || field->word != "form-data") return invalid_input("it has no content-disposition of a form");
    const auto* name = field->find("name");
    if (!name) return invalid_input("it has no name");
    part.name = *name;
    if (const auto* filename = field->find("filename")) part.filename = *filename;
    if (const auto* extended = field->find("filename*")) {
      if (auto filename = extended_value(*extended)) part.filename = std::move(*filename);
    }
    return {};
  }

  const std::string_view body_;
  const std::string delimiter_;
  std::size_t at_ = 0;
  std::vector<FormPart> parts_;
};

std::string unescaped(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '+', ' ');
  return percent_decode(plain);
}

Result<std::vector<FormPart>> parse_urlencoded(std::string_view body) {
  std::vector<FormPart> parts;
  while (!body.empty()) {
    const auto pair = body.substr(0, body.find('&'));
    body.remove_prefix(std::min(pair.size() + 1, body.size()));
    if (pair.empty()) continue;
    if (parts.size() == most_form_parts) return invalid_input("the form has more than 1000 parts");
    const auto equals = std::min(pair.find('='), pair.size());
    FormPart part;
    part.name = unescaped(pair.substr(0, equals));
    part.in_place = pair.substr(std::min(equals + 1, pair.size()));
    if (part.in_place.find_first_of("%+") != std::string_view::npos) part.decoded = unescaped(part.in_place);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body) {
  constexpr std::size_t longest_boundary = 70;
  const auto type = parse_parameters(content_type);
  if (type && type->word == "application/x-www-form-urlencoded") return parse_urlencoded(body);
  if (!type || type->word != "multipart/form-data")
    return invalid_input("the content type is none of a form");
  const auto* boundary = type->find("boundary");
  if (!boundary || boundary->empty() || boundary->size() > longest_boundary) {
    return invalid_input("the content type names no boundary of 1 to 70 characters");
  }
  return MultipartReader(body, *boundary).read();
}

}  // namespace pollux
