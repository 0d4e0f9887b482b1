#include "net/address.h"

#include "catch.h"

using namespace pollux;

TEST_CASE("an address is public if somebody on the Internet has it") {
  for (const auto* text : {"8.8.8.8",         "1.1.1.1",         "9.255.255.255",
                           "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
                           "126.255.255.255", "128.0.0.0",       "169.253.255.255",
                           "172.15.255.255",  "172.32.0.0",      "192.0.1.0",
                           "192.167.255.255", "192.169.0.0",     "198.17.255.255",
                           "198.20.0.0",      "223.255.255.255", "2001:4860:4860::8888",
                           "2001:200::1",     "2606:4700::1111", "2a00:1450::1",
                           "3ffe:ffff::1",    "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8",
                           "2002:808:808::1"}) {
    INFO(text);
    CHECK(Address::parse(text)->is_public());
  }
}

TEST_CASE("an address of this machine, of its networks, or of nobody is not public") {
  for (const auto* text :
       {"0.0.0.0",         "0.1.2.3",        "10.0.0.1",        "10.255.255.255",  "100.64.0.1",
        "100.127.255.255", "127.0.0.1",      "127.255.255.254", "169.254.169.254", "172.16.0.1",
        "172.31.255.255",  "192.0.0.8",      "192.0.2.1",       "192.88.99.1",     "192.168.1.1",
        "198.18.0.1",      "198.19.255.255", "198.51.100.7",    "203.0.113.7",     "224.0.0.1",
        "239.255.255.255", "240.0.0.1",      "255.255.255.255"}) {
    INFO(text);
    CHECK_FALSE(Address::parse(text)->is_public());
    CHECK_FALSE(Address::parse("::ffff:" + std::string(text))->is_public());
    CHECK_FALSE(Address::parse("::" + std::string(text))->is_public());
    CHECK_FALSE(Address::parse("64:ff9b::" + std::string(text))->is_public());
  }
  for (const auto* text : {"::",
                           "::1",
                           "::8.8.8.8",
                           "fc00::1",
                           "fd12:3456::1",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1",
                           "100::1",
                           "64:ff9b:1::1",
                           "64:ff9b::1:0:0",
                           "2001::1",
                           "2001:0:4136:e378::1",
                           "2001:db8::1",
                           "2002:7f00:1::1",
                           "2002:a9fe:a9fe::1",
                           "2002:c0a8:101::1",
                           "3fff::1",
                           "4000::1"}) {
    INFO(text);
    CHECK_FALSE(Address::parse(text)->is_public());
  }
}
