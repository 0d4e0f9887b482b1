#include "admin/web_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "catch.h"
#include "temporary_folder.h"

using namespace pollux;
namespace fs = std::filesystem;

namespace {

using Kind = WebFile::Kind;

struct Folder : TemporaryFolder {
  WebFile read(const std::string& name, WebFileRequest request = {}) const {
    request.path = name;
    return read_web_file(root().string(), request);
  }
};

}  // namespace

TEST_CASE("plain names below the folder may be asked for") {
  for (const auto* path :
       {"index.html", "app.js", "texts/zh-CN.js", "vendor/preact.js", "a/b/c.css", "x_1.svg"})
    CHECK(is_web_path(path));
}

TEST_CASE("nothing that climbs, hides, or is no file of a page may be asked for") {
  for (const std::string path : {"",
                                 "/",
                                 "/app.js",
                                 "app.js/",
                                 "a//b.js",
                                 "../app.js",
                                 "a/../b.js",
                                 "a/..",
                                 "..",
                                 ".",
                                 "./app.js",
                                 ".npmrc",
                                 ".git/config.json",
                                 "a/.hidden.js",
                                 "..%2fapp.js",
                                 "%2e%2e/app.js",
                                 "a\\b.js",
                                 "a b.js",
                                 "app.js\n",
                                 "app",
                                 "app.lua",
                                 "pollux.db",
                                 "key.pem",
                                 "vendor/.recipe",
                                 "caf\xC3\xA9.js"})
    CHECK(!is_web_path(path));
  CHECK(!is_web_path(std::string_view("a\0.js", 5)));
  CHECK(!is_web_path(std::string(300, 'a') + ".js"));
}

TEST_CASE("a file comes with its type and a tag that changes with its bytes alone") {
  const Folder folder;
  folder.write("app.js", "let a = 1;");
  const auto first = folder.read("app.js");
  CHECK(first.kind == Kind::found);
  CHECK(first.bytes == "let a = 1;");
  CHECK(first.type == "text/javascript; charset=UTF-8");
  folder.write("app.js", "let a = 1;");
  CHECK(folder.read("app.js").etag == first.etag);
  const auto when = fs::last_write_time(folder.root() / "app.js");
  folder.write("app.js", "let a = 2;");
  fs::last_write_time(folder.root() / "app.js", when);
  CHECK(folder.read("app.js").etag != first.etag);
}

TEST_CASE("who has the file already is told so") {
  const Folder folder;
  folder.write("app.js", std::string(2000, 'x'));
  const auto plain = folder.read("app.js"), packed = folder.read("app.js", {.path = {}, .takes_gzip = true});
  CHECK(plain.etag != packed.etag);
  const auto has = [&](const std::string& tags, bool takes_gzip) {
    return folder.read("app.js", {.path = {}, .if_none_match = tags, .takes_gzip = takes_gzip}).kind ==
           Kind::unchanged;
  };
  CHECK(has(plain.etag, false));
  CHECK(has("\"other\", W/" + packed.etag, true));
  CHECK(has("*", false));
  CHECK(!has(plain.etag, true));
  CHECK(!has("\"other\"", false));
}

TEST_CASE("text is compressed for who takes it, where that is worth it") {
  const Folder folder;
  folder.write("long.css", std::string(5000, ' '));
  folder.write("short.css", "a{}");
  folder.write("picture.png", std::string(5000, ' '));
  const WebFileRequest takes_gzip{.path = {}, .takes_gzip = true};
  const auto packed = folder.read("long.css", takes_gzip);
  CHECK(packed.gzipped);
  CHECK(packed.bytes.size() < 200);
  CHECK(packed.bytes.starts_with("\x1F\x8B"));
  CHECK(!folder.read("long.css").gzipped);
  CHECK(!folder.read("short.css", takes_gzip).gzipped);
  CHECK(!folder.read("picture.png", takes_gzip).gzipped);
}

TEST_CASE("only regular files in the folder itself are read") {
  const Folder folder, elsewhere;
  elsewhere.write("secret.js", "secret");
  elsewhere.write("sub/secret.js", "secret");
  folder.write("app.js", "fine");
  fs::create_symlink(elsewhere.root() / "secret.js", folder.root() / "link.js");
  fs::create_directory_symlink(elsewhere.root() / "sub", folder.root() / "sub");
  fs::create_directory(folder.root() / "folder.js");
  REQUIRE(mkfifo((folder.root() / "pipe.js").c_str(), 0600) == 0);
  for (const auto* name :
       {"link.js", "sub/secret.js", "folder.js", "pipe.js", "missing.js", "app.js/x.js", "missing/x.js"}) {
    INFO(name);
    CHECK(folder.read(name).kind == Kind::missing);
  }
  CHECK(read_web_file((folder.root() / "none").string(), {.path = "app.js"}).kind == Kind::missing);
}

TEST_CASE("a folder that is itself reached by a link is a good one") {
  const Folder folder, elsewhere;
  folder.write("app.js", "fine");
  fs::create_directory_symlink(folder.root(), elsewhere.root() / "web");
  CHECK(read_web_file((elsewhere.root() / "web").string(), {.path = "app.js"}).kind == Kind::found);
}

TEST_CASE("what is too large for a page is not read") {
  const Folder folder;
  folder.write("large.js", "");
  fs::resize_file(folder.root() / "large.js", 5 << 20);
  CHECK(folder.read("large.js").kind == Kind::unreadable);
}

TEST_CASE("a page whose libraries were not fetched yet says so") {
  const Folder folder;
  folder.write("index.html", "<!doctype html>");
  const WebFileRequest page{.path = {}, .needs_libraries = true};
  CHECK(folder.read("index.html", page).kind == Kind::found);
  folder.write("package.json", "{}");
  CHECK(folder.read("index.html", page).kind == Kind::without_libraries);
  folder.write("vendor/preact.js", "");
  CHECK(folder.read("index.html", page).kind == Kind::found);
}
