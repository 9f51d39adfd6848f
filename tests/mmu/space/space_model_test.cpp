// A space under random operations, against a model that knows single pages only: what is mapped with
// which rights, and the first word of each. A processor that forgets nothing by itself watches.
#include <map>
#include <random>
#include <vector>

#include "tests/mmu/space/fake_file.hpp"
#include "tests/mmu/space/soft_tlb.hpp"
#include "tests/mmu/space/world.hpp"

namespace pagoda::space {
namespace {

using test::FakeFile;
using test::kReadWrite;
using test::pages;
using test::range_of;

constexpr Gva kBase{0x10000000};
constexpr std::uint64_t kRegion = 96; // pages that fixed operations play in
constexpr Gva kBreak = kBase + pages(1000);

struct Page {
  Prot prot = Prot::None;
  FakeFile *file = nullptr;       // private file page
  SharedObject *object = nullptr; // shared page
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> stamp; // of a private page, once written
};
using Pages = std::map<Gva, Page>;
using SharedWords = std::map<std::pair<SharedObject *, std::uint64_t>, std::uint64_t>;

class Play {
public:
  explicit Play(unsigned seed) : random_(seed) {
    space_->set_mmap_top(kBase + pages(400));
    space_->set_break_start(kBreak);
  }

  void step() {
    switch (pick(12)) {
    case 0:
    case 1: map(); break;
    case 2: unmap(); break;
    case 3:
    case 4: protect(); break;
    case 5: remap(); break;
    case 6: move_break(); break;
    case 7: advise(); break;
    case 8: fork(); break;
    default: access(); break;
    }
    check_one();
  }
  void check_all() {
    ASSERT_EQ(space_->invariant(), "");
    ASSERT_EQ(tlb_.stale(*space_), "");
    ASSERT_EQ(space_->usage().virtual_pages, model_.size());
    for (const Vma &area : space_->areas())
      for (Gva at = area.range.begin; at < area.range.end; at += kPageSize) {
        const auto page = model_.find(at);
        ASSERT_NE(page, model_.end()) << std::hex << at.value();
        ASSERT_EQ(area.prot, page->second.prot) << std::hex << at.value();
      }
    for (const auto &[at, page] : model_) check(at);
  }
  void end() {
    space_.reset();
    invalidator_.drain();
    objects_ = {};
    ASSERT_EQ(memory_.in_use(), before_);
    ASSERT_EQ(memory_->invariant(), "");
  }

private:
  std::uint64_t pick(std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random_); }
  Prot any_prot() {
    constexpr Prot kChoices[] = {kReadWrite, kReadWrite, Prot::Read, Prot::None, Prot::Read | Prot::Execute};
    return kChoices[pick(std::size(kChoices))];
  }
  GvaRange any_range() {
    const std::uint64_t first = pick(kRegion), count = 1 + pick(std::min<std::uint64_t>(kRegion - first, 24));
    return range_of(kBase + pages(first), count);
  }
  bool covered(GvaRange range) const {
    for (Gva at = range.begin; at < range.end; at += kPageSize)
      if (!model_.contains(at)) return false;
    return true;
  }
  void forget(GvaRange range) { model_.erase(model_.lower_bound(range.begin), model_.lower_bound(range.end)); }

  void map() {
    MapRequest request;
    const GvaRange range = any_range();
    request.length = range.length();
    request.hint = range.begin;
    request.placement = MapRequest::Placement::Fixed;
    request.area.prot = any_prot();
    Page page;
    page.prot = request.area.prot;
    page.offset = pages(pick(4));
    const std::uint64_t kind = pick(4);
    if (kind == 0) {
      request.area.file = file_;
      page.file = file_.get();
    } else if (kind == 1) {
      request.area.object = objects_[pick(2)];
      request.area.shared = true;
      page.object = request.area.object.get();
    }
    request.area.file_offset = page.offset;
    ASSERT_EQ(*space_->map(request), range.begin);
    for (Gva at = range.begin; at < range.end; at += kPageSize, page.offset += kPageSize) model_[at] = page;
  }
  void unmap() {
    const GvaRange range = any_range();
    ASSERT_TRUE(space_->unmap(range));
    forget(range);
  }
  void protect() {
    const GvaRange range = any_range();
    const Prot prot = any_prot();
    const auto result = space_->protect(range, prot);
    ASSERT_EQ(result.has_value(), covered(range));
    if (!result) return;
    for (Gva at = range.begin; at < range.end; at += kPageSize) model_[at].prot = prot;
  }
  void advise() {
    const GvaRange range = any_range();
    ASSERT_EQ(space_->advise(range, Advice::DontNeed).has_value(), covered(range));
    for (auto it = model_.lower_bound(range.begin); it != model_.end() && it->first < range.end; ++it)
      it->second.stamp.reset();
  }
  void move_break() {
    const Gva old = space_->current_break(), wanted = kBreak + pick(pages(40));
    ASSERT_EQ(space_->set_break(wanted), wanted);
    for (Gva at = old.page_ceil(); at < wanted.page_ceil(); at += kPageSize) model_[at].prot = kReadWrite;
    forget({wanted.page_ceil(), std::max(wanted, old).page_ceil()});
  }
  void remap() {
    const auto areas = space_->areas();
    if (areas.empty()) return;
    const Vma &area = areas[pick(areas.size())];
    if (area.role == VmaRole::Heap) return;
    const std::uint64_t skip = pick(area.pages()), count = 1 + pick(area.pages() - skip), wanted = 1 + pick(2 * count);
    const GvaRange from = range_of(area.range.begin + pages(skip), count);
    RemapFlags flags = pick(3) == 0 ? RemapFlags::None : RemapFlags::MayMove;
    Gva fixed{};
    if (has(flags, RemapFlags::MayMove) && pick(2) == 0) {
      fixed = kBase + pages(pick(kRegion));
      flags = flags | RemapFlags::Fixed;
    } else if (has(flags, RemapFlags::MayMove) && wanted == count) {
      flags = flags | RemapFlags::DontUnmap;
    }
    const auto to = space_->remap(from.begin, from.length(), pages(wanted), flags, fixed);
    if (!to) return;

    std::vector<Page> content;
    for (std::uint64_t i = 0; i < wanted; ++i) {
      Page page = model_[from.begin + pages(std::min(i, count - 1))];
      if (i >= count) {
        page.offset += pages(i - count + 1);
        page.stamp.reset();
      }
      content.push_back(page);
    }
    if (!has(flags, RemapFlags::Fixed)) {
      for (std::uint64_t i = 0; i < wanted; ++i) // it went where nothing was
        ASSERT_TRUE(from.contains(*to + pages(i)) || !model_.contains(*to + pages(i)));
    }
    if (has(flags, RemapFlags::DontUnmap)) {
      for (Gva at = from.begin; at < from.end; at += kPageSize) model_[at].stamp.reset();
    } else {
      forget(from);
    }
    for (std::uint64_t i = 0; i < wanted; ++i) model_[*to + pages(i)] = content[i];
  }
  void fork() {
    auto child = space_->fork(++owner_);
    ASSERT_TRUE(child);
    ASSERT_EQ((*child)->invariant(), "");
    if (pick(2) == 0) return; // the child ends at once
    space_ = *child;
    tlb_.forget();
  }
  void access() {
    const Gva at = kBase + pages(pick(kRegion));
    const std::uint64_t stamp = ++stamps_;
    const auto page = model_.find(at);
    const bool allowed = page != model_.end() && has(page->second.prot, Prot::Write);
    const bool in_file = page != model_.end() && (!page->second.file || page->second.offset < file_->size());
    ASSERT_EQ(fault::write_value(*space_, at, stamp), allowed && in_file);
    if (!allowed || !in_file) return;
    tlb_.walk(*space_, at);
    if (page->second.object)
      shared_[{page->second.object, page->second.offset}] = stamp;
    else
      page->second.stamp = stamp;
  }
  [[nodiscard]] std::uint64_t expected(const Page &page) const {
    if (page.object) {
      const auto word = shared_.find({page.object, page.offset});
      return word == shared_.end() ? 0 : word->second;
    }
    if (page.stamp) return *page.stamp;
    return page.file ? page.file->word(page.offset) : 0;
  }
  void check(Gva at) {
    const auto page = model_.find(at);
    std::uint64_t value = 0;
    const bool readable = page != model_.end() && any(page->second.prot) &&
                          (!page->second.file || page->second.offset < page->second.file->size());
    ASSERT_EQ(fault::read_value(*space_, at, value), readable) << std::hex << at.value();
    if (!readable) return;
    tlb_.walk(*space_, at);
    ASSERT_EQ(value, expected(page->second)) << std::hex << at.value();
  }
  void check_one() { check(kBase + pages(pick(kRegion))); }

  std::mt19937 random_;
  test::LimitedMemory memory_{16 << 20};
  std::uint64_t before_ = memory_.in_use();
  test::SoftTlb tlb_{*memory_};
  tlb::Invalidator invalidator_{tlb_, *memory_};
  phys::Owner owner_ = 1;
  std::shared_ptr<Space> space_ = *Space::create(*memory_, invalidator_, {}, owner_);
  // Ends inside the region, so that some pages lie past the end.
  std::shared_ptr<FakeFile> file_ = std::make_shared<FakeFile>(pages(20) + 8, 7);
  std::array<std::shared_ptr<SharedObject>, 2> objects_{std::make_shared<SharedObject>(*memory_),
                                                        std::make_shared<SharedObject>(*memory_)};
  Pages model_;
  SharedWords shared_;
  std::uint64_t stamps_ = 1ull << 60;
};

class SpaceModel : public testing::TestWithParam<unsigned> {};

TEST_P(SpaceModel, RandomOperationsAgreeWithTheModel) {
  Play play(GetParam());
  for (int step = 0; step < 1500; ++step) {
    play.step();
    if (step % 10 == 0) play.check_all();
    if (HasFatalFailure()) FAIL() << "at step " << step;
  }
  play.end();
}

INSTANTIATE_TEST_SUITE_P(Seeds, SpaceModel, testing::Range(0u, 8u));

TEST(Space, TenThousandRoundsLoseNoFrame) {
  test::World world;
  (void)world.memory->drain();
  const auto before = world.memory->counters();
  const auto carriers = [&] { world.carrier.calls.clear(); };
  for (int round = 0; round < 10000; ++round) {
    const Gva at = *world.space->map(test::anonymous(1 + round % 40));
    ASSERT_TRUE(fault::resolve(*world.space, at, Access::Write).resolved());
    if (round % 3 == 0) test::poke(*world.space, at + pages(round % 40), 1);
    ASSERT_TRUE(world.space->unmap(range_of(at, 1 + round % 40)));
    carriers();
  }
  (void)world.memory->drain();
  const auto after = world.memory->counters();
  EXPECT_EQ(after.free, before.free);
  EXPECT_EQ(after.by_kind, before.by_kind);
  EXPECT_EQ(after.free_blocks, before.free_blocks); // merged again, as it began
  EXPECT_EQ(after.refused_frees, 0u);
  EXPECT_EQ(world.space->usage().resident_pages, 0u);
  EXPECT_EQ(world.memory->invariant(), "");
}

} // namespace
} // namespace pagoda::space
