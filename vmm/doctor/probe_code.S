/* Guest code of the doctor: position-independent routines for CPL3 that fit one page. A routine ends
 * with system call 1000, which no kernel has; what it found is in rbx.
 */
#define NR_DONE 1000
#define NR_GETPID 39

    .section .rodata, "a"
    .balign 16
    .globl pagoda_probe_begin, pagoda_probe_end
    .globl pagoda_probe_read, pagoda_probe_write, pagoda_probe_calls, pagoda_probe_getpid, pagoda_probe_spin
pagoda_probe_begin:

/* Reads the word at rdi. */
pagoda_probe_read:
    mov (%rdi), %rbx
    mov $NR_DONE, %eax
    syscall
    ud2

/* Writes rsi into the second word behind rdi: the first one is the page's stamp. */
pagoda_probe_write:
    mov %rsi, 8(%rdi)
    mov $NR_DONE, %eax
    syscall
    ud2

/* System calls for ever. */
pagoda_probe_calls:
    mov $NR_DONE, %eax
    syscall
    jmp pagoda_probe_calls

/* rbx times getpid. */
pagoda_probe_getpid:
    mov $NR_GETPID, %eax
    syscall
    dec %rbx
    jnz pagoda_probe_getpid
    mov $NR_DONE, %eax
    syscall
    ud2

pagoda_probe_spin:
    jmp pagoda_probe_spin
pagoda_probe_end:

    .section .note.GNU-stack, "", @progbits
