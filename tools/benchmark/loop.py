"""Seconds for an interpreted loop, timed inside."""

import time

begin = time.perf_counter()
total = 0
for number in range(4_000_000):
    total += number * number
print(time.perf_counter() - begin)
