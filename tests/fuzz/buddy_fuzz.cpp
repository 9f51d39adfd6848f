// Operations on the buddy against a plain model that knows of each frame whether somebody has it.
//
// Input: one byte of options, then 4-byte operations {what, order, where, extra}.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "mmu/base/broken.hpp"
#include "mmu/phys/buddy.hpp"

namespace pagoda::phys {
namespace {

void require(bool holds, const char *what) {
  if (!holds) broken(what);
}

constexpr std::uint64_t kFrames = 8 * kPageblockFrames;
constexpr std::size_t kMostOperations = 400;

class Machine {
public:
  explicit Machine(std::uint8_t options)
      : buddy_(table_.span(), {Gfn(0), Gfn(kFrames)},
               {.max_order = Order(kPageblockOrder + (options & 3)), .group_by_mobility = (options & 4) != 0}) {
    buddy_.add({Gfn(1), Gfn(kFrames / 2 - 70)});
    buddy_.add({Gfn(kFrames / 2), Gfn(kFrames - 3)});
  }

  void run(std::uint8_t what, std::uint8_t order, std::uint8_t where, std::uint8_t extra) {
    const auto type = Migratetype(extra % kMobilities);
    const Gfn pageblock(std::uint64_t{where} % 8 * kPageblockFrames);
    switch (what % 10) {
    case 0:
    case 1: allocate(buddy_.allocate(Order(order % 14), type), Order(order % 14)); break;
    case 2: scatter(1 + where, type); break;
    case 3:
      if (const auto run = buddy_.allocate_run(1 + where, type)) {
        require(run->length() >= 1 && run->length() <= 1u + where, "a run of another length");
        for (Gfn at = run->begin; at < run->end; at = at + 1) take(at, 0);
      }
      break;
    case 4:
    case 5: free(where | std::size_t{extra} << 8); break;
    case 6: wrong_free(Gfn(where | std::uint64_t{extra} << 8), Order(order % 20)); break;
    case 7: buddy_.set_type(pageblock, type); break;
    case 8: isolate(pageblock, (extra & 1) != 0); break;
    case 9: report(Order(order % 14)); break;
    }
    require(buddy_.invariant().empty(), "an invariant does not hold");
    require(buddy_.free_frames() + buddy_.isolated_frames() + used_ == buddy_.managed(), "frames are miscounted");
  }

  void finish() {
    while (!blocks_.empty()) free(0);
    require(buddy_.invariant().empty(), "an invariant does not hold at the end");
    require(buddy_.free_frames() + buddy_.isolated_frames() == buddy_.managed(), "frames were lost");
  }

private:
  void take(Gfn head, Order order) {
    require(head.number() % frames_in(order) == 0, "a block is not aligned");
    require(buddy_.type_of(head) != Migratetype::Isolate, "an isolated block was handed out");
    for (std::uint64_t i = 0; i < frames_in(order); ++i) {
      require(buddy_.manages(head + i), "a foreign frame was handed out");
      require(!taken_[head.number() + i], "a frame was handed out twice");
      taken_[head.number() + i] = true;
    }
    used_ += frames_in(order);
    blocks_.push_back({head, order});
  }
  void allocate(std::optional<Gfn> head, Order order) {
    if (head) take(*head, order);
  }
  void scatter(std::uint64_t frames, Migratetype type) {
    std::vector<Block> out(16);
    const std::size_t count = buddy_.allocate_scattered(frames, type, out);
    std::uint64_t sum = 0;
    for (const Block &block : std::span(out).first(count)) {
      sum += frames_in(block.order);
      take(block.head, block.order);
    }
    require(sum <= frames, "more than was asked for");
  }
  void free(std::size_t which) {
    if (blocks_.empty()) return;
    const Block block = blocks_[which % blocks_.size()];
    blocks_[which % blocks_.size()] = blocks_.back();
    blocks_.pop_back();
    require(buddy_.free(block.head, block.order), "a block that is held cannot be freed");
    require(!buddy_.free(block.head, block.order), "a second free was taken");
    used_ -= frames_in(block.order);
    for (std::uint64_t i = 0; i < frames_in(block.order); ++i) taken_[block.head.number() + i] = false;
  }
  // Frees what nobody has, or only in part: refused.
  void wrong_free(Gfn head, Order order) {
    const std::uint64_t begin = head.number();
    bool all_taken = order <= kLargestOrder && begin % frames_in(order) == 0;
    for (std::uint64_t i = 0; all_taken && i < frames_in(order); ++i)
      all_taken = begin + i < kFrames && taken_[begin + i];
    if (!all_taken) require(!buddy_.free(head, order), "a wild free was taken");
  }
  void isolate(Gfn pageblock, bool on) {
    if (on)
      (void)buddy_.isolate(pageblock);
    else
      buddy_.unisolate(pageblock);
  }
  void report(Order least) {
    const auto block = buddy_.begin_report(least);
    if (!block) return;
    for (std::uint64_t i = 0; i < frames_in(block->order); ++i)
      require(!taken_[block->head.number() + i], "a block in use was reported");
    buddy_.finish_report(*block);
  }

  Metadata<PageBlock> table_{kFrames / kPageblockFrames};
  Buddy buddy_;
  std::vector<Block> blocks_;
  std::vector<bool> taken_ = std::vector<bool>(kFrames);
  std::uint64_t used_ = 0;
};

} // namespace
} // namespace pagoda::phys

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  if (size == 0) return 0;
  pagoda::phys::Machine machine(data[0]);
  const std::size_t operations = std::min((size - 1) / 4, pagoda::phys::kMostOperations);
  for (std::size_t i = 0; i < operations; ++i) {
    const std::uint8_t *op = data + 1 + i * 4;
    machine.run(op[0], op[1], op[2], op[3]);
  }
  machine.finish();
  return 0;
}
