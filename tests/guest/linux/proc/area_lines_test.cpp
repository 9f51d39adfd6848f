#include "guest/linux/proc/area_lines.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/sysmacros.h>

#include "tests/mmu/space/world.hpp"

namespace pagoda::kernel {
namespace {

class NamedFile final : public space::FileStore {
public:
  explicit NamedFile(Identity identity) : identity_(std::move(identity)) {}
  Result<std::size_t> read(std::uint64_t, std::span<std::byte>) override { return 0; }
  [[nodiscard]] std::uint64_t size() const override { return 0; }
  [[nodiscard]] const Identity &identity() const override { return identity_; }

private:
  Identity identity_;
};

// An area as a line of the host's own /proc/self/maps describes it.
space::Vma parse(const std::string &line) {
  unsigned long long begin = 0, end = 0, offset = 0, inode = 0;
  unsigned device_major = 0, device_minor = 0;
  char rights[5] = {};
  int name_at = 0;
  EXPECT_EQ(sscanf(line.c_str(), "%llx-%llx %4s %llx %x:%x %llu %n", &begin, &end, rights, &offset, &device_major,
                   &device_minor, &inode, &name_at),
            7);
  space::Vma area;
  area.range = {Gva(begin), Gva(end)};
  if (rights[0] == 'r') area.prot = area.prot | Prot::Read;
  if (rights[1] == 'w') area.prot = area.prot | Prot::Write;
  if (rights[2] == 'x') area.prot = area.prot | Prot::Execute;
  area.shared = rights[3] == 's';
  const std::string name = line.substr(std::size_t(name_at));
  if (name == "[heap]")
    area.role = space::VmaRole::Heap;
  else if (name == "[stack]")
    area.role = space::VmaRole::Stack;
  else if (name == "[vdso]")
    area.role = space::VmaRole::Vdso;
  else if (name == "[vvar]")
    area.role = space::VmaRole::Vvar;
  else if (!name.empty()) {
    area.file = std::make_shared<NamedFile>(
        space::FileStore::Identity{makedev(device_major, device_minor), std::uint64_t(inode), name});
    area.file_offset = offset;
  }
  return area;
}

TEST(AreaLines, EveryLineOfTheHostsOwnMapsIsReproduced) {
  std::ifstream maps("/proc/self/maps");
  ASSERT_TRUE(maps);
  unsigned lines = 0;
  for (std::string line; std::getline(maps, line); ++lines) EXPECT_EQ(maps_line(parse(line)), line + "\n");
  EXPECT_GT(lines, 10u);
}

TEST(AreaLines, ANewlineInANameDoesNotMakeALine) {
  space::Vma area;
  area.range = {Gva(0x1000), Gva(0x2000)};
  area.file = std::make_shared<NamedFile>(space::FileStore::Identity{0, 5, "/a\nb"});
  const std::string line = maps_line(area);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_NE(line.find("/a\\012b"), std::string::npos);
}

std::uint64_t field(const std::string &text, const std::string &label) {
  const auto at = text.find("\n" + label);
  EXPECT_NE(at, std::string::npos) << label;
  return std::stoull(text.substr(at + 1 + label.size()));
}

TEST(AreaLines, SmapsCountsWhatIsThere) {
  test::World world;
  ASSERT_TRUE(world.space->map(test::anonymous_at(Gva(0x10000000), 32)));
  space::MapRequest shared = test::anonymous_at(Gva(0x20000000), 4);
  shared.area.shared = true;
  shared.area.object = std::make_shared<space::SharedObject>(*world.memory);
  shared.area.object->set_label({1, 2, "/dev/zero (deleted)"});
  ASSERT_TRUE(world.space->map(shared));
  test::poke(*world.space, Gva(0x10000000), 1);
  test::poke(*world.space, Gva(0x20000000), 1);
  const auto child = *world.space->fork(2);
  test::poke(*child, Gva(0x20000000), 2);

  const std::string rollup = "\n" + smaps_rollup_text(*world.space);
  EXPECT_EQ(field(rollup, "Rss:"), world.space->usage().resident_pages * 4);
  EXPECT_EQ(field(rollup, "Anonymous:"), world.space->resident_in({Gva(0x10000000), Gva(0x10020000)}) * 4);
  const std::string all = smaps_text(*world.space);
  const std::string second = all.substr(all.find("20000000-"));
  EXPECT_NE(second.find("/dev/zero (deleted)\n"), std::string::npos);
  EXPECT_EQ(field(second, "Size:"), 16u);
  EXPECT_GE(field(second, "Shared_Clean:") + field(second, "Shared_Dirty:"), 4u);
  EXPECT_LT(field(second, "Pss:"), field(second, "Rss:"));
  EXPECT_NE(second.find("VmFlags: rd wr sh mr mw me ms"), std::string::npos) << second;
}

} // namespace
} // namespace pagoda::kernel
