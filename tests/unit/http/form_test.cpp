#include "http/form.h"

#include "catch.h"

using namespace pollux;

namespace {

// "name=value", with "(filename, type)" where they are given, and blanks between.
std::string shown(std::string_view content_type, std::string_view body) {
  const auto parts = parse_form(content_type, body);
  if (!parts) return "error: " + parts.error().message;
  std::string text;
  for (const auto& part : *parts) {
    text += (text.empty() ? "" : " ") + part.name + "=" + std::string(part.value());
    if (part.filename || part.type) {
      text += "(" + part.filename.value_or("-") + ", " + part.type.value_or("-") + ")";
    }
  }
  return text;
}

// Of a form with the boundary X.
std::string read(std::string_view body) {
  return shown("multipart/form-data; boundary=X", body);
}

// A whole form of one part.
std::string with(const std::string& headers, const std::string& value = "v") {
  return read("--X\r\n" + headers + "\r\n\r\n" + value + "\r\n--X--\r\n");
}

}  // namespace

TEST_CASE("the parts of a form are read in their order") {
  CHECK(read("--X\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
             "--X\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a b.wav\"\r\n"
             "Content-Type: audio/wav\r\n\r\nRI\r\nFF\r\n--X--\r\n") ==
        "model=whisper-1 file=RI\r\nFF(a b.wav, audio/wav)");
}

TEST_CASE("an empty form and empty values are read") {
  CHECK(read("--X--").empty());
  CHECK(with("Content-Disposition: form-data; name=a", "") == "a=");
  CHECK(with("Content-Disposition: form-data; name=\"\"; filename=\"\"", "") == "=(, -)");
}

TEST_CASE("what stands before and after the form is no part") {
  CHECK(
      read(
          "preamble\r\n--X \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X--\r\nepilogue --X") ==
      "a=1");
}

TEST_CASE("a value holds any bytes but the delimiter") {
  const std::string bytes("\0--X\n--X\r\r\n--Y\xff", 14);
  CHECK(with("Content-Disposition: form-data; name=a", bytes) == "a=" + bytes);
}

TEST_CASE("parameters are read quoted or not, in any case") {
  CHECK(with("CONTENT-DISPOSITION: Form-Data ; NAME = a ;; x; filename=b.png") == "a=v(b.png, -)");
  CHECK(with(R"(Content-Disposition: form-data; name="a; \"b\" \\"; filename="C:\dir\c;d.png")") ==
        R"(a; "b" \=v(C:\dir\c;d.png, -))");
  CHECK(with("Content-Disposition: form-data; name=a; filename*=utf-8''na%C3%AFve.png; filename=x") ==
        "a=v(na\xc3\xafve.png, -)");
  CHECK(with("Content-Disposition: form-data; name=a; filename*=latin1''x; filename=y") == "a=v(y, -)");
  CHECK(shown("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"",
              "--a b\r\nContent-Disposition: form-data; name=n\r\n\r\n1\r\n--a b--") == "n=1");
}

TEST_CASE("what is wrong with a form is told") {
  CHECK(read("") == "error: the form's boundary stands nowhere in it");
  CHECK(read("--Y--") == "error: the form's boundary stands nowhere in it");
  CHECK(read("--Xx\r\n\r\n") == "error: part 1 of the form: the line of its boundary does not end");
  CHECK(read("--X") == "error: part 1 of the form: the line of its boundary does not end");
  CHECK(read("--X\r\nContent-Disposition: form-data; name=a\r\n") ==
        "error: part 1 of the form: its headers have no end");
  CHECK(read("--X\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X\r\n\r\n") ==
        "error: part 2 of the form: it has no content-disposition of a form");
  CHECK(read("--X\r\nContent-Disposition: form-data; name=a\r\n\r\nabc\r\n--") ==
        "error: part 1 of the form: it has no end");
  CHECK(with("nonsense") == "error: part 1 of the form: a header of it has no colon");
  CHECK(with("Content-Type: text/plain") ==
        "error: part 1 of the form: it has no content-disposition of a form");
  CHECK(with("Content-Disposition: form-data; name=\"a") ==
        "error: part 1 of the form: it has no content-disposition of a form");
  CHECK(with("Content-Disposition: attachment; name=a") ==
        "error: part 1 of the form: it has no content-disposition of a form");
  CHECK(with("Content-Disposition: form-data") == "error: part 1 of the form: it has no name");
  CHECK(read("--X\r\n\r\nvalue\r\n--X--").starts_with("error: part 1 of the form: "));
  CHECK(shown("multipart/form-data", "") ==
        "error: the content type names no boundary of 1 to 70 characters");
  CHECK(shown("multipart/form-data; boundary=" + std::string(71, 'x'), "") ==
        "error: the content type names no boundary of 1 to 70 characters");
  CHECK(shown("application/json", "{}") == "error: the content type is none of a form");
  CHECK(shown("", "") == "error: the content type is none of a form");
}

TEST_CASE("a form has bounds") {
  const std::string part = "\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X";
  std::string form = "--X";
  for (std::size_t count = 0; count < most_form_parts; ++count) form += part;
  CHECK(parse_form("multipart/form-data; boundary=X", form + "--")->size() == most_form_parts);
  CHECK(read(form + part + "--") == "error: the form has more than 1000 parts");
  CHECK(
      with("Content-Disposition: form-data; name=a\r\nX-Much: " + std::string(most_part_header_bytes, 'x')) ==
      "error: part 1 of the form: its headers are larger than 8 KiB");
  std::string pairs;
  for (std::size_t count = 0; count <= most_form_parts; ++count) pairs += "a&";
  CHECK(shown("application/x-www-form-urlencoded", pairs) == "error: the form has more than 1000 parts");
}

TEST_CASE("urlencoded forms are read too") {
  CHECK(shown("application/x-www-form-urlencoded; charset=utf-8", "a=1&&b=x+y%21&b=&c&d%20e==") ==
        "a=1 b=x y! b= c= d e==");
  CHECK(shown("application/x-www-form-urlencoded", "").empty());
}
