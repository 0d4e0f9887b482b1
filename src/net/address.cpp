#include "net/address.h"

#include <arpa/inet.h>
#include <uv.h>

#include <cstring>

namespace pollux {

std::optional<Address> Address::from(const sockaddr* address) {
  Address copy;
  if (address->sa_family == AF_INET) {
    std::memcpy(&copy.held_.ipv4, address, sizeof copy.held_.ipv4);
  } else if (address->sa_family == AF_INET6) {
    std::memcpy(&copy.held_.ipv6, address, sizeof copy.held_.ipv6);
  } else {
    return std::nullopt;
  }
  return copy;
}

std::optional<Address> Address::parse(const std::string& text) {
  Address address;
  if (uv_ip4_addr(text.c_str(), 0, &address.held_.ipv4) == 0) return address;
  if (uv_ip6_addr(text.c_str(), 0, &address.held_.ipv6) == 0) return address;
  return std::nullopt;
}

std::optional<Address> Address::of_bytes(std::string_view bytes) {
  Address address;
  if (bytes.size() == 4) {
    address.held_.ipv4.sin_family = AF_INET;
    std::memcpy(&address.held_.ipv4.sin_addr, bytes.data(), 4);
  } else if (bytes.size() == 16) {
    address.held_.ipv6.sin6_family = AF_INET6;
    std::memcpy(&address.held_.ipv6.sin6_addr, bytes.data(), 16);
  } else {
    return std::nullopt;
  }
  return address;
}

std::uint16_t Address::port() const noexcept {
  return ntohs(is_ipv6() ? held_.ipv6.sin6_port : held_.ipv4.sin_port);
}

void Address::set_port(std::uint16_t port) noexcept {
  (is_ipv6() ? held_.ipv6.sin6_port : held_.ipv4.sin_port) = htons(port);
}

std::string Address::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (is_ipv6() && IN6_IS_ADDR_V4MAPPED(&held_.ipv6.sin6_addr)) {
    inet_ntop(AF_INET, held_.ipv6.sin6_addr.s6_addr + 12, text, sizeof text);
  } else if (is_ipv6()) {
    inet_ntop(AF_INET6, &held_.ipv6.sin6_addr, text, sizeof text);
  } else {
    inet_ntop(AF_INET, &held_.ipv4.sin_addr, text, sizeof text);
  }
  return text;
}

std::string_view Address::bytes() const noexcept {
  if (is_ipv6()) return {reinterpret_cast<const char*>(&held_.ipv6.sin6_addr), 16};
  return {reinterpret_cast<const char*>(&held_.ipv4.sin_addr), 4};
}

bool Address::operator==(const Address& other) const noexcept {
  if (is_ipv6() != other.is_ipv6() || port() != other.port()) return false;
  if (!is_ipv6()) return held_.ipv4.sin_addr.s_addr == other.held_.ipv4.sin_addr.s_addr;
  return std::memcmp(&held_.ipv6.sin6_addr, &other.held_.ipv6.sin6_addr, sizeof(in6_addr)) == 0 &&
         held_.ipv6.sin6_scope_id == other.held_.ipv6.sin6_scope_id;
}

}  // namespace pollux
