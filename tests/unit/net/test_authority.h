// A throw-away certificate authority, in a folder that goes with it.
#pragma once

#include <mbedtls/pk.h>

#include <string>
#include <vector>

namespace pollux::test {

struct Issued {
  std::string cert_file, key_file;
};

struct Wanted {
  std::vector<std::string> names, addresses;  // DNS names, IP addresses.
  std::string not_before = "20200101000000", not_after = "20991231235959";
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "Test Authority");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& ca_file() const { return ca_file_; }
  Issued issue(const Wanted& wanted);

 private:
  std::string certificate(const std::string& subject, mbedtls_pk_context* key, const Wanted& wanted,
                          bool authority);
  std::string save(const std::string& name, const std::string& text);

  std::string folder_, subject_, ca_file_;
  mbedtls_pk_context key_;
  int issued_ = 0;
};

}  // namespace pollux::test
