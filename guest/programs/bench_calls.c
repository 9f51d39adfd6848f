// Times calls into the kernel from inside: prints "NAME nanoseconds" for each, the median of several
// batches. Used by tools/bench, natively and as a guest.
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { kBatches = 15, kCalls = 2000, kVdsoCalls = 200000 };

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void call_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
}
static void call_getpid(void) { syscall(SYS_getpid); }   // may be answered without leaving the guest
static void call_getppid(void) { syscall(SYS_getppid); } // always reaches the kernel

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void measure(const char *name, void (*call)(void), int calls) {
  double batch[kBatches];
  for (int i = 0; i < kBatches; i++) {
    double begin = now_ns();
    for (int j = 0; j < calls; j++) call();
    batch[i] = (now_ns() - begin) / calls;
  }
  qsort(batch, kBatches, sizeof batch[0], by_value);
  printf("%s %.2f\n", name, batch[kBatches / 2]);
}

int main(void) {
  measure("clock_gettime", call_clock, kVdsoCalls);
  measure("getpid", call_getpid, kCalls);
  measure("getppid", call_getppid, kCalls);
  return 0;
}
