// The demonstration: what a Linux program sees inside Pagoda, in one screen.
//
// It runs natively too, with the same transcript but for addresses and times: that is the point.
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };
static const size_t BIG = 32u << 20;

static void title(const char *text) { printf("\n%s\n", text); }

// Resident pages, as the kernel counts them.
static long resident_pages(void) {
  long size = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%ld %ld", &size, &resident) != 2) resident = 0;
  fclose(file);
  return resident;
}

static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void who_am_i(void) {
  struct utsname name;
  if (uname(&name) != 0) return;
  title("1. Where am I?");
  printf("   process %d on %s, host name \"%s\", %ld processor(s)\n", getpid(), name.sysname, name.nodename,
         sysconf(_SC_NPROCESSORS_ONLN));
}

// The lines of /proc/self/maps that name what they are.
static void layout(void) {
  title("2. My address space (/proc/self/maps)");
  FILE *file = fopen("/proc/self/maps", "r");
  char line[512];
  int shown = 0;
  while (file != NULL && shown < 10 && fgets(line, sizeof line, file) != NULL) {
    char range[64], rights[8], what[256] = "";
    if (sscanf(line, "%63s %7s %*s %*s %*s %255s", range, rights, what) < 2 || what[0] == '\0') continue;
    const char *base = strrchr(what, '/');
    printf("   %-30s %s  %s\n", range, rights, base != NULL ? base + 1 : what);
    ++shown;
  }
  if (file != NULL) fclose(file);
}

static void small_and_large(void) {
  title("3. malloc: small from the heap (brk), large from mmap, backed only when touched");
  char *before = sbrk(0);
  enum { SMALL = 5000 };
  static void *small[SMALL];
  for (int i = 0; i < SMALL; ++i) small[i] = malloc(100);
  printf("   5000 x 100 bytes   the heap grew by %ld KiB\n", (long)((char *)sbrk(0) - before) / 1024);
  for (int i = 0; i < SMALL; ++i) free(small[i]);

  malloc_trim(0);
  (void)resident_pages(); // its own buffers are there from now on
  const long at_first = resident_pages();
  char *large = malloc(BIG);
  const long reserved = resident_pages();
  if (large == NULL) return;
  int nonzero = 0;
  for (size_t i = 0; i < BIG; i += PAGE) {
    nonzero += large[i] != 0;
    large[i] = 1;
  }
  const long touched = resident_pages();
  free(large);
  printf("   one of %zu MiB      resident: %+ld pages after malloc, %+ld after touching, %+ld after free\n", BIG >> 20,
         reserved - at_first, touched - at_first, resident_pages() - at_first);
  printf("   first touch found  %s\n", nonzero == 0 ? "zeroes everywhere" : "DIRT");
}

static sigjmp_buf back;
static volatile siginfo_t seen;

static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  memcpy((void *)&seen, info, sizeof seen);
  siglongjmp(back, 1);
}

static void report_fault(const char *what, void (*attempt)(void *), void *argument) {
  if (sigsetjmp(back, 1) == 0) {
    attempt(argument);
    printf("   %-28s NOT stopped\n", what);
    return;
  }
  printf("   %-28s SIGSEGV at %p, %s\n", what, seen.si_addr,
         seen.si_code == SEGV_MAPERR   ? "nothing mapped (SEGV_MAPERR)"
         : seen.si_code == SEGV_ACCERR ? "forbidden (SEGV_ACCERR)"
                                       : "?");
}

static void write_to(void *where) { *(volatile char *)where = 1; }
static void call(void *where) { ((void (*)(void))(uintptr_t)where)(); }

static void faults(void) {
  title("4. Faults on purpose, caught by a handler");
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  struct sigaction old;
  sigaction(SIGSEGV, &action, &old);
  report_fault("write to a wild pointer", write_to, (void *)(uintptr_t)0x123456789000);
  report_fault("write to my own code (W^X)", write_to, (void *)(uintptr_t)&layout);
  unsigned char *data = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data != MAP_FAILED) {
    data[0] = 0xc3; // ret
    report_fault("execute data (NX)", call, data);
    munmap(data, PAGE);
    report_fault("write after munmap", write_to, data);
  }
  sigaction(SIGSEGV, &old, NULL);
}

static __attribute__((noinline)) size_t deep(size_t bytes) {
  volatile char frame[4000];
  frame[0] = frame[sizeof frame - 1] = (char)bytes;
  return bytes <= sizeof frame ? 1 : deep(bytes - sizeof frame) + (frame[0] == (char)bytes);
}

static void stack(void) {
  title("5. The stack grows as it is used");
  const long before = resident_pages();
  const size_t frames = deep(4u << 20);
  printf("   %zu frames deep     resident: +%ld pages\n", frames, resident_pages() - before);
}

static void *sum_half(void *argument) {
  const uintptr_t first = (uintptr_t)argument;
  uintptr_t sum = 0;
  for (uintptr_t i = first; i < first + 500000; ++i) sum += i;
  return (void *)sum;
}

static void tasks(void) {
  title("6. Threads and processes");
  pthread_t threads[2];
  uintptr_t sum = 0;
  for (uintptr_t i = 0; i < 2; ++i)
    if (pthread_create(&threads[i], NULL, sum_half, (void *)(i * 500000)) != 0) return;
  for (int i = 0; i < 2; ++i) {
    void *part = NULL;
    pthread_join(threads[i], &part);
    sum += (uintptr_t)part;
  }
  printf("   two threads        sum of 0 to 999999 = %lu\n", (unsigned long)sum);
  int shared = 1;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    shared = 2;
    _exit(40 + shared);
  }
  int status = 0;
  waitpid(child, &status, 0);
  printf("   fork and wait      the child left with %d; my copy of its variable is still %d\n", WEXITSTATUS(status),
         shared);
}

static void costs(void) {
  title("7. What things cost here");
  enum { ROUNDS = 2000 };
  double begin = now_ns();
  for (int i = 0; i < ROUNDS; ++i) now_ns();
  const double clock = (now_ns() - begin) / ROUNDS;
  begin = now_ns();
  for (int i = 0; i < ROUNDS; ++i) syscall(SYS_getpid);
  const double getpid_ns = (now_ns() - begin) / ROUNDS;
  begin = now_ns();
  for (int i = 0; i < ROUNDS; ++i) syscall(SYS_getppid);
  printf("   clock_gettime %.0f ns, getpid %.0f ns, getppid %.0f ns\n", clock, getpid_ns, (now_ns() - begin) / ROUNDS);
}

int main(void) {
  printf("A Linux program says hello. Nothing in it knows where it runs.\n");
  who_am_i();
  layout();
  small_and_large();
  faults();
  stack();
  tasks();
  costs();
  return 0;
}
