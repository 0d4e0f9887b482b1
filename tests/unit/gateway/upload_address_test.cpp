#include "gateway/upload_address.h"

#include "catch.h"

using namespace pollux;

namespace {

constexpr std::string_view google =
    "https://generativelanguage.googleapis.com/upload/v1beta/"
    "files?upload_id=AAAN123&upload_protocol=resumable";

std::string query_of(const std::string& address) {
  return address.substr(address.find('?') + 1);
}

}  // namespace

TEST_CASE("an upload address is handed out under the client's own origin") {
  const auto address = own_upload_address(google, "http://pi.local:8000", "3f9a2c", "secret");

  CHECK(address.rfind("http://pi.local:8000/upload/v1beta/files?upload_id=AAAN123&upload_protocol=resumable&",
                      0) == 0);
}

TEST_CASE("a path prefix of the upstream is not part of the address") {
  const auto address =
      own_upload_address("http://relay/prefix/upload/v1beta/files?upload_id=A", "http://pi", "k", "s");

  CHECK(address.rfind("http://pi/upload/v1beta/files?upload_id=A", 0) == 0);
}

TEST_CASE("an address leads back to the key that began the upload") {
  const auto query = query_of(own_upload_address(google, "http://pi", "3f9a2c", "secret"));

  CHECK(continues_upload(query));
  CHECK(key_of_upload(query, "secret") == "3f9a2c");
  CHECK(google_upload_query(query) == "upload_id=AAAN123&upload_protocol=resumable");
}

TEST_CASE("an address that was not handed out is not believed") {
  auto query = query_of(own_upload_address(google, "http://pi", "3f9a2c", "secret"));

  CHECK_FALSE(key_of_upload(query, "another secret"));
  CHECK_FALSE(key_of_upload("upload_id=AAAN123&upload_protocol=resumable", "secret"));
  CHECK_FALSE(key_of_upload("upload_id=AAAN123&pollux_key=3f9a2c.", "secret"));
  query.replace(query.find("AAAN123"), 7, "BBBN123");
  CHECK_FALSE(key_of_upload(query, "secret"));
}
