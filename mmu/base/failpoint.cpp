#include "mmu/base/failpoint.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace pagoda::failpoint {

constinit Site frame_allocation{"frame_allocation"};
constinit Site table_allocation{"table_allocation"};
constinit Site descriptor_allocation{"descriptor_allocation"};
constinit Site file_read{"file_read"};

namespace {

std::vector<Site *> &known() {
  static std::vector<Site *> all{&descriptor_allocation, &file_read, &frame_allocation, &table_allocation};
  return all;
}

// splitmix64 (Steele, Lea and Flood, OOPSLA 2014): any counter gives a good sequence.
std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

template <class T> std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// What follows `key` in the text; nothing when it begins otherwise.
std::optional<std::string_view> after(std::string_view text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  return text.substr(key.size());
}

} // namespace

void Site::fail_at(std::uint64_t n) {
  threshold_.store(0, std::memory_order_relaxed);
  countdown_.store(n, std::memory_order_relaxed);
  armed_.store(n != 0, std::memory_order_relaxed);
}

void Site::fail_with(double probability, std::uint64_t seed) {
  constexpr double kAll = 18446744073709551616.0; // 2^64
  const double share = std::clamp(probability, 0.0, 1.0) * kAll;
  countdown_.store(0, std::memory_order_relaxed);
  random_.store(seed, std::memory_order_relaxed);
  threshold_.store(share >= kAll ? ~0ull : std::uint64_t(share), std::memory_order_relaxed);
  armed_.store(share > 0, std::memory_order_relaxed);
}

bool Site::fails_armed() {
  bool fail = false;
  if (const std::uint64_t threshold = threshold_.load(std::memory_order_relaxed); threshold != 0) {
    const std::uint64_t draw = mixed(random_.fetch_add(kGolden, std::memory_order_relaxed) + kGolden);
    fail = draw < threshold || threshold == ~0ull;
  } else {
    std::uint64_t left = countdown_.load(std::memory_order_relaxed);
    while (left != 0 && !countdown_.compare_exchange_weak(left, left - 1, std::memory_order_relaxed)) {}
    fail = left == 1;
    if (fail) armed_.store(false, std::memory_order_relaxed);
  }
  if (fail) failures_.fetch_add(1, std::memory_order_relaxed);
  return fail;
}

Registration::Registration(Site &site) { known().push_back(&site); }

std::vector<Site *> sites() {
  std::vector<Site *> all = known();
  std::ranges::sort(all, {}, &Site::name);
  return all;
}

Site *find(std::string_view name) {
  const auto found = std::ranges::find(known(), name, &Site::name);
  return found == known().end() ? nullptr : *found;
}

std::string arm(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  Site *site = find(name);
  if (site == nullptr) return "there is no failpoint \"" + std::string(name) + "\"";
  const std::string_view how = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (how == "off") return site->disarm(), std::string();
  if (const auto count = after(how, "n=")) {
    const auto n = number<std::uint64_t>(*count);
    if (!n || *n == 0) return "\"" + std::string(*count) + "\" is no pass to fail at: it counts from 1";
    return site->fail_at(*n), std::string();
  }
  if (const auto rest = after(how, "p=")) {
    const std::size_t comma = rest->find(',');
    const auto probability = number<double>(rest->substr(0, comma));
    if (!probability || !(*probability >= 0) || *probability > 1) return "a probability is 0 to 1";
    std::optional<std::uint64_t> seed = 1;
    if (comma != std::string_view::npos) {
      const auto given = after(rest->substr(comma + 1), "seed=");
      seed = given ? number<std::uint64_t>(*given) : std::nullopt;
    }
    if (!seed) return "after a probability comes seed=NUMBER or nothing";
    return site->fail_with(*probability, *seed), std::string();
  }
  return "a failpoint is armed as NAME:n=5, NAME:p=0.01,seed=7 or NAME:off";
}

void disarm_all() {
  for (Site *site : known()) site->disarm();
}

} // namespace pagoda::failpoint
