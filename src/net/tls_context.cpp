#include "net/tls_context.h"

#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <sys/random.h>
#include <unistd.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace pollux {
namespace {

constexpr std::size_t most_sessions = 256;
constexpr std::chrono::hours session_life(12);
constexpr std::uint32_t ticket_life_seconds = 24 * 60 * 60;

// Where systems keep the authorities they trust, in one file.
constexpr std::array<const char*, 8> ca_bundles = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // CentOS, newer Fedora
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",                                  // macOS, BSD, Alpine
    "/opt/homebrew/etc/ca-certificates/cert.pem",         // Homebrew on Apple silicon
    "/usr/local/etc/ca-certificates/cert.pem",            // Homebrew on Intel
    "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD
};

const char* alpn[] = {"http/1.1", nullptr};

// The system's generator needs no state of ours and no lock.
int fill_random(void*, unsigned char* bytes, std::size_t count) {
  constexpr std::size_t most_at_once = 256;
  while (count > 0) {
    const auto part = std::min(count, most_at_once);
    if (getentropy(bytes, part) != 0) return -1;
    bytes += part;
    count -= part;
  }
  return 0;
}

// Whether the processor has AES instructions and this mbedTLS uses them.
bool aes_is_fast() {
#if (defined(__x86_64__) || defined(__i386__)) && defined(MBEDTLS_AESNI_C)
  return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__) && defined(MBEDTLS_AESCE_C) && defined(__linux__)
  return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#elif defined(__aarch64__) && defined(MBEDTLS_AESCE_C) && defined(__APPLE__)
  return true;
#else
  return false;
#endif
}

const int* cipher_order() {
  static const std::vector<int> order = [] {
#if MBEDTLS_VERSION_MAJOR >= 3
    const std::array aes128 = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                               MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                               MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256};
    const std::array chacha = {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
                               MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                               MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256};
    const std::array aes256 = {MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
                               MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                               MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384};
#else
    const std::array aes128 = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                               MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256};
    const std::array chacha = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                               MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256};
    const std::array aes256 = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                               MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384};
#endif
    const auto& first = aes_is_fast() ? aes128 : chacha;
    const auto& second = aes_is_fast() ? chacha : aes128;
    std::vector<int> all(first.begin(), first.end());
    all.insert(all.end(), second.begin(), second.end());
    all.insert(all.end(), aes256.begin(), aes256.end());
    all.push_back(0);
    return all;
  }();
  return order.data();
}

// The cheapest first: mbedTLS 2.28 by itself would offer the largest, at several times the cost. TLS 1.3
// servers everywhere take X25519 without a second round.
void set_groups(mbedtls_ssl_config* config) {
#if MBEDTLS_VERSION_MAJOR >= 3
  static const std::uint16_t groups[] = {
      MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
      MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
      MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
  mbedtls_ssl_conf_groups(config, groups);
#else
  static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
                                                MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1,
                                                MBEDTLS_ECP_DP_NONE};
  mbedtls_ssl_conf_curves(config, groups);
#endif
}

int set_up(mbedtls_ssl_config* config, int side) {
#if MBEDTLS_VERSION_MAJOR >= 3
  if (psa_crypto_init() != PSA_SUCCESS) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
#endif
  int status =
      mbedtls_ssl_config_defaults(config, side, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (status != 0) return status;
  mbedtls_ssl_conf_rng(config, fill_random, nullptr);
#if MBEDTLS_VERSION_MAJOR >= 3
  mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
  mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
  mbedtls_ssl_conf_ciphersuites(config, cipher_order());
  set_groups(config);
  return mbedtls_ssl_conf_alpn_protocols(config, alpn);
}

Result<std::string> find_ca_bundle() {
  for (const auto* path : ca_bundles) {
    if (access(path, R_OK) == 0) return std::string(path);
  }
  return not_found(
      "this system has no list of trusted authorities in the usual places; install the package "
      "ca-certificates");
}

int parse_key(mbedtls_pk_context* key, const char* path) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_parse_keyfile(key, path, nullptr, fill_random, nullptr);
#else
  return mbedtls_pk_parse_keyfile(key, path, nullptr);
#endif
}

bool is_pair(mbedtls_pk_context* open, mbedtls_pk_context* secret) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_check_pair(open, secret, fill_random, nullptr) == 0;
#else
  return mbedtls_pk_check_pair(open, secret) == 0;
#endif
}

// A first signature leaves tables in the key that later ones, on several threads, only read.
int warm_up(mbedtls_pk_context* key) {
  const std::array<unsigned char, 32> digest{};
  std::vector<unsigned char> signature(1024);
  std::size_t size = 0;
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest.data(), digest.size(), signature.data(),
                         signature.size(), &size, fill_random, nullptr);
#else
  return mbedtls_pk_sign(key, MBEDTLS_MD_SHA256, digest.data(), digest.size(), signature.data(), &size,
                         fill_random, nullptr);
#endif
}

}  // namespace

std::string mbedtls_text(int code) {
  char text[160] = "";
  mbedtls_strerror(code, text, sizeof text);
  if (text[0] != '\0') return text;
  return "error -" + std::to_string(-code);
}

void SessionCache::keep(const std::string& peer, const mbedtls_ssl_context* ssl) {
  OwnedSession session;
  if (mbedtls_ssl_get_session(ssl, session.get()) != 0) return;
  std::size_t size = 0;
  mbedtls_ssl_session_save(session.get(), nullptr, 0, &size);
  std::string bytes(size, '\0');
  if (mbedtls_ssl_session_save(session.get(), reinterpret_cast<unsigned char*>(bytes.data()), size, &size) !=
      0)
    return;

  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (entries_.size() >= most_sessions && !entries_.contains(peer)) {
    entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](const auto& one, const auto& other) {
      return one.second.kept_at < other.second.kept_at;
    }));
  }
  entries_.insert_or_assign(peer, Entry{std::move(bytes), now});
}

void SessionCache::restore(const std::string& peer, mbedtls_ssl_context* ssl) {
  std::string bytes;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(peer);
    if (found == entries_.end()) return;
    if (std::chrono::steady_clock::now() - found->second.kept_at > session_life) {
      entries_.erase(found);
      return;
    }
    bytes = found->second.session;
  }
  OwnedSession session;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (mbedtls_ssl_session_load(session.get(), data, bytes.size()) == 0)
    mbedtls_ssl_set_session(ssl, session.get());
}

void SessionCache::forget(const std::string& peer) {
  const std::lock_guard lock(mutex_);
  entries_.erase(peer);
}

Result<void> ClientContext::load(const std::string& ca_file) {
  auto path = ca_file.empty() ? find_ca_bundle() : Result<std::string>(ca_file);
  if (!path) return std::move(path).error();
  // A positive count of certificates that it cannot read is no obstacle: the others are trusted.
  const int status = mbedtls_x509_crt_parse_file(trusted_.get(), path->c_str());
  if (status < 0 || trusted_->raw.p == nullptr) {
    if (access(path->c_str(), R_OK) != 0) return invalid_input("cannot read " + *path);
    return invalid_input(*path + " holds no certificate in PEM form");
  }
  const int made = set_up(config_.get(), MBEDTLS_SSL_IS_CLIENT);
  if (made != 0) return internal_error("TLS: " + mbedtls_text(made));
  mbedtls_ssl_conf_authmode(config_.get(), MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(config_.get(), trusted_.get(), nullptr);
  mbedtls_ssl_conf_session_tickets(config_.get(), MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#if defined(MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED)
  mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
      config_.get(), MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
  return {};
}

int ClientContext::shake_hands(mbedtls_ssl_context* ssl) {
#if MBEDTLS_VERSION_MAJOR >= 3
  return mbedtls_ssl_handshake(ssl);
#else
  // To verify a signature, version 2.28 may write a table into the authority's key, which all threads share.
  while (ssl->state != MBEDTLS_SSL_HANDSHAKE_OVER) {
    std::unique_lock lock(verifying_, std::defer_lock);
    if (ssl->state == MBEDTLS_SSL_SERVER_CERTIFICATE) lock.lock();
    const int status = mbedtls_ssl_handshake_step(ssl);
    if (status != 0) return status;
  }
  return 0;
#endif
}

Result<void> ServerContext::load(const std::string& cert_file, const std::string& key_file) {
  if (access(cert_file.c_str(), R_OK) != 0) return invalid_input("cannot read the certificate " + cert_file);
  if (access(key_file.c_str(), R_OK) != 0) return invalid_input("cannot read the key " + key_file);
  int status = mbedtls_x509_crt_parse_file(chain_.get(), cert_file.c_str());
  if (status != 0) return invalid_input(cert_file + " holds no certificate in PEM form");
  status = parse_key(key_.get(), key_file.c_str());
  if (status == MBEDTLS_ERR_PK_PASSWORD_REQUIRED) return invalid_input(key_file + " is locked by a password");
  if (status != 0) return invalid_input(key_file + " holds no private key: " + mbedtls_text(status));
  if (!is_pair(&chain_->pk, key_.get())) {
    return invalid_input("the key " + key_file + " does not belong to the certificate " + cert_file);
  }
  status = warm_up(key_.get());
  if (status == 0) status = set_up(config_.get(), MBEDTLS_SSL_IS_SERVER);
  if (status == 0) status = mbedtls_ssl_conf_own_cert(config_.get(), chain_.get(), key_.get());
  if (status == 0) {
    status = mbedtls_ssl_ticket_setup(tickets_.get(), fill_random, nullptr, MBEDTLS_CIPHER_AES_256_GCM,
                                      ticket_life_seconds);
  }
  if (status != 0) return internal_error("TLS: " + mbedtls_text(status));
  mbedtls_ssl_conf_session_tickets_cb(config_.get(), mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse,
                                      tickets_.get());
  return {};
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::create(const std::string& ca_file) {
  auto context = std::make_shared<ClientContext>();
  auto loaded = context->load(ca_file);
  if (!loaded) return std::move(loaded).error();
  return std::shared_ptr<TlsClientContext>(std::move(context));
}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::create(const std::string& cert_file,
                                                                   const std::string& key_file) {
  auto context = std::make_shared<ServerContext>();
  auto loaded = context->load(cert_file, key_file);
  if (!loaded) return std::move(loaded).error();
  return std::shared_ptr<TlsServerContext>(std::move(context));
}

}  // namespace pollux
