// Ends badly, in the way that the argument names: for exit codes and crash reports.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER_INLINE __attribute__((noinline))

static void write_null(void) {
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
}
static void halt(void) { __asm__ volatile("hlt"); }
static void clear_interrupts(void) { __asm__ volatile("cli"); }

static void port_in(void) {
  unsigned char value;
  __asm__ volatile("inb $0x80, %0" : "=a"(value));
}

static void jump_to_zero(void) {
  void (*volatile target)(void) = NULL;
  target();
}

static void undefined(void) { __asm__ volatile("ud2"); }

static void divide_by_zero(void) {
  volatile int one = 100, zero = 0;
  volatile int result = one / zero;
  (void)result;
}

static NEVER_INLINE unsigned long recurse(unsigned long depth) {
  volatile char frame[512];
  memset((char *)frame, (int)depth, sizeof frame);
  if (depth == ~0ul) return 0; // never reached: the stack ends first
  return recurse(depth + 1) + (unsigned long)frame[depth % sizeof frame];
}

static void overflow_stack(void) { printf("%lu\n", recurse(0)); }

static void write_text(void) { *(volatile unsigned char *)(void *)&overflow_stack = 0x90; }

// An address that is no address: #GP, and Linux says SEGV with address 0.
static void not_canonical(void) { *(volatile int *)0x8000000000000000ul = 1; }

struct way {
  const char *name;
  void (*run)(void);
};

static const struct way ways[] = {
    {"null", write_null},       {"hlt", halt},         {"cli", clear_interrupts}, {"in", port_in},
    {"jump0", jump_to_zero},    {"ud2", undefined},    {"div0", divide_by_zero},  {"stack", overflow_stack},
    {"write-text", write_text}, {"gp", not_canonical}, {"abort", abort},
};

NEVER_INLINE int crash_as(const char *name) {
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i)
    if (strcmp(ways[i].name, name) == 0) {
      ways[i].run();
      return 0;
    }
  return 2;
}

int main(int argc, char **argv) {
  const int code = argc == 2 ? crash_as(argv[1]) : 2;
  if (code == 2) {
    fprintf(stderr, "usage: crash");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) fprintf(stderr, "%c%s", i == 0 ? ' ' : '|', ways[i].name);
    fprintf(stderr, "\n");
  }
  return code;
}
