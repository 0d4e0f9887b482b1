// What TLS connections of one side share, and how a peer's certificate is judged.
#pragma once

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "net/address.h"
#include "net/tls.h"

#if !defined(MBEDTLS_THREADING_C)
#error "mbedTLS must be built with MBEDTLS_THREADING_C: workers share certificates and keys"
#endif

namespace pollux {

// An mbedTLS structure with its init and free.
template <typename T, void (*Init)(T*), void (*Free)(T*)>
class Owned {
 public:
  Owned() { Init(&held_); }
  ~Owned() { Free(&held_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T* get() noexcept { return &held_; }
  T* operator->() noexcept { return &held_; }
  const T* operator->() const noexcept { return &held_; }

 private:
  T held_;
};

using OwnedCertificates = Owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using OwnedConfig = Owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free>;
using OwnedKey = Owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using OwnedSession = Owned<mbedtls_ssl_session, mbedtls_ssl_session_init, mbedtls_ssl_session_free>;
using OwnedTickets = Owned<mbedtls_ssl_ticket_context, mbedtls_ssl_ticket_init, mbedtls_ssl_ticket_free>;

// "SSL - The connection ..." as mbedTLS words it, or its number.
std::string mbedtls_text(int code);

// Sessions to resume, by peer ("host:port"). Safe for any thread.
class SessionCache {
 public:
  void keep(const std::string& peer, const mbedtls_ssl_context* ssl);
  void restore(const std::string& peer, mbedtls_ssl_context* ssl);
  void forget(const std::string& peer);

 private:
  struct Entry {
    std::string session;  // Serialized.
    std::chrono::steady_clock::time_point kept_at;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

class ClientContext final : public TlsClientContext {
 public:
  Result<void> load(const std::string& ca_file);
  const mbedtls_ssl_config* config() noexcept { return config_.get(); }
  SessionCache& sessions() noexcept { return sessions_; }
  // One step after another until the handshake is over or wants more; an mbedTLS code.
  int shake_hands(mbedtls_ssl_context* ssl);

 private:
  OwnedConfig config_;
  OwnedCertificates trusted_;
  SessionCache sessions_;
  std::mutex verifying_;
};

class ServerContext final : public TlsServerContext {
 public:
  Result<void> load(const std::string& cert_file, const std::string& key_file);
  const mbedtls_ssl_config* config() noexcept { return config_.get(); }

 private:
  OwnedConfig config_;
  OwnedCertificates chain_;
  OwnedKey key_;
  OwnedTickets tickets_;
};

// Judges the peer of one connection. mbedTLS compares names; IP addresses (RFC 9110 section 4.3.5) are
// compared here, since version 2.28 does not know them. Collects what is wrong in words.
class PeerCheck {
 public:
  explicit PeerCheck(std::string name) : name_(std::move(name)), address_(Address::parse(name_)) {}
  // Sets SNI, the name to expect and the callback. Returns an mbedTLS code.
  int attach(mbedtls_ssl_context* ssl);

  const std::string& name() const noexcept { return name_; }
  // "the certificate of example.com expired on 2026-01-31"
  std::string complaint() const;

 private:
  int look(const mbedtls_x509_crt& certificate, int depth, std::uint32_t* flags);
  bool is_for_address(const mbedtls_x509_crt& certificate) const;
  void complain(const std::string& reason);

  std::string name_;
  std::optional<Address> address_;
  std::string complaints_;
};

}  // namespace pollux
