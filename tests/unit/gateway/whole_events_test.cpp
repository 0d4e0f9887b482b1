#include "gateway/whole_events.h"

#include "catch.h"

using namespace pollux;

TEST_CASE("a whole event passes at once") {
  WholeEvents events;

  CHECK(events.take("data: 1\r\n\r\n") == "data: 1\r\n\r\n");
  CHECK(events.rest().empty());
}

TEST_CASE("half an event waits for its other half") {
  WholeEvents events;

  CHECK(events.take("data: 1\n\ndata: {\"te") == "data: 1\n\n");
  CHECK(events.take("xt\": 2}").empty());
  CHECK(events.take("\n\ndata") == "data: {\"text\": 2}\n\n");
  CHECK(events.rest() == "data");
}

TEST_CASE("nothing is lost or changed however the bytes are split") {
  const std::string stream = "data: one\r\n\r\ndata: two\n\ndata: three\r\rdata: four";
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    WholeEvents events;
    std::string got(events.take(std::string_view(stream).substr(0, split)));
    got += events.take(std::string_view(stream).substr(split));
    CHECK(got + std::string(events.rest()) == stream);
  }
}

TEST_CASE("an event of megabytes does not wait to its end") {
  WholeEvents events;
  const std::string image(1 << 20, 'a');

  CHECK(events.take("data: " + image).size() == image.size() + 6);
  CHECK(events.take("\n\n") == "\n\n");
}
