// Computes without a system call until it is stopped: for time limits, Ctrl-C and preemption.
// With an argument, that many million rounds and then the result.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  const unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) * 1000000ul : ~0ul;
  unsigned long state = 1;
  for (unsigned long i = 0; i < rounds; ++i) {
    state = state * 6364136223846793005ul + 1442695040888963407ul;
    __asm__ volatile("" : "+r"(state));
  }
  printf("%lx\n", state);
  return 0;
}
