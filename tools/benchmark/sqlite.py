"""Seconds to fill, index and query a database in memory, timed inside."""

import sqlite3
import time

begin = time.perf_counter()
database = sqlite3.connect(":memory:")
database.execute("pragma temp_store = memory")  # the index is sorted in memory too
database.execute("create table pages (number integer, owner integer, name text)")
rows = ((number, number * 7919 % 1000, f"page {number}") for number in range(150_000))
database.executemany("insert into pages values (?, ?, ?)", rows)
database.execute("create index by_owner on pages (owner)")
for owner in range(1000):
    database.execute("select count(*), max(name) from pages where owner = ?", (owner,)).fetchone()
print(time.perf_counter() - begin)
