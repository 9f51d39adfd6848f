// Maps, touches and unmaps ten thousand times, in sizes from one page to sixty-four: whatever the
// run took must have come back when it ends.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { kRounds = 10000, kPage = 4096 };

int main(void) {
  for (int round = 0; round < kRounds; ++round) {
    const size_t pages = 1 + (size_t)(round * 7919 % 64);
    unsigned char *memory = mmap(NULL, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return perror("mmap"), 1;
    for (size_t i = 0; i < pages; i += 1 + (size_t)(round % 5)) {
      if (memory[i * kPage] != 0) return fprintf(stderr, "round %d: page %zu is not zero\n", round, i), 1;
      memory[i * kPage] = (unsigned char)(round | 1);
    }
    if (munmap(memory, pages * kPage) != 0) return perror("munmap"), 1;
  }
  printf("%d rounds\n", kRounds);
  return 0;
}
