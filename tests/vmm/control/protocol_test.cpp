#include "vmm/control/protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/control/handlers.hpp"

namespace pagoda::vmm::control {
namespace {

using testing::HasSubstr;

Handlers two() {
  return {{"echo", "gives back what came", [](const Json &with) -> Answer { return with; }},
          {"no", "refuses", [](const Json &) -> Answer { return std::unexpected(Refusal{"no", "ask echo"}); }},
          {"short", "has no memory", [](const Json &) -> Answer { throw std::bad_alloc(); }}};
}

// The answer as a JSON object; it is one line, whatever was asked.
Json answer(std::string_view line) {
  const std::string text = two().answer(line);
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  return Json::parse(text);
}

std::string error_of(std::string_view line) {
  const Json reply = answer(line);
  EXPECT_EQ(reply["v"], 1);
  EXPECT_EQ(reply["ok"], false) << line;
  EXPECT_NE(reply["hint"], "") << line;
  return reply["error"];
}

TEST(Protocol, AnswersARequest) {
  const Json reply = answer(R"({"v":1,"id":7,"ask":"echo","with":{"a":[1,2]}})");
  EXPECT_EQ(reply.dump(), R"({"v":1,"id":7,"ok":true,"result":{"a":[1,2]}})");
  EXPECT_EQ(answer(R"({"v":1,"ask":"echo"})").dump(), R"({"v":1,"id":null,"ok":true,"result":{}})");
  EXPECT_EQ(answer(R"({"v":1,"id":"x","ask":"no"})").dump(),
            R"({"v":1,"id":"x","ok":false,"error":"no","hint":"ask echo"})");
}

TEST(Protocol, HelpListsTheTable) {
  const Json result = answer(R"({"v":1,"id":1,"ask":"help"})")["result"];
  EXPECT_EQ(result["echo"], "gives back what came");
  EXPECT_TRUE(result.contains("help"));
}

TEST(Protocol, UnknownKeysAreIgnored) { EXPECT_EQ(answer(R"({"v":1,"id":1,"ask":"echo","later":true})")["ok"], true); }

TEST(Protocol, SaysWhatIsWrong) {
  EXPECT_THAT(error_of("rubbish"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of(R"({"v":1,"id":1)"), HasSubstr("not a JSON object"));
  EXPECT_THAT(error_of(R"({"id":1,"ask":"echo"})"), HasSubstr("version 1"));
  EXPECT_THAT(error_of(R"({"v":2,"id":1,"ask":"echo"})"), HasSubstr("version 1"));
  EXPECT_THAT(error_of(R"({"v":"1","id":1,"ask":"echo"})"), HasSubstr("version 1"));
  EXPECT_THAT(error_of(R"({"v":1,"id":{},"ask":"echo"})"), HasSubstr("id"));
  EXPECT_THAT(error_of(R"({"v":1,"id":1})"), HasSubstr("asks nothing"));
  EXPECT_THAT(error_of(R"({"v":1,"id":1,"ask":5})"), HasSubstr("asks nothing"));
  EXPECT_THAT(error_of(R"({"v":1,"id":1,"ask":"ECHO"})"), HasSubstr("\"ECHO\" cannot be asked"));
  EXPECT_THAT(error_of(R"({"v":1,"id":1,"ask":"echo","with":[]})"), HasSubstr("not an object"));
  EXPECT_THAT(error_of(R"({"v":1,"id":1,"ask":"short"})"), HasSubstr("could not be answered"));
}

// The client knows which of its questions was wrong.
TEST(Protocol, TheIdComesBackWithAnError) {
  EXPECT_EQ(answer(R"({"v":9,"id":42,"ask":"echo"})")["id"], 42);
  EXPECT_EQ(answer(R"({"v":1,"id":"q","ask":""})")["id"], "q");
}

TEST(Protocol, HostileLinesAreRefused) {
  error_of("");
  error_of(std::string(100, '\0'));
  error_of("{\"v\":1,\"id\":1,\"ask\":\"\xff\xfe\"}");                  // not UTF-8
  error_of(R"({"v":1,"id":1e999,"ask":"echo"})");                       // no number
  EXPECT_THAT(error_of(std::string(60'000, '[')), HasSubstr("deeply")); // as deep as a line is long
  std::string nested = R"({"v":1,"id":1,"ask":"echo","with":)";
  for (int i = 0; i < 20; ++i) nested += R"({"a":)";
  EXPECT_THAT(error_of(nested), HasSubstr("deeply"));
  EXPECT_THAT(error_of(std::string(kLongestLine + 1, 'x')), HasSubstr("too long"));
  EXPECT_THAT(error_of(R"({"v":1,"id":")" + std::string(kLongestId + 1, 'i') + R"(","ask":"echo"})"), HasSubstr("id"));
  // A long name does not come back whole.
  EXPECT_LT(error_of(R"({"v":1,"ask":")" + std::string(10'000, 'a') + R"("})").size(), 200u);
}

TEST(Protocol, BracketsInStringsDoNotNest) {
  const std::string line = R"({"v":1,"ask":"echo","with":{"s":")" + std::string(100, '[') + R"(\"{"}})";
  EXPECT_EQ(answer(line)["ok"], true);
}

TEST(Protocol, WhatIsNotUtf8InAResultIsReplaced) {
  const std::string line = encode_answer(1, Json{{"program", "\xff prog"}});
  EXPECT_THAT(line, HasSubstr("\xef\xbf\xbd prog")); // U+FFFD
}

TEST(Protocol, ClientAndServerUnderstandEachOther) {
  const auto request = parse_request(encode_request({3, "echo", {{"by", "zone"}}}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, 3);
  EXPECT_EQ(request->ask, "echo");
  EXPECT_EQ(request->with["by"], "zone");
  const auto good = parse_reply(encode_answer(3, Json("fine")));
  ASSERT_TRUE(good && good->answer);
  EXPECT_EQ(*good->answer, "fine");
  const auto bad = parse_reply(encode_answer(3, std::unexpected(Refusal{"e", "h"})));
  ASSERT_TRUE(bad && !bad->answer);
  EXPECT_EQ(bad->answer.error().hint, "h");
  for (const char *line : {"", "{}", "[]", R"({"v":2,"ok":true})", R"({"v":1})", R"({"v":1,"ok":"yes"})"})
    EXPECT_FALSE(parse_reply(line)) << line;
}

} // namespace
} // namespace pagoda::vmm::control
