// `request.form`: what policies see of a form.
#include "policy_world.h"

using namespace pollux;

namespace {

// A policy's expression, of a request with this body.
std::string seen(const std::string& expression, const std::string& type, const std::string& body) {
  PolicyWorld world(Modules{{"auth",
                             "local function shown(form)\n"
                             "  local parts = {}\n"
                             "  for _, part in ipairs(form) do\n"
                             "    parts[#parts + 1] = part.name .. '=' .. tostring(part.value) .. '(' ..\n"
                             "      tostring(part.filename) .. ', ' .. tostring(part.type) .. ')'\n"
                             "  end\n"
                             "  return table.concat(parts, ' ')\n"
                             "end\n"
                             "return {identify = function(request) return deny(499, tostring(" +
                                 expression + ")) end}"}});
  Asking asking(world);
  asking.request.headers.add("Content-Type", type);
  if (!body.empty()) asking.give_body(body);
  return seen_by_policy(world, asking);
}

const std::string multipart = "multipart/form-data; boundary=X";

std::string form(const std::string& image) {
  return "--X\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n"
         "--X\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: "
         "image/png\r\n"
         "\r\n" +
         image + "\r\n--X--\r\n";
}

}  // namespace

TEST_CASE("a policy reads the parts of a form") {
  CHECK(seen("shown(request.form)", multipart, form("PNG")) ==
        "prompt=a cat(nil, nil) image=PNG(a.png, image/png)");
  CHECK(seen("request.form == request.form", multipart, form("PNG")) == "true");
  CHECK(seen("request.form_problem", multipart, form("PNG")) == "nil");
  CHECK(seen("request.body", multipart, form("PNG")) == "nil");
  CHECK(seen("shown(request.form)", "application/x-www-form-urlencoded", "a=1&b=x+y") ==
        "a=1(nil, nil) b=x y(nil, nil)");
}

TEST_CASE("a long value of a form is a blob, of whatever bytes") {
  const std::string image = std::string("\x89PNG\r\n \0\"", 9) + std::string(65'536, '\xff');
  CHECK(seen("shown(request.form)", multipart, form(image)) ==
        "prompt=a cat(nil, nil) image=blob of 65545 bytes(a.png, image/png)");
  CHECK(seen("crypto.base64(bytes.sub(request.form[2].value, 1, 9))", multipart, form(image)) ==
        "iVBORw0KIAAi");
  CHECK(seen("#json.encode {bytes.to_base64(request.form[2].value)}", multipart, form(image)) == "87400");
  CHECK(seen("select(2, pcall(json.encode, {request.form[2].value}))", multipart, form(image)) ==
        "json.encode: [1]: a text that is not UTF-8 has no JSON form");
  const auto words = std::string(70'000, '\n');
  CHECK(seen("#json.encode {request.form[2].value}", multipart, form(words)) == "140004");
}

TEST_CASE("what is no form is nil, and the policy may ask why") {
  CHECK(seen("request.form", "application/json", "{}") == "nil");
  CHECK(seen("request.form_problem", "application/json", "{}") == "the content type is none of a form");
  CHECK(seen("request.form", multipart, "--X\r\n\r\n\r\n--X--") == "nil");
  CHECK(seen("request.form_problem", multipart, "--X\r\n\r\n\r\n--X--") ==
        "part 1 of the form: it has no content-disposition of a form");
  CHECK(seen("request.form_problem", multipart, "") == "there is no body, or it is too large to be held");
  CHECK(seen("request.form", multipart, "") == "nil");
}

TEST_CASE("another text is another form") {
  PolicyWorld world(Modules{{"transform", R"(return {request = function(request)
      local before = request.form[2].value
      request.text = "--X\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--X--"
      return deny(400, request.form[1].value .. tostring(pcall(bytes.length, before)))
    end})"}});
  Asking asking(world);
  asking.request.headers.add("Content-Type", multipart);
  asking.give_body(form(std::string(70'000, 'x')));
  CHECK(asking.transform() == "deny 400 bfalse");
}
