// Why this host cannot run a guest: one sentence that says what is wrong and one way out of it.
// The command line prints `text` as it stands and exits 125.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

namespace pagoda::vmm {

struct HostError {
  enum class Problem : std::uint8_t {
    NoDevice,          // /dev/kvm does not exist
    NoPermission,      // it exists and may not be opened
    WrongVersion,      // it speaks another API version than 12
    MissingCapability, // KVM lacks something that nothing else here replaces
    Resource,          // memory, descriptors or a limit of the host ran out
    Refused,           // a call that should work failed
  };
  Problem problem = Problem::Refused;
  std::string text;
};

template <class T = void> using HostResult = std::expected<T, HostError>;

} // namespace pagoda::vmm
