#include "script/policy_watch.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include "catch.h"
#include "policy_world.h"

using namespace pollux;

namespace {

// A watch over one folder that counts its looks.
struct Watching {
  explicit Watching(const PolicyFolders& folders)
      : watch(loop, [this, folders] {
          auto found = find_policies(folders);
          ++looks;
          return PolicyWatch::Looked{true, std::move(found.folders), found.tells};
        }) {}

  // Runs the loop until it has looked so often; for less than the look that comes in any case.
  bool comes_to_look(int times) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(15);
    while (looks < times && std::chrono::steady_clock::now() < deadline) {
      uv_run(loop.uv(), UV_RUN_NOWAIT);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return looks >= times;
  }

  Loop loop;
  std::atomic<int> looks = 0;
  PolicyWatch watch;
};

}  // namespace

TEST_CASE("a plain local folder is known to tell of its changes, a link or a missing one is not") {
  const TemporaryFolder folder;
  const auto path = folder.path.string();
  folder.write("mine/keys.lua", "return {}");
  CHECK(find_policies({path, path}).tells);
  CHECK(find_policies({path + "/mine", path}).tells);
  CHECK(find_policies({path + "/mine/", path}).tells);
  CHECK(!find_policies({path + "/none", path}).tells);

  std::filesystem::create_directory_symlink(path + "/mine", path + "/link");
  CHECK(!find_policies({path + "/link", path + "/link"}).tells);
  CHECK(!find_policies({path, path}).tells);
  std::filesystem::remove(path + "/link");
  std::filesystem::create_symlink("/elsewhere/auth.lua", path + "/mine/auth.lua");
  CHECK(!find_policies({path, path}).tells);
}

TEST_CASE("a folder that tells of its changes is looked at when it does, also after it was made anew") {
  const TemporaryFolder folder;
  const auto path = (folder.path / "policies").string();
  folder.write("policies/keys.lua", "return {}");
  Watching watching({path, path});
  REQUIRE(watching.comes_to_look(2));  // Once, and once more since the watching began after it.

  folder.write("policies/keys.lua", "return {1}");
  REQUIRE(watching.comes_to_look(4));  // For the change, and since the watching began anew.

  std::filesystem::remove_all(path);
  folder.write("policies/keys.lua", "return {2}");
  REQUIRE(watching.comes_to_look(6));
  folder.write("policies/keys.lua", "return {3}");
  CHECK(watching.comes_to_look(7));
}
