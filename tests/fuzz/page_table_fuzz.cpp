// Operations on a page table against a std::map, with allocations that fail, a processor that sets A
// and D, and the independent walker as the judge.
//
// Input: a string of 6-byte operations {what, where, offset, length, rights, extra}.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "mmu/base/broken.hpp"
#include "mmu/table/page_table.hpp"
#include "mmu/table/x86_64.hpp"
#include "tests/support/recording_table_memory.hpp"

namespace pagoda::table {
namespace {

void require(bool holds, const char *what) {
  if (!holds) broken(what);
}

// Places at which a range of up to 64 pages crosses no, one or every table boundary.
constexpr std::uint64_t kBases[] = {
    0x10000,        0x200000 - 0x8000,        0x40000000 - 0x8000, 0x8000000000 - 0x8000,
    0x4080001f0000, 0x7fffffffe000 - 0x40000, 0x555555400000,      0x7f0000000000};
constexpr std::uint64_t kWindow = 64; // pages

struct Operation {
  std::uint8_t what, where, offset, length, rights, extra;
  [[nodiscard]] Gva begin() const { return Gva(kBases[where % 8] + (offset % kWindow) * kPageSize); }
  [[nodiscard]] std::uint64_t pages() const { return 1 + length % 48; }
  [[nodiscard]] GvaRange range() const { return {begin(), begin() + pages() * kPageSize}; }
  [[nodiscard]] Prot prot() const { return Prot(rights & 15); }
};

// What the format makes of rights.
Prot expressed(Prot prot) { return X86_64::prot(X86_64::leaf(Gpa(0), prot, 1)); }

class Machine {
public:
  void run(const Operation &op) {
    memory_.fail_at(op.extra % 8 == 7 ? 1 + (op.extra >> 3) % 8 : 0);
    switch (op.what % 8) {
    case 0: map(op); break;
    case 1: map_run(op); break;
    case 2: replace(op); break;
    case 3: unmap(op); break;
    case 4: protect(op); break;
    case 5: move(op); break;
    case 6: touch(op); break;
    case 7: for_each(op); break;
    }
    memory_.fail_at(0);
    settle();
    require(memory_.live() == table_.table_pages(), "table pages are miscounted");
    check(kBases[op.where % 8]);
    if (op.what % 8 == 5) check(kBases[op.rights % 8]);
  }

  void finish() {
    std::size_t seen = 0;
    for (std::uint64_t base : kBases) seen += check(base);
    require(seen == model_.size(), "a leaf lies outside every window");
    std::size_t leaves = 0;
    table_.destroy(batch_, [&](Gva gva, const Mapping &mapping) {
      ++leaves;
      owe(gva, mapping);
      require(model_.at(gva) == mapping, "destroy reports another mapping");
    });
    require(leaves == model_.size(), "destroy missed a leaf");
    settle();
    require(memory_.live() == 0, "a table page leaked");
  }

private:
  using Memory = test::RecordingTableMemory;

  void map(const Operation &op) {
    const Gfn frame = next_frame();
    const Result<> done = table_.map(op.begin(), frame, op.prot());
    if (!done && done.error() == Error::OutOfMemory) return;
    require(done.has_value() == !model_.contains(op.begin()), "map disagrees about a leaf");
    if (done) model_[op.begin()] = {.frame = frame, .prot = expressed(op.prot())};
  }

  void map_run(const Operation &op) {
    std::vector<Gfn> frames(op.pages());
    std::ranges::generate(frames, [&] { return next_frame(); });
    std::map<Gva, Gfn> skipped;
    const Result<std::size_t> done = table_.map_run(op.begin(), frames, op.prot(), [&](Gva gva, Gfn frame) {
      require(skipped.emplace(gva, frame).second, "skipped twice");
    });
    if (!done) {
      require(done.error() == Error::OutOfMemory || crosses_hole(op.range()), "map_run failed without reason");
      require(skipped.empty(), "a failed run skipped");
      return;
    }
    require(*done + skipped.size() == frames.size(), "map_run miscounts");
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const Gva gva = op.begin() + i * kPageSize;
      require(skipped.contains(gva) == model_.contains(gva), "map_run skipped the wrong page");
      if (!skipped.contains(gva)) model_[gva] = {.frame = frames[i], .prot = expressed(op.prot())};
    }
  }

  void replace(const Operation &op) {
    const Gfn frame = next_frame();
    const Result<Mapping> old = table_.replace(op.begin(), frame, op.prot(), batch_);
    const auto found = model_.find(op.begin());
    require(old.has_value() == (found != model_.end()), "replace disagrees about a leaf");
    if (!old) return;
    require(*old == found->second, "replace returns another mapping");
    owe(op.begin(), found->second);
    found->second = {.frame = frame, .prot = expressed(op.prot())};
  }

  void unmap(const Operation &op) {
    std::map<Gva, Mapping> seen;
    table_.unmap(op.range(), batch_, [&](Gva gva, const Mapping &mapping) { seen[gva] = mapping; });
    if (crosses_hole(op.range())) return require(seen.empty(), "unmapped beyond the last address");
    require(seen == within(op.range()), "unmap reports other leaves");
    for (const auto &[gva, mapping] : seen) {
      owe(gva, mapping);
      model_.erase(gva);
    }
  }

  void protect(const Operation &op) {
    table_.protect(op.range(), op.prot(), batch_);
    if (crosses_hole(op.range())) return;
    for (const auto &[gva, mapping] : within(op.range())) {
      if (any(mapping.prot & ~expressed(op.prot()))) owe(gva, mapping);
      model_[gva].prot = expressed(op.prot());
    }
  }

  void move(const Operation &op) {
    const Gva to(kBases[op.rights % 8] + (op.extra % kWindow) * kPageSize);
    const GvaRange target{to, to + op.range().length()};
    const Result<> done = table_.move(op.range(), to, batch_);
    const std::map<Gva, Mapping> moved = within(op.range());
    if (!done) {
      if (done.error() == Error::Exists) require(!within(target).empty(), "move met a leaf that is not there");
      return;
    }
    require(!op.range().overlaps(target), "move within itself");
    for (const auto &[gva, mapping] : moved) {
      owe(gva, mapping);
      model_.erase(gva);
    }
    for (const auto &[gva, mapping] : moved)
      require(model_.emplace(to + (gva - op.begin()), mapping).second, "move buried a leaf");
  }

  // The processor reads or writes the page.
  void touch(const Operation &op) {
    const Walk walk = memory_.walk(table_.root(), op.begin());
    if (walk.effective == Prot::None || !has(walk.effective, Prot::Read)) return;
    const bool write = (op.extra & 1) != 0 && has(walk.effective, Prot::Write);
    const Step &leaf = walk.steps[walk.count - 1];
    memory_.store(leaf.table, leaf.index, leaf.entry | X86_64::kAccessed | (write ? X86_64::kDirty : 0));
    model_.at(op.begin()).accessed = true;
    model_.at(op.begin()).dirty |= write;
  }

  void for_each(const Operation &op) {
    std::map<Gva, Mapping> seen;
    table_.for_each(op.range(), [&](Gva gva, const Mapping &mapping) { seen[gva] = mapping; });
    if (!crosses_hole(op.range())) require(seen == within(op.range()), "for_each sees other leaves");
  }

  static bool crosses_hole(GvaRange range) { return range.end.value() > 0x8000'0000'0000; }
  std::map<Gva, Mapping> within(GvaRange range) const {
    return {model_.lower_bound(range.begin), model_.lower_bound(range.end)};
  }
  Gfn next_frame() { return Gfn(next_frame_++ & 0xffff'ffff); }
  void owe(Gva gva, const Mapping &old) {
    if (any(old.prot & Prot::Read)) owed_[gva] = old.frame;
  }

  void settle() {
    const InvalidationBatch::Contents contents = batch_.consume();
    std::map<Gva, Gfn> noted;
    for (const StaleLeaf &leaf : contents.stale) {
      require(leaf.frames == 1, "a small leaf noted as a large one");
      noted[leaf.gva] = leaf.old_frame;
    }
    require(noted == owed_, "the batch notes other leaves than those that lost rights");
    require(noted.size() == contents.stale.size(), "a leaf noted twice");
    owed_.clear();
    for (Gfn table : contents.tables) memory_.release(table);
  }

  // Holds every page that an operation on this base can reach against the model; how many are mapped.
  std::size_t check(std::uint64_t base) {
    std::size_t leaves = 0;
    for (std::uint64_t page = 0; page < 2 * kWindow; ++page) {
      const Gva gva(base + page * kPageSize);
      const Walk walk = memory_.walk(table_.root(), gva);
      const auto found = model_.find(gva);
      require(walk.mapping.has_value() == (found != model_.end()), "the walker disagrees about a leaf");
      require(table_.query(gva) == walk.mapping, "query and walker disagree");
      if (!walk.mapping) continue;
      require(*walk.mapping == found->second, "the walker sees another mapping");
      ++leaves;
    }
    memory_.forget();
    return leaves;
  }

  Memory memory_;
  PageTable<X86_64, Memory> table_ = *PageTable<X86_64, Memory>::create(memory_);
  InvalidationBatch batch_;
  std::map<Gva, Mapping> model_;
  std::map<Gva, Gfn> owed_; // leaves that lost rights in this operation
  std::uint64_t next_frame_ = 1;
};

} // namespace
} // namespace pagoda::table

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  using namespace pagoda::table;
  constexpr std::size_t kLongest = 64; // operations; each is checked in full
  Machine machine;
  for (std::size_t i = 0; i < kLongest && (i + 1) * 6 <= size; ++i, data += 6)
    machine.run({data[0], data[1], data[2], data[3], data[4], data[5]});
  machine.finish();
  return 0;
}
