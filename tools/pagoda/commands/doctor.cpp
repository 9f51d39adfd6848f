#include <charconv>
#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "tools/pagoda/command.hpp"
#include "tools/pagoda/report/doctor_text.hpp"
#include "vmm/doctor/doctor.hpp"

namespace pagoda::tools {
namespace {

constexpr std::uint64_t kMaximumEdits = 100'000'000;

struct DoctorArguments {
  bool json = false;
  std::string edits, carrier = std::string(vmm::name(vmm::CarrierChoice::Automatic));
};

int fail(std::string_view sentence) {
  fmt::print(stderr, "pagoda: {}\n", sentence);
  return kExitOwnError;
}

bool parse_carrier(std::string_view text, vmm::CarrierChoice &choice) {
  using enum vmm::CarrierChoice;
  for (const auto value : {Automatic, Hardware, WriteProtect, Mprotect, Slot, None})
    if (vmm::name(value) == text) {
      choice = value;
      return true;
    }
  return false;
}

// What is missing here, when the host cannot run a guest at all.
void print_capabilities_if_possible() {
  if (const auto list = vmm::doctor::list_capabilities()) fmt::print("{}", capability_text(*list));
}

int examine(const DoctorArguments &arguments) {
  vmm::doctor::Options options;
  if (!arguments.edits.empty()) {
    const char *end = arguments.edits.data() + arguments.edits.size();
    const auto parsed = std::from_chars(arguments.edits.data(), end, options.edits);
    if (parsed.ec != std::errc{} || parsed.ptr != end || options.edits > kMaximumEdits)
      return fail(
          fmt::format("--edits: \"{}\" is not a number of edits; give 0 to {}", arguments.edits, kMaximumEdits));
  }
  if (!parse_carrier(arguments.carrier, options.carrier))
    return fail(
        fmt::format("--carrier: \"{}\" is unknown; give automatic, hardware, writeprotect, mprotect, slot or none",
                    arguments.carrier));
  const auto report = vmm::doctor::examine(options);
  if (!report) {
    if (!arguments.json && report.error().problem == vmm::HostError::Problem::MissingCapability)
      print_capabilities_if_possible();
    return fail(report.error().text);
  }
  fmt::print("{}", arguments.json ? doctor_json(*report) : doctor_text(*report));
  return healthy(*report) ? 0 : 1;
}

} // namespace

Action configure_doctor(CLI::App &app) {
  auto arguments = std::make_shared<DoctorArguments>();
  app.add_flag("--json", arguments->json, "Print a JSON object instead of text");
  app.add_option("--edits", arguments->edits, "Page-table edits of the proof (default 10000, 0 leaves it out)")
      ->type_name("N");
  app.add_option("--carrier", arguments->carrier,
                 "Prove this way of invalidation instead of the host's own; none is wrong on purpose")
      ->type_name("automatic|hardware|writeprotect|mprotect|slot|none");
  return [arguments](const Rest &) { return examine(*arguments); };
}

} // namespace pagoda::tools
