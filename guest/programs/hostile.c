// Does, in the way that the argument names, what a guest must get away with or be ended for, and
// nothing else may happen: exhausts memory, tasks and signals, forges frames, runs broken programs.
// Prints "survived" where a program on Linux would live through it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { PAGE = 4096 };

static int expect(int holds, const char *what) {
  if (!holds) printf("unexpected: %s (%s)\n", what, strerror(errno));
  return holds ? 0 : 1;
}

static unsigned long random_state = 0x9e3779b97f4a7c15;
static unsigned long next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

// --- memory ---

static int map_everything(void) {
  void *all = mmap(NULL, 1ul << 47, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  int bad = expect(all == MAP_FAILED && errno == ENOMEM, "mmap of 2^47 bytes is refused");
  void *half = mmap(NULL, 1ul << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  bad |= expect(half != MAP_FAILED, "mmap of 2^46 bytes without reservation");
  if (half == MAP_FAILED) return 1;
  for (unsigned long i = 0; i < 64; ++i) ((volatile char *)half)[i << 40] = 1;
  bad |= expect(munmap(half, 1ul << 46) == 0, "munmap of 2^46 bytes");
  void *locked =
      mmap(NULL, 1ul << 46, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);
  if (locked != MAP_FAILED) munmap(locked, 1ul << 46);
  return bad;
}

static int eat_memory(void) {
  while (1) {
    char *at = mmap(NULL, 4ul << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) return expect(errno == ENOMEM, "mmap fails with ENOMEM");
    memset(at, 1, 4ul << 20);
  }
}

static int many_areas(void) {
  enum { AREAS = 100000 };
  static char *areas[AREAS];
  int made = 0;
  for (; made < AREAS; ++made) { // alternating protections, so that neighbours do not merge
    areas[made] = mmap(NULL, PAGE, made % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (areas[made] == MAP_FAILED) break;
  }
  int bad = expect(made > 60000, "65,530 areas");
  for (int i = 0; i < made; ++i) bad |= munmap(areas[i], PAGE) != 0;
  return bad;
}

static _Atomic int stop;

static void *touch_for_ever(void *at) {
  while (!stop)
    for (int i = 0; i < 16; ++i) ((volatile char *)at)[i * PAGE] += 1;
  return NULL;
}

static int remap_under_threads(void) {
  pthread_t threads[4];
  char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, touch_for_ever, at);
  for (int i = 0; i < 2000; ++i) // always mapped somewhere below them: replaced, not removed
    if (mmap(at, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at) return 1;
  stop = 1;
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  return 0;
}

static int unmap_under_threads(void) {
  pthread_t threads[4];
  char *at = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, touch_for_ever, at);
  usleep(1000);
  mremap(at, 16 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
  munmap(at, 16 * PAGE);
  pthread_join(threads[0], NULL); // a thread's fault ends the process first
  return 1;
}

static int patch_text(void) { // its own page of code, while it runs
  mprotect((void *)((unsigned long)&patch_text & -(unsigned long)PAGE), PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
  memset((void *)&patch_text, 0xcc, 16);
  int (*volatile again)(void) = patch_text;
  return again() + 1;
}

// --- processes and threads ---

static int fork_bomb(void) {
  enum { LIMIT = 300 };
  int made = 0;
  for (; made < LIMIT; ++made) {
    const pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      if (made % 2) pause(); // half of them are still there when the parent ends
      _exit(0);
    }
  }
  return expect(made == LIMIT || errno == EAGAIN || errno == ENOMEM, "fork");
}

static void *one_of_many(void *unused) {
  for (int i = 0; i < 50; ++i) {
    char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return at;
    at[PAGE] = 1;
    sched_yield();
    munmap(at, 4 * PAGE);
  }
  return unused;
}

static int thread_storm(void) {
  enum { THREADS = 64 };
  pthread_t threads[THREADS];
  int made = 0, bad = 0;
  while (made < THREADS && pthread_create(&threads[made], NULL, one_of_many, NULL) == 0) ++made;
  for (int i = 0; i < made; ++i) {
    void *result = NULL;
    pthread_join(threads[i], &result);
    bad |= result != NULL;
  }
  return bad | expect(made == THREADS, "64 threads");
}

// Ends while others run, are blocked and are just being made.
static void *make_another(void *unused) {
  pthread_t next;
  pthread_create(&next, NULL, make_another, NULL);
  return unused;
}
static int exit_in_a_storm(void) {
  pthread_t thread;
  for (int i = 0; i < 8; ++i) pthread_create(&thread, NULL, make_another, NULL);
  usleep(20000);
  printf("survived\n");
  fflush(stdout);
  syscall(SYS_exit_group, 0);
  return 1;
}

static int huge_arguments(void) {
  enum { COUNT = 200000 };
  static char *words[COUNT + 1];
  for (int i = 0; i < COUNT; ++i) words[i] = "0123456789abcdefghijklmnopqrstuvwxyz";
  execve("/bin/true", words, environ);
  int bad = expect(errno == E2BIG, "many words are too many");
  char *one = malloc(1 << 20);
  memset(one, 'x', (1 << 20) - 1);
  one[(1 << 20) - 1] = 0;
  char *const long_word[] = {"true", one, NULL};
  execve("/bin/true", long_word, environ);
  return bad | expect(errno == E2BIG, "a word of 1 MiB is too long");
}

// --- signals ---

static volatile sig_atomic_t alarms;
static void count_alarm(int signal) {
  (void)signal;
  ++alarms;
}

static int signal_rain(void) {
  const struct sigaction action = {.sa_handler = count_alarm};
  const struct itimerval often = {{0, 100}, {0, 100}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &often, NULL);
  volatile unsigned long work = 0;
  for (int i = 0; i < 200; ++i) { // progress between and inside of calls
    for (int j = 0; j < 100000; ++j) work += (unsigned long)j;
    getppid();
  }
  const struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &never, NULL);
  return expect(alarms > 0, "signals arrive");
}

static int forge_frames(void) {
  for (int i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      unsigned long frame[256];
      for (int j = 0; j < 256; ++j)
        frame[j] = next_random() >> (next_random() % 64); // the parent's state differs each time
      __asm__ volatile("mov %0, %%rsp\n mov $15, %%eax\n syscall\n ud2" ::"r"(frame) : "memory");
    }
    next_random();
    random_state += (unsigned long)i;
    if (child < 0 || waitpid(child, NULL, 0) != child) return expect(0, "fork and wait");
  }
  return 0;
}

static void on_segv(int signal) {
  (void)signal;
  *(volatile int *)NULL = 1; // again, with the signal blocked: the end
}
static int fault_in_handler(void) {
  signal(SIGSEGV, on_segv);
  on_segv(0);
  return 1;
}

static int handler_without_stack(void) {
  const struct sigaction action = {.sa_handler = count_alarm};
  sigaction(SIGUSR1, &action, NULL);
  __asm__ volatile("mov $0x10, %%rsp\n syscall\n ud2" ::"a"(SYS_tkill), "D"(getpid()), "S"(SIGUSR1) : "memory");
  return 1;
}

// --- descriptors ---

static int close_all(void) {
  syscall(SYS_close_range, 0u, ~0u, 0u);
  for (int i = 0; i < 1024; ++i) close(i);
  char byte;
  return write(1, "x", 1) == -1 && read(0, &byte, 1) == -1 && errno == EBADF ? 42 : 1;
}

static int bad_epoll(void) {
  const int set = epoll_create1(0), other = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  int bad = expect(epoll_ctl(set, EPOLL_CTL_ADD, 999, &event) == -1 && errno == EBADF, "no such descriptor");
  bad |= expect(epoll_ctl(set, EPOLL_CTL_ADD, set, &event) == -1 && errno == EINVAL, "itself");
  bad |= expect(epoll_ctl(0x7fffffff, EPOLL_CTL_ADD, 0, &event) == -1 && errno == EBADF, "no such set");
  bad |= expect(epoll_ctl(set, 77, other, &event) == -1 && errno == EINVAL, "no such operation");
  epoll_ctl(set, EPOLL_CTL_ADD, other, &event);
  bad |= expect(epoll_ctl(other, EPOLL_CTL_ADD, set, &event) == -1 && errno == ELOOP, "a ring");
  volatile int count = -1;
  bad |= expect(epoll_wait(set, &event, count, 0) == -1 && errno == EINVAL, "a negative count");
  bad |= expect(epoll_wait(set, (void *)0x1000, 1, 1) <= 0, "nowhere to write");
  close(other);
  return bad | expect(epoll_wait(set, &event, 1, 1) == 0, "a closed member");
}

// --- programs ---

static unsigned char image[4 << 20];

static int write_program(const char *path, const void *bytes, size_t length, mode_t mode) {
  unlink(path);
  const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int bad = file < 0 || write(file, bytes, length) != (ssize_t)length || fchmod(file, mode) != 0;
  return close(file) != 0 || bad;
}

// The errno of execve, 0 when the program began (and, broken as it is, ended somehow).
static int run_broken(const char *path) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(2);
    const int nowhere = open("/dev/null", O_RDWR);
    for (int i = 0; i < 3; ++i) dup2(nowhere, i);
    char *const words[] = {"broken", NULL};
    execve(path, words, words + 1);
    _exit(errno);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static int broken_programs(void) {
  const int self = open("/proc/self/exe", O_RDONLY);
  const ssize_t length = read(self, image, sizeof image);
  if (expect(length > PAGE, "read itself")) return 1;
  for (int i = 0; i < 40; ++i) { // truncated: first inside of the headers, then anywhere
    const size_t cut = next_random() % (i < 20 ? 1024ul : (unsigned long)length);
    if (write_program("/tmp/broken", image, cut, 0755) || run_broken("/tmp/broken") < 0) return 1;
  }
  for (int i = 0; i < 80; ++i) { // bytes of the two headers, one to four of them
    unsigned char kept[PAGE];
    memcpy(kept, image, sizeof kept);
    for (unsigned long flips = next_random() % 4 + 1; flips > 0; --flips)
      image[next_random() % 400 + 4] = (unsigned char)next_random();
    if (write_program("/tmp/broken", image, (size_t)length, 0755) || run_broken("/tmp/broken") < 0) return 1;
    memcpy(image, kept, sizeof kept);
  }
  return 0;
}

static int refused_programs(void) {
  static const char lost[] = "#!/no/such/interpreter\n", self[] = "#!/tmp/script\n", bare[] = "#!\n", words[] = "ls\n";
  int bad = write_program("/tmp/script", lost, sizeof lost - 1, 0755);
  bad |= expect(run_broken("/tmp/script") == ENOENT, "a missing interpreter");
  bad |= write_program("/tmp/script", self, sizeof self - 1, 0755);
  bad |= expect(run_broken("/tmp/script") == ELOOP, "a script that is its own interpreter");
  bad |= write_program("/tmp/script", bare, sizeof bare - 1, 0755);
  bad |= expect(run_broken("/tmp/script") == ENOEXEC, "an interpreter without a name");
  bad |= write_program("/tmp/script", words, sizeof words - 1, 0755);
  bad |= expect(run_broken("/tmp/script") == ENOEXEC, "no interpreter line");
  bad |= write_program("/tmp/script", words, 0, 0755);
  bad |= expect(run_broken("/tmp/script") == ENOEXEC, "an empty file");
  bad |= write_program("/tmp/script", lost, sizeof lost - 1, 0644);
  bad |= expect(run_broken("/tmp/script") == EACCES, "a file without permission");
  bad |= expect(run_broken("/tmp") == EACCES, "a directory");
  bad |= expect(run_broken("/tmp/nothing") == ENOENT, "nothing");
  return bad | expect(run_broken((const char *)0xffffff8000010000) == EFAULT, "a wild path");
}

static const struct way {
  const char *name;
  int (*run)(void);
} ways[] = {
    {"map-everything", map_everything},
    {"eat-memory", eat_memory},
    {"many-areas", many_areas},
    {"remap-under-threads", remap_under_threads},
    {"unmap-under-threads", unmap_under_threads},
    {"patch-text", patch_text},
    {"fork-bomb", fork_bomb},
    {"thread-storm", thread_storm},
    {"exit-in-a-storm", exit_in_a_storm},
    {"huge-arguments", huge_arguments},
    {"signal-rain", signal_rain},
    {"forge-frames", forge_frames},
    {"fault-in-handler", fault_in_handler},
    {"handler-without-stack", handler_without_stack},
    {"close-all", close_all},
    {"bad-epoll", bad_epoll},
    {"broken-programs", broken_programs},
    {"refused-programs", refused_programs},
};

int main(int argc, char **argv) {
  for (size_t i = 0; argc == 2 && i < sizeof ways / sizeof *ways; ++i) {
    if (strcmp(ways[i].name, argv[1]) != 0) continue;
    const int code = ways[i].run();
    if (code == 0) printf("survived\n");
    return code;
  }
  fprintf(stderr, "usage: hostile WAY, one of:\n");
  for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i) fprintf(stderr, "  %s\n", ways[i].name);
  return 2;
}
