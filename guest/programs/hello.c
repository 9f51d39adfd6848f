// The smallest program with a C library: one line, exit code 0.
#include <stdio.h>

int main(void) {
  puts("hello");
  return 0;
}
