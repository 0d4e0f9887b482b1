// Which addresses are public: the registries of special-purpose addresses (RFC 6890) say which are not.
#include <array>
#include <cstdint>

#include "net/address.h"

namespace pollux {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

struct Network {
  Bytes bytes;
  std::size_t bits;
};

bool is_within(std::string_view address, const Network& network) {
  for (std::size_t bit = 0; bit < network.bits; bit += 8) {
    const auto left = network.bits - bit;
    const auto mask = static_cast<unsigned>(left >= 8 ? 0xff : 0xff << (8 - left)) & 0xff;
    const auto byte = static_cast<unsigned char>(address[bit / 8]);
    if ((byte & mask) != (network.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

template <std::size_t Count>
bool is_within_any(std::string_view address, const std::array<Network, Count>& networks) {
  for (const auto& network : networks) {
    if (is_within(address, network)) return true;
  }
  return false;
}

constexpr std::array not_public_ipv4{
    Network{{0}, 8},              // this network
    Network{{10}, 8},             // private
    Network{{100, 64}, 10},       // behind a provider's NAT
    Network{{127}, 8},            // this machine
    Network{{169, 254}, 16},      // link-local; clouds answer there with their secrets
    Network{{172, 16}, 12},       // private
    Network{{192, 0, 0}, 24},     // protocol assignments
    Network{{192, 0, 2}, 24},     // documentation
    Network{{192, 88, 99}, 24},   // relays of 6to4
    Network{{192, 168}, 16},      // private
    Network{{198, 18}, 15},       // benchmarks
    Network{{198, 51, 100}, 24},  // documentation
    Network{{203, 0, 113}, 24},   // documentation
    Network{{224}, 4},            // multicast
    Network{{240}, 4},            // reserved, broadcast
};

constexpr Network global_unicast{{0x20}, 3};
constexpr std::array not_public_ipv6{
    Network{{0x20, 0x01, 0x00}, 23},        // protocol assignments, Teredo among them
    Network{{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    Network{{0x3f, 0xff, 0x00}, 20},        // documentation
};

// Networks whose addresses hold one of IPv4, and where.
struct Embedding {
  Network network;
  std::size_t at;
};
constexpr std::array embeddings{
    Embedding{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12},  // mapped
    Embedding{{{0x00, 0x64, 0xff, 0x9b}, 96}, 12},                    // NAT64
    Embedding{{{0x20, 0x02}, 16}, 2},                                 // 6to4
};

bool is_public_ipv4(std::string_view address) {
  return !is_within_any(address, not_public_ipv4);
}

bool is_public_ipv6(std::string_view address) {
  for (const auto& embedding : embeddings) {
    if (is_within(address, embedding.network)) return is_public_ipv4(address.substr(embedding.at, 4));
  }
  return is_within(address, global_unicast) && !is_within_any(address, not_public_ipv6);
}

}  // namespace

bool Address::is_public() const noexcept {
  return is_ipv6() ? is_public_ipv6(bytes()) : is_public_ipv4(bytes());
}

}  // namespace pollux
