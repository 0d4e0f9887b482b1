// What is put into the request log is found again.
#include "store/request_log.h"

#include <algorithm>
#include <set>

#include "store/logged_requests.h"

using namespace pollux;
using namespace std::chrono_literals;

namespace {

using Ids = std::vector<std::int64_t>;

RequestFilter with_word(const std::string& word) {
  RequestFilter filter;
  filter.words = {word};
  return filter;
}

RequestFilter with_status(int least, int most) {
  RequestFilter filter;
  filter.ending = RequestFilter::Ending::status;
  filter.least_status = least;
  filter.most_status = most;
  return filter;
}

}  // namespace

TEST_CASE("an exchange is found with all that was told of it") {
  Desk desk;
  auto told = a_request(1);
  told.streamed = true;
  const auto id = desk.add(told);

  const auto page = desk.find();

  REQUIRE(page.requests.size() == 1);
  CHECK_FALSE(page.next);
  const auto& found = page.requests.front();
  CHECK(found.id == id);
  CHECK(found.began == told.began);
  CHECK(found.client_id == "id-of-laptop");
  CHECK(found.client_name == "laptop");
  CHECK(found.remote_address == "192.0.2.7");
  CHECK(found.dialect == "gemini");
  CHECK(found.endpoint == "generate");
  CHECK(found.method == "POST");
  CHECK(found.path == told.path);
  CHECK(found.model == told.model);
  CHECK(found.upstream_model == told.upstream_model);
  CHECK(found.key_id == "id-of-work");
  CHECK(found.key_name == "work");
  CHECK(found.masked_key == "AIza…work");
  CHECK(found.streamed);
  CHECK(found.status == 200);
  CHECK(found.outcome == "answered");
  CHECK(found.reason.empty());
  CHECK(found.error.empty());
  CHECK(found.duration == told.duration);
  CHECK(found.first_byte == told.first_byte);
  CHECK(found.tokens == told.tokens);
  CHECK(found.request_bytes == 300);
  CHECK(found.answer_bytes == 900);
  CHECK_FALSE(found.bodies);
  REQUIRE(found.attempts.size() == 1);
  CHECK(found.attempts[0].key_id == "id-of-work");
  CHECK(found.attempts[0].status == 200);
  CHECK(found.attempts[0].began == 1500us);
  CHECK(found.attempts[0].duration == 20ms);
}

TEST_CASE("what is not known of an exchange stays unknown") {
  Desk desk;
  ExchangeRecord nobody;
  nobody.began = noon;
  nobody.dialect = "openai";
  nobody.endpoint = "chat";
  nobody.outcome = "client_gone";
  const auto id = desk.add(nobody);

  const auto found = desk.get(id);

  REQUIRE(found);
  CHECK(found->client_id.empty());
  CHECK(found->key_id.empty());
  CHECK(found->status == 0);
  CHECK(found->attempts.empty());
  CHECK_FALSE(found->first_byte);
  CHECK_FALSE(found->tokens);
  CHECK_FALSE(desk.get(id + 1));
}

TEST_CASE("every attempt of a retried exchange is kept, and found by its key") {
  Desk desk;
  auto told = a_request(1, "laptop", "third");
  told.attempts = {an_attempt("first", 429), an_attempt("second", 0), an_attempt("third")};
  told.attempts[1].reason = "connect";
  told.attempts[1].message = "connection refused";
  const auto id = desk.add(told);
  desk.add(a_request(2, "laptop", "fourth"));

  const auto found = desk.get(id);
  REQUIRE(found);
  REQUIRE(found->attempts.size() == 3);
  CHECK(found->attempts[0].status == 429);
  CHECK(found->attempts[0].message == "Quota exceeded");
  CHECK(found->attempts[0].masked_key == "AIza…first");
  CHECK(found->attempts[1].status == 0);
  CHECK(found->attempts[1].reason == "connect");
  CHECK(found->attempts[2].key_name == "third");
  CHECK(found->attempts[2].reason.empty());
  for (const auto* key : {"first", "id-of-second", "third", "id-of-third"}) {
    RequestFilter filter;
    filter.key = key;
    CHECK(ids_of(desk.find(filter)) == Ids{id});
  }
}

TEST_CASE("a failed attempt without another is told as it was") {
  Desk desk;
  const auto id = desk.add(a_request(1, "laptop", "work", 403));
  const auto found = desk.get(id);
  REQUIRE(found->attempts.size() == 1);
  CHECK(found->attempts[0].reason == "http");
  CHECK(found->attempts[0].status == 403);
  CHECK(found->reason == "status 403");
  CHECK(found->error == "Quota exceeded");
}

TEST_CASE("filters find what they name, alone and together") {
  Desk desk;
  auto chat = a_request(3, "phone", "home");
  chat.dialect = "openai";
  chat.endpoint = "chat";
  chat.path = "/v1/chat/completions";
  chat.model = "gpt-4o";
  const auto laptop = desk.add(a_request(1)), failed = desk.add(a_request(2, "laptop", "home", 503)),
             phone = desk.add(chat), refused = desk.add(a_request(4, "phone", "home", 429));
  auto gone = a_request(5);
  gone.outcome = "client_gone";
  gone.status = 200;
  const auto left = desk.add(gone);
  RequestFilter filter;

  SECTION("client, by id or name") {
    filter.client = "phone";
    CHECK(ids_of(desk.find(filter)) == Ids{refused, phone});
    filter.client = "id-of-phone";
    CHECK(ids_of(desk.find(filter)) == Ids{refused, phone});
    filter.client = "pho";
    CHECK(desk.find(filter).requests.empty());
  }
  SECTION("model, as asked or upstream, in any case, with *") {
    filter.model = "gpt-4o";
    CHECK(ids_of(desk.find(filter)) == Ids{phone});
    filter.model = "GEMINI-3.5-flash";
    CHECK(desk.find(filter).requests.size() == 5);
    filter.model = "gpt*";
    CHECK(ids_of(desk.find(filter)) == Ids{phone});
    filter.model = "*nano*";
    CHECK(desk.find(filter).requests.empty());
  }
  SECTION("dialect and endpoint") {
    filter.dialect = "openai";
    CHECK(ids_of(desk.find(filter)) == Ids{phone});
    filter.endpoint = "generate";
    CHECK(desk.find(filter).requests.empty());
  }
  SECTION("status") {
    CHECK(ids_of(desk.find(with_status(503, 503))) == Ids{failed});
    CHECK(ids_of(desk.find(with_status(400, 499))) == Ids{refused});
    CHECK(ids_of(desk.find(with_status(200, 200))) == Ids{left, phone, laptop});
    filter.ending = RequestFilter::Ending::well;
    CHECK(ids_of(desk.find(filter)) == Ids{phone, laptop});
    filter.ending = RequestFilter::Ending::error;
    CHECK(ids_of(desk.find(filter)) == Ids{left, refused, failed});
    filter.client = "laptop", filter.key = "home";
    CHECK(ids_of(desk.find(filter)) == Ids{failed});
  }
  SECTION("time") {
    filter.since = noon + 2ms;
    filter.until = noon + 4ms;
    CHECK(ids_of(desk.find(filter)) == Ids{phone, failed});
  }
  SECTION("words, in any case and anywhere") {
    CHECK(ids_of(desk.find(with_word("CHAT/comp"))) == Ids{phone});
    CHECK(ids_of(desk.find(with_word("phon"))) == Ids{refused, phone});
    CHECK(ids_of(desk.find(with_word("exceeded"))) == Ids{refused, failed});
    CHECK(ids_of(desk.find(with_word("hom"))) == Ids{refused, phone, failed});
    CHECK(ids_of(desk.find(with_word("status 50"))) == Ids{failed});
    CHECK(ids_of(desk.find(with_word(std::to_string(laptop)))) == Ids{laptop});
    CHECK(desk.find(with_word("nowhere")).requests.empty());
    filter.words = {"phone", "exceeded"};
    CHECK(ids_of(desk.find(filter)) == Ids{refused});
  }
}

TEST_CASE("pages follow each other without gaps or doubles while exchanges come in") {
  Desk desk;
  constexpr int count = 2'500;  // Several blocks.
  std::set<std::int64_t> expected;
  for (int i = 0; i < count; ++i) expected.insert(desk.add(a_request(i, i % 7 == 0 ? "rare" : "often")));
  const auto filtered = GENERATE(false, true);
  RequestQuery query;
  query.limit = 100;
  if (filtered) {
    query.filter.client = "rare";
    std::erase_if(expected, [&, i = 0](std::int64_t) mutable { return i++ % 7 != 0; });
  }

  std::set<std::int64_t> found;
  auto last = std::numeric_limits<std::int64_t>::max();
  for (int pages = 0;; ++pages) {
    const auto page = desk.find(query);
    for (const auto& record : page.requests) {
      CHECK(record.id < last);
      last = record.id;
      CHECK(found.insert(record.id).second);
    }
    desk.add(a_request(count + pages, "rare"));
    if (!page.next) break;
    query.before = *page.next;
  }

  CHECK(found == expected);
}

TEST_CASE("exchanges that are told late are found where they belong") {
  Desk desk;
  Ids ids;
  for (int i = 0; i < 1'200; ++i) ids.push_back(desk.add(a_request(1'000'000 + i, "often")));
  REQUIRE(desk.find().requests.size() == 50);
  const auto late = desk.add(a_request(1'000'600, "late")), first = desk.add(a_request(5, "early"));
  RequestFilter filter;
  filter.client = "late";
  CHECK(ids_of(desk.find(filter)) == Ids{late});
  filter.client = "early";
  CHECK(ids_of(desk.find(filter)) == Ids{first});
  desk.close();
  desk.open();
  const auto later = desk.add(a_request(900'000, "later"));
  filter.client = "later";
  CHECK(ids_of(desk.find(filter)) == Ids{later});
  filter.client = "often";
  CHECK(desk.find(filter).requests.size() == 1'000);
}

TEST_CASE("a clock that is set back overwrites nothing") {
  Desk desk;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1'000; ++i) desk.add(a_request(0, "round-" + std::to_string(round)));
  }
  for (int round = 0; round < 3; ++round) {
    RequestFilter filter;
    filter.client = "round-" + std::to_string(round);
    CHECK(desk.find(filter).requests.size() == 1'000);
  }
}

TEST_CASE("what is deleted is gone, and nothing else") {
  Desk desk;
  auto retried = a_request(1, "laptop", "second");
  retried.attempts = {an_attempt("first", 429), an_attempt("second")};
  const auto id = desk.add(retried);
  for (int i = 2; i < 700; ++i) desk.add(a_request(i, i % 2 == 0 ? "phone" : "laptop"));
  RequestFilter filter;
  filter.client = "phone";

  CHECK(desk.remove(filter) == 349);

  CHECK(desk.find(filter).requests.empty());
  filter.client = "laptop";
  CHECK(desk.find(filter).requests.size() == 350);
  CHECK(desk.get(id));
  CHECK(desk.remove({}) == 350);
  CHECK_FALSE(desk.get(id));
  const auto after = desk.add(a_request(1'000));
  CHECK(ids_of(desk.find(filter)) == Ids{after});
}

TEST_CASE("nobody is answered who no longer asks") {
  Desk desk;
  bool answered = false;
  auto question = desk.log().find(desk.loop, {}, [&](Result<RequestPage>) { answered = true; });
  question.reset();
  (void)desk.find();
  CHECK_FALSE(answered);
}

TEST_CASE("very long and broken texts do no harm") {
  Desk desk;
  auto odd = a_request(1, "odd");
  odd.path = "/" + std::string(20'000, 'x');
  odd.model = odd.upstream_model = std::string(299, 'm') + "é" + std::string(500, 'n');
  odd.error = std::string(400, 'e') + "\xff\xfe" + std::string(1'000, 'f');
  odd.outcome = "failed";
  const auto found = desk.get(desk.add(odd));
  REQUIRE(found);
  CHECK(found->path.size() == 300);
  CHECK(found->model == std::string(299, 'm'));
  CHECK(found->error.size() == 500);
}

TEST_CASE("bodies are kept as the settings say") {
  RequestLogLimits limits;
  const auto bodies = [](std::string request) {
    return std::make_shared<const ExchangeBodies>(
        ExchangeBodies{std::move(request), "\x89PNG\r\n\x1a\n", true, false});
  };
  auto well = a_request(1), failed = a_request(2, "laptop", "work", 500);
  well.bodies = failed.bodies = bodies("{\"a\": \"\xc3\xa9\"}");

  SECTION("off") {
    Desk desk(limits);
    CHECK(desk.log().wanted_body_bytes() == 0);
    CHECK_FALSE(desk.get(desk.add(failed))->bodies);
  }
  SECTION("of failed exchanges") {
    limits.bodies = KeptBodies::errors;
    Desk desk(limits);
    CHECK(desk.log().wanted_body_bytes() == limits.body_bytes);
    CHECK_FALSE(desk.get(desk.add(well))->bodies);
    CHECK(desk.get(desk.add(failed))->bodies);
  }
  SECTION("of all, as text; told while running") {
    Desk desk(limits);
    limits.bodies = KeptBodies::all;
    limits.body_bytes = 100;
    desk.log().configure(limits);
    CHECK(desk.log().wanted_body_bytes() == 100);
    const auto id = desk.add(well);
    const auto found = desk.get(id)->bodies;
    REQUIRE(found);
    CHECK(found->request == "{\"a\": \"\xc3\xa9\"}");
    CHECK(found->request_is_cut);
    CHECK(found->answer == "\xef\xbf\xbdPNG\r\n\xef\xbf\xbd\n");
    CHECK_FALSE(found->answer_is_cut);
    CHECK_FALSE(desk.find().requests.front().bodies);
    desk.remove({});
    CHECK_FALSE(desk.get(id));
  }
}

TEST_CASE("a search gets on however many paths there are to look at first") {
  Desk desk;
  constexpr int rows = 10'000, least_rows_a_page = 100;
  for (int i = 0; i < rows; ++i) {
    auto record = a_request(i);
    record.path += std::to_string(i) + std::string(200, 'x');
    desk.add(std::move(record));
    if (i % 4'000 == 3'999) (void)desk.find();
  }
  RequestQuery query;
  query.filter.words = {"v1beta", "models", "gemini", "flash", "generate", "content", "xx", "7"};
  query.limit = 1'000;

  int pages = 0;
  for (bool more = true; more && pages <= rows / least_rows_a_page; ++pages) {
    const auto page = desk.find(query);
    more = page.next.has_value();
    query.before = page.next.value_or(0);
  }

  CHECK(pages <= rows / least_rows_a_page);
}
