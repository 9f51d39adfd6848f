// What every VM can be asked, one file each. A new question: a file, a declaration here, and its row
// in `handlers_of`.
//
// Those that a command prints answer {"text":…, "figures":…}: text as Linux's file of that name has it
// (made by guest/linux/proc, for the guest as well), and the same figures as JSON.
#pragma once

#include <memory>

#include "vmm/control/handlers.hpp"
#include "vmm/control/subject.hpp"

namespace pagoda::vmm::control {

// The handlers share the subject and so may outlive the caller's copy of it.
using SharedSubject = std::shared_ptr<const Subject>;
[[nodiscard]] Handlers handlers_of(const SharedSubject &subject);

[[nodiscard]] Handler vm_handler(const SharedSubject &subject);
[[nodiscard]] Handler memory_handler(const SharedSubject &subject);
[[nodiscard]] Handler buddyinfo_handler(const SharedSubject &subject);
[[nodiscard]] Handler zoneinfo_handler(const SharedSubject &subject);
[[nodiscard]] Handler pagetypeinfo_handler(const SharedSubject &subject);
[[nodiscard]] Handler slabinfo_handler(const SharedSubject &subject);
[[nodiscard]] Handler vmallocinfo_handler(const SharedSubject &subject);
[[nodiscard]] Handler numa_handler(const SharedSubject &subject);
[[nodiscard]] Handler pages_handler(const SharedSubject &subject);

// An argument that may be left out; nothing when it is of another type than asked for.
[[nodiscard]] std::expected<bool, Refusal> flag_argument(const Json &with, const char *key);
[[nodiscard]] std::expected<std::string, Refusal> word_argument(const Json &with, const char *key,
                                                                std::string_view otherwise);

} // namespace pagoda::vmm::control
