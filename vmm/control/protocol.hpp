// What passes over a control socket: JSON objects, one a line, UTF-8.
//
//   {"v":1,"id":7,"ask":"stat","with":{…}}   ->   {"v":1,"id":7,"ok":true,"result":…}
//                                                 {"v":1,"id":7,"ok":false,"error":"…","hint":"…"}
//
// `id` comes back as it was sent: a number, a short string or null (the same as none). `with` may be
// left out. Keys that a version does not know are ignored, so that keys can be added; `v` changes
// when an old client would misunderstand. Every line is hostile: nothing here throws, recurses by
// the depth of the input or keeps more than one line of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace pagoda::vmm::control {

using Json = nlohmann::ordered_json;

inline constexpr int kVersion = 1;
inline constexpr std::size_t kLongestLine = 64 << 10; // of a request, the newline not counted
inline constexpr unsigned kDeepest = 16;              // brackets within brackets of a request
inline constexpr std::size_t kLongestId = 128;

struct Refusal {
  std::string error; // what is wrong
  std::string hint;  // what to do instead
};
using Answer = std::expected<Json, Refusal>;

struct Request {
  Json id; // null when there is none
  std::string ask;
  Json with = Json::object();
};
struct BadRequest {
  Json id; // as far as it could be read
  Refusal refusal;
};
[[nodiscard]] std::expected<Request, BadRequest> parse_request(std::string_view line);

// One line, the newline included. What is not UTF-8 in a result is replaced.
[[nodiscard]] std::string encode_request(const Request &request);
[[nodiscard]] std::string encode_answer(const Json &id, const Answer &answer);

// What a client makes of a line from a server.
struct Reply {
  Json id;
  Answer answer;
};
// Fails when the line is no reply of this version.
[[nodiscard]] std::expected<Reply, Refusal> parse_reply(std::string_view line);

} // namespace pagoda::vmm::control
