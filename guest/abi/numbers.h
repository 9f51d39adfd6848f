/* Numbers shared by the stub's assembly and by C++ (layout.hpp explains them). */
#ifndef PAGODA_GUEST_ABI_NUMBERS_H
#define PAGODA_GUEST_ABI_NUMBERS_H

/* Port by which the stub leaves the guest at CPL0. Any but 0x7e, at which KVM has a quirk of its own. */
#define PAGODA_STUB_PORT 0xe0

/* Words in the page of system-call entry code that are answered without an exit. */
#define PAGODA_STUB_PID 0x800
#define PAGODA_STUB_TID 0x804

/* The page behind each vCPU's exception stack, seen from its system-call entry: never mapped. A stub
 * at CPL3 leaves the guest by reading it. */
#define PAGODA_STUB_GUARD 0x3000

/* Bytes between the entries of two exception vectors. */
#define PAGODA_VECTOR_STRIDE 16

#endif
