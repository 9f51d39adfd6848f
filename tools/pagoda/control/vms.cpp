#include "tools/pagoda/control/vms.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace pagoda::tools {
namespace {

using vmm::control::Client;
using vmm::control::Json;
using vmm::control::RuntimeDirectory;

struct Place {
  RuntimeDirectory *directory;
  std::string id;
};

std::vector<Place> places(std::vector<RuntimeDirectory> &directories) {
  std::vector<Place> found;
  for (RuntimeDirectory &directory : directories)
    for (std::string &id : vmm::control::ids_in(directory)) found.push_back({&directory, std::move(id)});
  return found;
}

std::string sentence(const Client::Failure &failure) {
  const auto &[error, hint] = failure.refusal;
  return hint.empty() ? error : fmt::format("{}; {}", error, hint);
}

// Nothing when the VM is gone.
std::optional<FoundVm> look_at(const Place &place) {
  const auto ended = [&](const Client::Failure &failure) {
    if (failure.problem == Client::Problem::Stale) vmm::control::remove_stale(*place.directory, place.id);
    return failure.problem == Client::Problem::Stale || failure.problem == Client::Problem::Gone;
  };
  const auto result = [&](const Client::Failure &failure) -> std::optional<FoundVm> {
    if (ended(failure)) return std::nullopt;
    return FoundVm{place.id, nullptr, failure.refusal.error};
  };
  auto client = Client::connect(*place.directory, place.id, kListLimit);
  if (!client) return result(client.error());
  auto figures = client->ask("vm");
  if (!figures) return result(figures.error());
  return FoundVm{place.id, std::move(*figures), {}};
}

std::uint64_t uptime(const FoundVm &vm) {
  const auto found = vm.figures.find("uptime_ns");
  return found != vm.figures.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

bool has_pid(const FoundVm &vm, const std::string &text) {
  return vm.figures.is_object() && vm.figures.contains("pid") && vm.figures["pid"].dump() == text;
}

// The id that a user's word stands for.
std::expected<std::string, std::string> resolve(const std::string &text, const std::vector<Place> &all) {
  if (std::ranges::find(all, text, &Place::id) != all.end()) return text;
  const auto vms = running_vms();
  const auto named = std::ranges::find_if(vms, [&](const FoundVm &vm) { return has_pid(vm, text); });
  if (!text.empty() && named != vms.end()) return named->id;
  if (text.empty() && vms.size() == 1) return vms.front().id;
  std::vector<std::string> ids;
  for (const FoundVm &vm : vms) ids.push_back(vm.id);
  if (ids.empty() && text.empty()) return std::unexpected("no VM is running; `pagoda run PROGRAM` starts one");
  if (ids.empty()) return std::unexpected(fmt::format("no VM \"{}\" is running, nor any other", text));
  const std::string choice = fmt::format("{}", fmt::join(ids, ", "));
  if (text.empty()) return std::unexpected(fmt::format("several VMs are running; name one of {}", choice));
  return std::unexpected(fmt::format("no VM \"{}\" is running; name one of {}", text, choice));
}

std::expected<Client, std::string> connect(const std::string &id, const std::vector<Place> &all) {
  std::string problem = fmt::format("VM {} has ended", id);
  for (const Place &place : all) {
    if (place.id != id) continue;
    auto client = Client::connect(*place.directory, place.id, kAskLimit);
    if (client) return std::move(*client);
    if (client.error().problem == Client::Problem::Stale)
      vmm::control::remove_stale(*place.directory, place.id);
    else
      problem = fmt::format("VM {}: {}", id, sentence(client.error()));
  }
  return std::unexpected(problem);
}

} // namespace

std::vector<FoundVm> running_vms() {
  auto directories = vmm::control::runtime_directories();
  std::vector<FoundVm> vms;
  for (const Place &place : places(directories))
    if (auto vm = look_at(place)) vms.push_back(std::move(*vm));
  std::ranges::sort(vms, std::greater{}, uptime);
  return vms;
}

std::expected<std::string, std::string> vm_id(const std::string &text) {
  auto directories = vmm::control::runtime_directories();
  return resolve(text, places(directories));
}

std::expected<Json, std::string> ask_vm(const std::string &vm, const std::string &ask, const Json &with) {
  auto directories = vmm::control::runtime_directories();
  const auto all = places(directories);
  const auto id = resolve(vm, all);
  if (!id) return std::unexpected(id.error());
  auto client = connect(*id, all);
  if (!client) return std::unexpected(client.error());
  auto answer = client->ask(ask, with);
  if (!answer) return std::unexpected(sentence(answer.error()));
  return std::move(*answer);
}

} // namespace pagoda::tools
