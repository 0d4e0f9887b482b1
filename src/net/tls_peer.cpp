// The judgement of a peer's certificate, and its words.
#include <mbedtls/asn1.h>

#include <cstdio>

#include "net/tls_context.h"

namespace pollux {
namespace {

constexpr int dns_name = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2;  // GeneralName, RFC 5280 section 4.2.1.6.
constexpr int ip_address = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7;
constexpr std::size_t most_names = 3;
constexpr std::size_t longest_name = 100;

std::string_view bytes_of(const mbedtls_asn1_buf& buffer) {
  return {reinterpret_cast<const char*>(buffer.p), buffer.len};
}

// What a peer wrote, fit for a log line.
std::string printable(std::string_view text) {
  std::string shown(text.substr(0, longest_name));
  for (auto& letter : shown) {
    if (letter < ' ' || letter > '~') letter = '?';
  }
  return shown;
}

std::string day(const mbedtls_x509_time& time) {
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d", time.year, time.mon, time.day);
  return text;
}

std::string issuer(const mbedtls_x509_crt& certificate) {
  char text[256];
  const int size = mbedtls_x509_dn_gets(text, sizeof text, &certificate.issuer);
  return size > 0 ? printable(text) : "unknown";
}

std::string names(const mbedtls_x509_crt& certificate) {
  std::string all;
  std::size_t count = 0;
  for (const auto* entry = &certificate.subject_alt_names; entry != nullptr; entry = entry->next) {
    if (entry->buf.p == nullptr) continue;
    std::string name;
    if (entry->buf.tag == dns_name) name = printable(bytes_of(entry->buf));
    if (entry->buf.tag == ip_address) {
      if (const auto address = Address::of_bytes(bytes_of(entry->buf))) name = address->text();
    }
    if (name.empty()) continue;
    if (++count > most_names) return all + " and others";
    all += (all.empty() ? "" : ", ") + name;
  }
  if (!all.empty()) return all;
  char subject[256];
  return mbedtls_x509_dn_gets(subject, sizeof subject, &certificate.subject) > 0 ? printable(subject)
                                                                                 : "nobody";
}

}  // namespace

int PeerCheck::attach(mbedtls_ssl_context* ssl) {
  mbedtls_ssl_set_verify(
      ssl,
      [](void* check, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) {
        return static_cast<PeerCheck*>(check)->look(*certificate, depth, flags);
      },
      this);
  return mbedtls_ssl_set_hostname(ssl, address_ ? nullptr : name_.c_str());
}

int PeerCheck::look(const mbedtls_x509_crt& certificate, int depth, std::uint32_t* flags) {
  if (depth == 0 && address_ && !is_for_address(certificate)) *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
  const auto has = [flags](unsigned flag) { return (*flags & flag) != 0; };
  const std::string whose = depth == 0 ? "" : "has an issuer that ";
  if (has(MBEDTLS_X509_BADCERT_EXPIRED)) complain(whose + "expired on " + day(certificate.valid_to));
  if (has(MBEDTLS_X509_BADCERT_FUTURE)) {
    complain(whose + "is not valid before " + day(certificate.valid_from) +
             " (is this machine's clock right?)");
  }
  if (has(MBEDTLS_X509_BADCERT_NOT_TRUSTED)) {
    complain("is not signed by a trusted authority (issuer: " + issuer(certificate) + ")");
  }
  if (has(MBEDTLS_X509_BADCERT_CN_MISMATCH)) complain("is for " + names(certificate) + ", not for " + name_);
  if (has(MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE |
          MBEDTLS_X509_BADCERT_NS_CERT_TYPE)) {
    complain(whose + "is not meant for this use");
  }
  if (has(MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY)) {
    complain(whose + "uses a key or a hash that is too weak");
  }
  return 0;
}

bool PeerCheck::is_for_address(const mbedtls_x509_crt& certificate) const {
  for (const auto* entry = &certificate.subject_alt_names; entry != nullptr; entry = entry->next) {
    if (entry->buf.tag == ip_address && bytes_of(entry->buf) == address_->bytes()) return true;
  }
  return false;
}

void PeerCheck::complain(const std::string& reason) {
  if (!complaints_.empty()) complaints_ += ", and ";
  complaints_ += reason;
}

std::string PeerCheck::complaint() const {
  return "the certificate of " + name_ + " " + (complaints_.empty() ? "was refused" : complaints_);
}

}  // namespace pollux
