// Passes wild pointers, lengths and numbers to every system call, in children that may die of it.
// Only for a guest: natively, some of these calls would reach the host.
//
// A child works through the combinations of one call and notes in a shared page how far it got; when
// it dies or blocks, the next one goes on behind that combination. Prints how many calls were made.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LAST_CALL = 461, ARGUMENTS = 6, BASELINES = 3, FIXED_VALUES = 15, EDGES = 3, BUFFER = 4096 };
enum { VALUES = FIXED_VALUES + EDGES, COMBINATIONS = BASELINES * ARGUMENTS * VALUES };
enum { BLOCKED_MS = 100 };

struct progress {
  volatile unsigned next;      // combination of the call
  volatile unsigned long made; // calls, all children together
};

static const unsigned long fixed_values[FIXED_VALUES] = {
    0,
    1,
    3,
    -1ul,
    0xfff,
    0x7fffffff,
    0x80000001,
    0x7ffffffff000,
    0x7fffffffefff,
    0x800000000000,
    0x8000000000000000,
    0xffff800000000000,
    0xffffff8000010000,
    0xffffffffff600000,
    0x4000000000000007,
};

static struct progress *progress;
static unsigned char *buffer; // one page, a page without access behind it
static unsigned char *read_only;

static unsigned long value_of(unsigned index) {
  if (index < FIXED_VALUES) return fixed_values[index];
  switch (index - FIXED_VALUES) {
  case 0: return (unsigned long)buffer + BUFFER - 4; // runs over the end of what is mapped
  case 1: return (unsigned long)read_only;
  default: return (unsigned long)buffer + 1;
  }
}

// What the arguments are that are not wild: pointers, a descriptor before pointers, or nothing.
static unsigned long baseline(unsigned kind, unsigned argument) {
  if (kind == 0 || (kind == 1 && argument > 0)) return (unsigned long)buffer + 64ul * argument;
  return kind == 1 ? 3 : 0;
}

static void raw_call(long number, const unsigned long *a) {
  register unsigned long r10 __asm__("r10") = a[3];
  register unsigned long r8 __asm__("r8") = a[4];
  register unsigned long r9 __asm__("r9") = a[5];
  long result = number;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
}

static int makes_processes(long number) {
  return number == SYS_clone || number == SYS_fork || number == SYS_vfork || number == SYS_clone3;
}

static void interrupt(int signal) { (void)signal; }

// Blocking calls end with EINTR; what cannot be interrupted is ended by the watcher.
static void arm(void) {
  const struct sigaction action = {.sa_handler = interrupt};
  const struct itimerval often = {{0, 3000}, {0, 3000}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
}

static void work_through(long number) {
  const pid_t self = getpid();
  arm();
  while (progress->next < COMBINATIONS) {
    const unsigned now = progress->next++;
    const unsigned argument = now / VALUES % ARGUMENTS;
    unsigned long arguments[ARGUMENTS];
    for (unsigned i = 0; i < ARGUMENTS; ++i) arguments[i] = baseline(now / VALUES / ARGUMENTS, i);
    arguments[argument] = value_of(now % VALUES);
    memset(buffer, 0, BUFFER);
    ++progress->made;
    raw_call(number, arguments);
    if (makes_processes(number) && syscall(SYS_getpid) != self) _exit(0);
  }
  _exit(0);
}

static long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void watch(pid_t child) {
  unsigned seen = progress->next;
  long since = now_ms();
  while (waitpid(child, NULL, WNOHANG) == 0) {
    usleep(300);
    if (progress->next != seen) {
      seen = progress->next;
      since = now_ms();
    } else if (now_ms() - since > BLOCKED_MS) {
      kill(child, SIGKILL);
    }
  }
}

static void try_call(long number) {
  progress->next = 0;
  while (progress->next < COMBINATIONS) {
    const pid_t child = fork();
    if (child < 0) {
      printf("cannot fork at call %ld: %s\n", number, strerror(errno));
      exit(1);
    }
    if (child == 0) work_through(number);
    watch(child);
  }
}

// The signals that a wild kill() of the whole group can name.
static void ignore_wild_signals(void) {
  signal(SIGHUP, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  signal(SIGBUS, SIG_IGN);
}

static int run_all(long first, long last) {
  ignore_wild_signals();
  const int nowhere = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; ++standard) dup2(nowhere, standard);
  for (long number = first; number <= last; ++number)
    if (number != SYS_exit && number != SYS_exit_group) try_call(number);
  return 0;
}

static void *map(size_t length, int protection, int flags) {
  void *at = mmap(NULL, length, protection, flags | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return at;
}

int main(int argc, char **argv) {
  const long first = argc > 1 ? atol(argv[1]) : 0;
  const long last = argc > 2 ? atol(argv[2]) : LAST_CALL;
  progress = map(BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED);
  buffer = map(2 * BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  mprotect(buffer + BUFFER, BUFFER, PROT_NONE);
  read_only = map(BUFFER, PROT_READ, MAP_PRIVATE);
  const int file = open("/tmp/wild", O_RDWR | O_CREAT, 0600);
  if (file != 3) dup2(file, 3);
  // Process 1 only waits: wild calls name it, and its limits and priority are theirs to spoil.
  const pid_t runner = fork();
  if (runner == 0) exit(run_all(first, last));
  ignore_wild_signals();
  int status = 0;
  while (waitpid(runner, &status, 0) < 0 && errno == EINTR) {}
  printf("%lu calls, status %x\n", progress->made, (unsigned)status);
  return status == 0 ? 0 : 1;
}
