/* Templates of the system-call entry page; the builder copies one of them into each vCPU's page.
 *
 * getpid and gettid are answered from two words of the page itself, everything else leaves the guest.
 * Neither template touches the stack: the red zone below RSP belongs to the program. Only rax, rcx
 * and r11 change, as the system-call ABI allows.
 */
#include "guest/abi/numbers.h"

#define NR_GETPID 39
#define NR_GETTID 186

    .section .rodata, "a"

/* Entered by SYSCALL at CPL0: rcx = return address, r11 = flags, which sysretq puts back. */
    .balign 16
    .globl pagoda_syscall_cpl0, pagoda_syscall_cpl0_end
    .globl pagoda_syscall_cpl0_pid_done, pagoda_syscall_cpl0_tid_load, pagoda_syscall_cpl0_tid_done
pagoda_syscall_cpl0:
    cmp $NR_GETPID, %eax
    je 1f
    cmp $NR_GETTID, %eax
    je 2f
    out %al, $PAGODA_STUB_PORT
    ud2
1:  mov pagoda_syscall_cpl0 + PAGODA_STUB_PID(%rip), %eax
pagoda_syscall_cpl0_pid_done:
    sysretq
pagoda_syscall_cpl0_tid_load:
2:  mov pagoda_syscall_cpl0 + PAGODA_STUB_TID(%rip), %eax
pagoda_syscall_cpl0_tid_done:
    sysretq
pagoda_syscall_cpl0_end:

/* Entered by SYSCALL without a change of privilege (a host without VM hardware). Nothing puts the
 * flags back, so nothing here may change one: lea and jrcxz instead of cmp and je. From the second
 * instruction on the return address is in r11. It leaves by a page fault: cheaper there than `out`,
 * and no port has to be opened to programs.
 */
    .balign 16
    .globl pagoda_syscall_cpl3, pagoda_syscall_cpl3_swapped, pagoda_syscall_cpl3_end
    .globl pagoda_syscall_cpl3_pid_done, pagoda_syscall_cpl3_tid_load, pagoda_syscall_cpl3_tid_done
pagoda_syscall_cpl3:
    mov %rcx, %r11
pagoda_syscall_cpl3_swapped:
    lea -NR_GETPID(%rax), %rcx
    jrcxz 1f
    lea -NR_GETTID(%rax), %rcx
    jrcxz 2f
    mov pagoda_syscall_cpl3 + PAGODA_STUB_GUARD(%rip), %cl
    ud2
1:  mov pagoda_syscall_cpl3 + PAGODA_STUB_PID(%rip), %eax
pagoda_syscall_cpl3_pid_done:
    mov %r11, %rcx
    jmp *%r11
pagoda_syscall_cpl3_tid_load:
2:  mov pagoda_syscall_cpl3 + PAGODA_STUB_TID(%rip), %eax
pagoda_syscall_cpl3_tid_done:
    mov %r11, %rcx
    jmp *%r11
pagoda_syscall_cpl3_end:

    .section .note.GNU-stack, "", @progbits
