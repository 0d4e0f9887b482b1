// An IP address with a port, as the system's calls want it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pollux {

class Address {
 public:
  // Copies an IPv4 or IPv6 address; nothing for other families.
  static std::optional<Address> from(const sockaddr* address);
  // "203.0.113.7", "2001:db8::1" or "fe80::1%eth0"; a name is none.
  static std::optional<Address> parse(const std::string& text);

  // 4 or 16 bytes in network order, as protocols and certificates carry them.
  static std::optional<Address> of_bytes(std::string_view bytes);

  const sockaddr* raw() const noexcept { return reinterpret_cast<const sockaddr*>(&held_); }
  socklen_t size() const noexcept { return is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
  bool is_ipv6() const noexcept { return raw()->sa_family == AF_INET6; }

  std::uint16_t port() const noexcept;
  void set_port(std::uint16_t port) noexcept;

  // Whether it belongs to somebody on the Internet: no address of this machine or of a network of its
  // owner's, none that is reserved. Of IPv4 within IPv6, the IPv4 address counts.
  bool is_public() const noexcept;

  // Without the port; an IPv4 address mapped into IPv6 is shown as IPv4.
  std::string text() const;
  // The reverse of of_bytes().
  std::string_view bytes() const noexcept;
  bool operator==(const Address& other) const noexcept;

 private:
  union {
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
  } held_{};
};

}  // namespace pollux
