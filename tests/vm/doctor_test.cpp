// The doctor on the real /dev/kvm: it names the kind, measures every cost, and proves the carrier.
#include "vmm/doctor/doctor.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace pagoda::vmm::doctor {
namespace {

TEST(Doctor, ExaminesThisHost) {
  Options options;
  options.edits = 300;
  options.samples = 50;
  const auto report = examine(options);
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_FALSE(report->evidence.empty());
  EXPECT_TRUE(report->kind_confirmed) << "a system call did not behave as on a host of kind " << name(report->kind);
  EXPECT_FALSE(report->kernel.empty());
  EXPECT_FALSE(report->carrier.empty());
  for (const auto &capability : report->capabilities) EXPECT_TRUE(!capability.needed || capability.present);
  for (const char *cost : {"system call", "page fault", "getpid", "kick", "vCPU ioctl", "full flush"}) {
    const auto found = std::ranges::find(report->costs, cost, &ExitCost::name);
    ASSERT_NE(found, report->costs.end()) << cost;
    EXPECT_LE(found->spread.p10_ns, found->spread.median_ns);
    EXPECT_LE(found->spread.median_ns, found->spread.p90_ns);
    EXPECT_GT(found->spread.samples, 0u);
  }
  ASSERT_TRUE(report->proof.has_value());
  EXPECT_TRUE(report->proof->passed());
}

TEST(Doctor, FindsABrokenCarrierWhereTablesAreShadowed) {
  Options options;
  options.edits = 500;
  options.samples = 0;
  options.carrier = CarrierChoice::None;
  const auto report = examine(options);
  ASSERT_TRUE(report.has_value()) << report.error().text;
  EXPECT_TRUE(report->costs.empty());
  ASSERT_TRUE(report->proof.has_value());
  EXPECT_EQ(report->proof->passed(), !shadows_tables(report->kind) && report->proof->errors() == 0);
}

TEST(Doctor, ListsCapabilitiesByThemselves) {
  const auto capabilities = list_capabilities();
  ASSERT_TRUE(capabilities.has_value()) << capabilities.error().text;
  EXPECT_GT(capabilities->size(), 5u);
  EXPECT_TRUE(std::ranges::any_of(*capabilities, &Capability::needed));
}

} // namespace
} // namespace pagoda::vmm::doctor
