// The one place that includes <linux/kvm.h>.
//
// Debian 12's header wraps a flexible array in a struct with an empty struct before it; that is
// size 0 in C and size 1 in C++, so every ioctl number whose argument ends in such an array comes
// out wrong and KVM answers EINVAL. Declaring the wrapper without the empty struct gives C's layout.
// Constants newer than that header are declared here; what a host lacks is found by asking it.
#pragma once

#include <linux/stddef.h>

#ifdef __cplusplus
#undef __DECLARE_FLEX_ARRAY
#define __DECLARE_FLEX_ARRAY(TYPE, NAME) TYPE NAME[0]
#endif

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <linux/kvm.h>
#pragma GCC diagnostic pop

static_assert(sizeof(kvm_cpuid2) == 8, "KVM_SET_CPUID2 would have the wrong number");
static_assert(sizeof(kvm_msrs) == 8, "KVM_SET_MSRS would have the wrong number");
static_assert(sizeof(kvm_signal_mask) == 4, "KVM_SET_SIGNAL_MASK would have the wrong number");

namespace pagoda::vmm {

inline constexpr int kKvmApiVersion = 12; // KVM_GET_API_VERSION of every kernel since 2.6.22

#ifdef KVM_EXIT_MEMORY_FAULT
inline constexpr unsigned kExitMemoryFault = KVM_EXIT_MEMORY_FAULT;
#else
inline constexpr unsigned kExitMemoryFault = 39; // since Linux 6.8
#endif

// Model-specific registers that the set-up writes (SDM vol. 4, APM vol. 2 appendix A).
inline constexpr unsigned kMsrTsc = 0x10;
inline constexpr unsigned kMsrPat = 0x277;
inline constexpr unsigned kMsrStar = 0xc0000081;
inline constexpr unsigned kMsrLstar = 0xc0000082;
inline constexpr unsigned kMsrSyscallMask = 0xc0000084;
inline constexpr unsigned kMsrTscAux = 0xc0000103;

} // namespace pagoda::vmm
