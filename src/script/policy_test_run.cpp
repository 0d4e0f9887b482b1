// `pollux check` and `pollux test`.
#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "script/policy_fakes.h"
#include "script/policy_files.h"
#include "script/policy_library.h"
#include "script/prelude.h"

namespace pollux {
namespace {

struct Count {
  int passed = 0, failed = 0;
};

void print(const std::string& line) {
  std::printf("%s\n", line.c_str());
}

// One line: `place` is "keys_test.lua:7: ", or the problem's own where that lies in the same file.
void print_failure(const PolicyFile& file, std::string_view place, std::string_view sentence,
                   std::string_view problem, Count& count) {
  ++count.failed;
  if (problem.starts_with(file.name + ":")) {
    const auto end = std::min(problem.find(": "), problem.size() - 2) + 2;
    place = problem.substr(0, end);
    problem.remove_prefix(end);
  }
  std::string line = "FAILED ";
  line.append(place).append(sentence);
  if (!sentence.empty()) line += ": ";
  print(line.append(problem));
}

// The sources' files as a person should see them.
std::string title_of(const PolicySources& sources, const PolicySource& source) {
  if (!source.is_owners) return source.file;
  return source.file + (sources.contains("default." + source.module) ? " (yours, in place of the shipped one)"
                                                                     : " (yours)");
}

// -- Tests

// Gives what the test prelude calls `share` a name that every module sees.
int share(lua_State* state) {
  auto* bench = static_cast<PolicyTestBench*>(lua_touserdata(state, lua_upvalueindex(1)));
  const char* name = luaL_checkstring(state, 1);
  lua_settop(state, 2);
  if (state != bench->lua()) lua_xmove(state, bench->lua(), 1);
  bench->policies().script().define(name);
  return 0;
}

// Runs the function and its arguments on top of the stack; the error, or the text it returned.
std::optional<std::string> run_function(PolicyTestBench& bench, int argument_count) {
  std::optional<std::string> problem;
  const auto run =
      bench.policies().script().run(argument_count, [&problem](lua_State* results, const Error* error) {
        if (error) {
          problem = error->message;
        } else if (lua_gettop(results) >= 1 && lua_type(results, 1) == LUA_TSTRING) {
          problem = lua_tostring(results, 1);
        }
      });
  return problem;
}

class TestFile {
 public:
  TestFile(const PolicyFile& file, PolicySources sources, const Settings& settings, Count& count)
      : file_(file), sources_(std::move(sources)), settings_(settings), count_(count) {}

  void run() {
    if (auto ready = prepare(); !ready) {
      return print_failure(file_, file_.name + ": ", "", ready.error().message, count_);
    }
    const int tests = ask_count();
    for (int index = 1; index <= tests; ++index) run_test(index);
  }

 private:
  Result<void> prepare();
  Result<void> load_file();
  int ask_count();
  void run_test(int index);
  void push_runner(const char* name) {
    runner_.push(bench_->lua());
    lua_getfield(bench_->lua(), -1, name);
    lua_remove(bench_->lua(), -2);
  }

  const PolicyFile& file_;
  PolicySources sources_;
  const Settings& settings_;
  Count& count_;
  std::unique_ptr<PolicyTestBench> bench_;
  LuaRef runner_;
};

Result<void> TestFile::prepare() {
  auto bench = PolicyTestBench::create(sources_, settings_);
  if (!bench) return std::move(bench).error();
  bench_ = std::move(*bench);
  auto* lua = bench_->lua();
  LuaStackGuard guard(lua);
  bool good = luaL_loadbufferx(lua, test_prelude.data(), test_prelude.size(), "=test_prelude.lua", "t") == 0;
  if (good) {
    bench_->policies().script().push_environment("test_prelude");
    lua_setfenv(lua, -2);
    push_fake_makers(*bench_);
    lua_pushlightuserdata(lua, bench_.get());
    lua_pushcclosure(lua, share, 1);
    good = lua_pcall(lua, 2, 1, 0) == 0;
  }
  if (!good) return internal_error(lua_tostring(lua, -1));
  runner_ = LuaRef(lua, -1);
  // The policies first: the settings that they declare are there for the tests. What does not load fails the
  // tests that require it, in its own words.
  LoadedPolicies::ErrorsByFile errors;
  (void)bench_->policies().load_modules(sources_, &errors);
  return load_file();
}

Result<void> TestFile::load_file() {
  auto text = read_policy_file(file_);
  if (!text) return std::move(text).error();
  auto* lua = bench_->lua();
  LuaStackGuard guard(lua);
  const auto chunk = "@" + file_.name;
  if (load_lua_text(lua, *text, chunk.c_str()) != 0) return invalid_input(lua_tostring(lua, -1));
  bench_->policies().script().push_environment(file_.name);
  lua_setfenv(lua, -2);
  if (const auto problem = run_function(*bench_, 0)) return invalid_input(*problem);
  return {};
}

int TestFile::ask_count() {
  auto* lua = bench_->lua();
  LuaStackGuard guard(lua);
  push_runner("count");
  lua_call(lua, 0, 1);
  return static_cast<int>(lua_tointeger(lua, -1));
}

void TestFile::run_test(int index) {
  auto* lua = bench_->lua();
  bench_->reset();
  std::string place, sentence;
  {
    LuaStackGuard guard(lua);
    push_runner("sentence");
    lua_pushinteger(lua, index);
    lua_call(lua, 1, 2);
    sentence = lua_tostring(lua, -2);
    place = lua_tostring(lua, -1);  // "keys_test.lua:7: "
  }
  push_runner("run");
  lua_pushinteger(lua, index);
  if (const auto problem = run_function(*bench_, 1))
    return print_failure(file_, place, sentence, *problem, count_);
  ++count_.passed;
}

// Tests of shipped policies are about the shipped ones, whatever the owner has put before them.
Result<PolicySources> sources_for(const PolicyFolders& folders, bool is_owners) {
  return read_policies(is_owners ? folders : PolicyFolders{"", folders.shipped});
}

}  // namespace

int check_policies(const PolicyFolders& folders, const Settings& settings) {
  const auto found = find_policies(folders);
  const auto sources = read_policies(folders, found);
  if (!sources) {
    print("FAILED " + sources.error().message);
    return 1;
  }
  const SystemClock clock;
  const auto clients = Clients::create();
  const auto pool = KeyPool::create(clock);
  const auto shared = SharedTable::create(clock);
  const auto cache = SharedTable::create_cache(clock);
  PolicyHost host;
  host.pool = pool.get();
  host.clients = clients.get();
  host.shared = shared.get();
  host.cache = cache.get();
  host.clock = &clock;
  host.settings = &settings;
  LoadedPolicies::ErrorsByFile errors;
  auto policies = LoadedPolicies::create(*sources, host, {});
  const auto loaded =
      policies ? (*policies)->load_modules(*sources, &errors) : Result<void>(policies.error());
  for (const auto& [module, source] : *sources) {
    const auto error = errors.find(source.file);
    print(error == errors.end() ? "OK     " + title_of(*sources, source) : "FAILED " + error->second);
  }
  for (const auto& file : useless_files(found)) print("UNUSED " + why_useless(file));
  if (!loaded && errors.empty()) print("FAILED " + loaded.error().message);
  return loaded ? 0 : 1;
}

int test_policies(const PolicyFolders& folders, const Settings& settings) {
  // What policies log while they are tried is noise.
  if (settings.log.level > LogLevel::debug) log_set_level(LogLevel::off);
  const auto files = find_policies(folders, PolicyFiles::tests).files;
  Count count;
  for (const auto& file : files) {
    auto sources = sources_for(folders, file.is_owners);
    if (!sources) {
      print_failure(file, file.name + ": ", "", sources.error().message, count);
      continue;
    }
    TestFile(file, std::move(*sources), settings, count).run();
  }
  print(std::to_string(files.size()) + (files.size() == 1 ? " file of tests" : " files of tests"));
  print(std::to_string(count.passed) + " passed, " + std::to_string(count.failed) + " failed");
  return count.failed == 0 ? 0 : 1;
}

}  // namespace pollux
