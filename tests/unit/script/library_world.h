// A library over two folders of its own, for tests of what it loads from them and writes into them.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "policy_world.h"

namespace pollux {

// A module whose auth refuses with this word.
inline std::string saying(const std::string& word) {
  return "return {identify = function(request) return deny(499, '" + word + "') end}";
}

class Library {
 public:
  explicit Library(std::size_t workers = 1) {
    std::filesystem::create_directories(owners.path / "policies");
    library = PolicyLibrary::create({(owners.path / "policies").string(), shipped.path.string()}, workers,
                                    world.host);
  }

  // What auth of the worker's newest set says.
  std::string said(std::size_t worker = 0) {
    world.state = library->current(worker, world.host);
    if (!world.state) return "no set";
    Asking asking(world);
    return seen_by_policy(world, asking);
  }
  std::string reload() {
    const auto done = library->reload();
    return done ? "good" : done.error().message;
  }
  std::string at_start() {
    const auto done = library->load_at_start();
    return done ? "good" : done.error().message;
  }
  void write_owners(const std::string& name, const std::string& text) const {
    owners.write("policies/" + name, text);
  }

  // Runs the loop until auth says this word, for at most ten seconds.
  bool comes_to_say(Loop& loop, const std::string& word) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      if (said() == word) return true;
      uv_run(loop.uv(), UV_RUN_NOWAIT);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

  TemporaryFolder owners, shipped;
  PolicyWorld world;
  std::unique_ptr<PolicyLibrary> library;
};

inline PolicyReport::File file_of(const PolicyReport& report, const std::string& name) {
  for (const auto& file : report.files) {
    if (file.path == name) return file;
  }
  return {};
}

}  // namespace pollux
