// What a large inline image costs on its way through policies: copies of it are counted.
#include <cstdlib>
#include <new>

#include "policy_world.h"

using namespace pollux;

namespace {

constexpr std::size_t image_bytes = std::size_t{20} * 1024 * 1024;
std::size_t in_use = 0, most_in_use = 0;
constexpr std::size_t head_bytes = alignof(std::max_align_t);

void* counted_new(std::size_t size) noexcept {
  auto* head = static_cast<char*>(std::malloc(size + head_bytes));
  if (!head) std::abort();
  *reinterpret_cast<std::size_t*>(head) = size;
  in_use += size;
  most_in_use = std::max(most_in_use, in_use);
  return head + head_bytes;
}

void counted_delete(void* block) noexcept {
  if (!block) return;
  auto* head = static_cast<char*>(block) - head_bytes;
  in_use -= *reinterpret_cast<std::size_t*>(head);
  std::free(head);
}

// How many images more than before were in use at the same time while `work` ran.
template <typename Work>
double images_while(Work&& work) {
  const auto before = in_use;
  most_in_use = before;
  work();
  return static_cast<double>(most_in_use - before) / static_cast<double>(image_bytes);
}

std::string body_with_image() {
  std::string body = R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":")"
                     "data:image/png;base64,";
  body.append(image_bytes, 'A');
  return body.append("\"}}]}]}");
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_new(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted_new(size);
}
void operator delete(void* block, const std::nothrow_t&) noexcept {
  counted_delete(block);
}
void operator delete(void* block) noexcept {
  counted_delete(block);
}
void operator delete(void* block, std::size_t) noexcept {
  counted_delete(block);
}

TEST_CASE("a body with an image that is looked at is not copied") {
  PolicyWorld world(Modules{{"transform",
                             "return {request = function(request) "
                             "return #request.body.messages == 0 and deny(400, '') or nil end}"}});
  Asking asking(world);
  asking.give_body(body_with_image());
  CHECK(images_while([&] {
          REQUIRE(asking.transform() == "done");
          REQUIRE(asking.exchange->body_to_send()->size() == asking.request.body_text.size());
        }) < 0.01);
  CHECK(world.state->memory_in_use() < image_bytes / 10);
}

TEST_CASE("a body that is made of another costs one copy of the image") {
  PolicyWorld world(Modules{{"transform", R"(return {request = function(request)
      local url = request.body.messages[1].content[1].image_url.url
      local kind = bytes.sub(url, 1, 100):match("^data:([^;,]+);base64,")
      local data = bytes.sub(url, #("data:" .. kind .. ";base64,") + 1)
      request.body = { contents = { { parts = { { inlineData = { mimeType = kind, data = data } },
        { text = "what is it?" } } } } }
    end})"}});
  Asking asking(world);
  asking.give_body(body_with_image());
  CHECK(images_while([&] {
          REQUIRE(asking.transform() == "done");
          const auto body = asking.exchange->body_to_send();
          REQUIRE(body);
          CHECK(body->starts_with(R"({"contents":[{"parts":[{"inlineData":{"data":"AAA)"));
          CHECK(body->ends_with(R"(AAA","mimeType":"image/png"}},{"text":"what is it?"}]}]})"));
        }) < 1.01);
  CHECK(world.state->memory_in_use() < image_bytes / 10);
}

TEST_CASE("an answer that is changed is written once, in place of the former") {
  PolicyWorld world(Modules{{"transform", R"(return {response = function(request, response)
      response.body = { image = bytes.sub(response.body.messages[1].content[1].image_url.url, 23) }
    end})"}});
  Asking asking(world);
  PolicyResponse response;
  response.text = body_with_image();
  CHECK(images_while([&] { REQUIRE(asking.transform(response) == "done"); }) < 1.01);
  CHECK(response.text.size() == image_bytes + std::string_view(R"({"image":""})").size());
}

TEST_CASE("base64 of a large piece is written at once where it belongs") {
  PolicyWorld world(Modules{{"transform", R"(return {request = function(request)
      request.body = { again = bytes.to_base64(request.body.messages[1].content[1].image_url.url) }
    end})"}});
  Asking asking(world);
  asking.give_body(body_with_image());
  CHECK(images_while([&] {
          REQUIRE(asking.transform() == "done");
          REQUIRE(asking.exchange->body_to_send());
        }) < 1.34);
}
