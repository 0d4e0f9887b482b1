#include "net/test_authority.h"

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <sys/random.h>
#include <unistd.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "net/address.h"

namespace pollux::test {
namespace {

constexpr std::size_t pem_bytes = 8192;

int fill_random(void*, unsigned char* bytes, std::size_t count) {
  return getrandom(bytes, count, 0) == static_cast<ssize_t>(count) ? 0 : -1;
}

void must(int status) {
  if (status < 0) throw std::runtime_error("mbedTLS error " + std::to_string(status));
}

void make_key(mbedtls_pk_context* key) {
  mbedtls_pk_init(key);
  must(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)));
  must(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key), fill_random, nullptr));
}

// SEQUENCE of GeneralName, RFC 5280 section 4.2.1.6; short forms of length only.
std::string alternative_names(const Wanted& wanted) {
  const auto tagged = [](char tag, std::string_view bytes) {
    return std::string{tag, static_cast<char>(bytes.size())} + std::string(bytes);
  };
  std::string all;
  for (const auto& name : wanted.names) all += tagged('\x82', name);
  for (const auto& text : wanted.addresses) all += tagged('\x87', Address::parse(text)->bytes());
  return tagged('\x30', all);
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name) : subject_("CN=" + name) {
#if MBEDTLS_VERSION_MAJOR >= 3
  psa_crypto_init();
#endif
  auto path = (std::filesystem::temp_directory_path() / "pollux-ca-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = path;
  make_key(&key_);
  ca_file_ = save("ca.pem", certificate(subject_, &key_, {}, true));
}

TestAuthority::~TestAuthority() {
  mbedtls_pk_free(&key_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Issued TestAuthority::issue(const Wanted& wanted) {
  mbedtls_pk_context key;
  make_key(&key);
  const auto prefix = "leaf" + std::to_string(++issued_);
  const auto cert = save(prefix + ".pem", certificate("CN=" + prefix, &key, wanted, false));
  std::string pem(pem_bytes, '\0');
  must(mbedtls_pk_write_key_pem(&key, reinterpret_cast<unsigned char*>(pem.data()), pem.size()));
  mbedtls_pk_free(&key);
  pem.resize(pem.find('\0'));
  return {cert, save(prefix + ".key", pem)};
}

std::string TestAuthority::certificate(const std::string& subject, mbedtls_pk_context* key,
                                       const Wanted& wanted, bool authority) {
  mbedtls_x509write_cert draft;
  mbedtls_x509write_crt_init(&draft);
  mbedtls_x509write_crt_set_version(&draft, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(&draft, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(&draft, key);
  mbedtls_x509write_crt_set_issuer_key(&draft, &key_);
  must(mbedtls_x509write_crt_set_subject_name(&draft, subject.c_str()));
  must(mbedtls_x509write_crt_set_issuer_name(&draft, subject_.c_str()));
  must(mbedtls_x509write_crt_set_validity(&draft, wanted.not_before.c_str(), wanted.not_after.c_str()));
  must(mbedtls_x509write_crt_set_basic_constraints(&draft, authority ? 1 : 0, authority ? 0 : -1));
  unsigned char serial = static_cast<unsigned char>(issued_ + 1);
#if MBEDTLS_VERSION_MAJOR >= 3
  must(mbedtls_x509write_crt_set_serial_raw(&draft, &serial, 1));
#else
  mbedtls_mpi number;
  mbedtls_mpi_init(&number);
  must(mbedtls_mpi_lset(&number, serial));
  must(mbedtls_x509write_crt_set_serial(&draft, &number));
  mbedtls_mpi_free(&number);
#endif
  if (!wanted.names.empty() || !wanted.addresses.empty()) {
    const auto names = alternative_names(wanted);
    must(mbedtls_x509write_crt_set_extension(
        &draft, MBEDTLS_OID_SUBJECT_ALT_NAME, MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0,
        reinterpret_cast<const unsigned char*>(names.data()), names.size()));
  }
  std::string pem(pem_bytes, '\0');
  must(mbedtls_x509write_crt_pem(&draft, reinterpret_cast<unsigned char*>(pem.data()), pem.size(),
                                 fill_random, nullptr));
  mbedtls_x509write_crt_free(&draft);
  pem.resize(pem.find('\0'));
  return pem;
}

std::string TestAuthority::save(const std::string& name, const std::string& text) {
  auto path = folder_ + "/" + name;
  std::ofstream(path) << text;
  return path;
}

}  // namespace pollux::test
