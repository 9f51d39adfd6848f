// Programs of Debian's own packages, against their native output and exit code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vm/run_pagoda.hpp"

namespace pagoda::test {
namespace {

const std::string kPython = "/usr/bin/python3"; // not whatever a version manager puts first in PATH

void same_shell(const std::string &shell, const std::string &script) { expect_same({shell, "-c", script}); }

TEST(Programs, BusyboxPipesAwkSedSort) {
  const auto sh = [](const std::string &script) { expect_same({"/bin/busybox", "sh", "-c", script}); };
  sh("i=0; while [ $i -lt 50 ]; do echo \"$i $((i * 7 % 13)) name$i\"; i=$((i+1)); done | "
     "awk '{ s[$2] += $1 } END { for (k in s) print k, s[k] }' | sort -n | sed 's/ /=/'");
  sh("busybox seq 1000 | busybox gzip -c | busybox gunzip -c | busybox md5sum");
  sh("x=$(busybox cat /etc/passwd | busybox wc -l); [ $x -gt 3 ] && echo many; exit 5");
}

TEST(Programs, Bash) {
  same_shell("/bin/bash", "declare -A a; for i in {1..200}; do a[k$((i % 7))]+=$i; done; "
                          "for k in $(printf '%s\\n' \"${!a[@]}\" | sort); do echo $k ${#a[$k]}; done");
  same_shell("/bin/bash", "f() { local x=$1; (( x <= 1 )) && echo 1 || echo $(( x * $(f $((x-1))) )); }; f 6");
  same_shell("/bin/bash", "trap 'echo bye' EXIT; cat <<< here | tr a-z A-Z; { echo 1; echo 2; } | while read x; do "
                          "echo [$x]; done; exit 9");
  same_shell("/bin/bash", "sleep 0.1 & wait $!; echo $?; (exit 3); echo $?; diff <(seq 3) <(seq 4); echo $?");
}

TEST(Programs, Coreutils) {
  same_shell("/bin/sh", "seq 1 5000 | sha256sum; seq 1 20000 | sort -rn | head -n 3; seq 100 | shuf "
                        "--random-source=/etc/passwd | sort -n | tail -1");
  same_shell(
      "/bin/sh",
      "ls /etc | head -20; stat -c '%a %F' /etc/passwd /usr; basename /a/b.c .c; dirname /a/b; readlink -f /bin/sh");
  same_shell(
      "/bin/sh",
      "cut -d: -f1,3 /etc/passwd | paste -sd, ; tr -d aeiou < /etc/group | head -3; od -A x -t x1 /bin/true | head -2");
  same_shell("/bin/sh", "find /usr/share/doc -maxdepth 1 | sort | head; expr 6 \\* 7; factor 1234567; date -u -d @0; "
                        "test -d /nope; echo $?");
  Scratch scratch;
  const std::string work =
      "mkdir d && cd d && echo a > f && cp f g && ln -s f l && mv g h && chmod 600 h && "
      "ls -1; cat l h; wc -c f; rm -r ../d; ls ..; touch -d @1000 t; stat -c %Y t; truncate -s 5000 t; du -b t";
  RunSettings settings;
  settings.directory = scratch.path();
  const Finished native = run_native({"/bin/sh", "-c", work}, settings);
  scratch.clear();
  Words words{"run"};
  for (const std::string &word : scratch.bind()) words.push_back(word);
  words.insert(words.end(), {"/bin/sh", "-c", work});
  const Finished guest = run_pagoda(words, settings);
  EXPECT_EQ(guest.out, native.out) << guest.err;
  EXPECT_EQ(guest.code, native.code);
}

TEST(Programs, PythonLibraries) {
  expect_same({kPython, "-c",
               "import json, hashlib\n"
               "d={str(i): [i, i*i, {'x': i/7}] for i in range(1000)}\n"
               "s=json.dumps(d, sort_keys=True)\nassert json.loads(s)==d\n"
               "print(len(s), hashlib.sha256(s.encode()).hexdigest(), hashlib.md5(b'x'*1000000).hexdigest())"});
  expect_same({kPython, "-c",
               "import sqlite3\nc=sqlite3.connect(':memory:')\nc.execute('create table t(a integer, b text)')\n"
               "c.executemany('insert into t values(?,?)', ((i, str(i)*3) for i in range(20000)))\n"
               "print(c.execute('select count(*), sum(a), max(b) from t where a % 3 = 0').fetchone())"});
  expect_same({kPython, "-c", "import sys; print(sys.version_info[:2]); sys.exit(4)"});
}

TEST(Programs, PythonThreadsAndSubprocesses) {
  expect_same({kPython, "-c",
               "import threading, queue\nq=queue.Queue()\n"
               "def f(i):\n  for j in range(100): q.put(i*j)\n"
               "t=[threading.Thread(target=f, args=(i,)) for i in range(8)]\n"
               "[x.start() for x in t]; [x.join() for x in t]\nprint(sum(q.queue), q.qsize())"});
  expect_same({kPython, "-c",
               "import subprocess\n"
               "print(subprocess.run(['sort','-n'], input=b'3\\n1\\n2\\n', capture_output=True).stdout)\n"
               "print(subprocess.check_output('echo $((6*7)) | cat', shell=True))\n"
               "p=subprocess.Popen(['sh','-c','exit 7']); print(p.wait())\n"
               "p=subprocess.Popen(['sleep','100']); p.kill(); print(p.wait())"});
}

TEST(Programs, PythonFiftyMegabyteDictionary) {
  expect_same(
      {kPython, "-c", "d={i: str(i) for i in range(500000)}\nprint(len(d), d[499999], sum(map(len, d.values())))"});
}

TEST(Programs, Sqlite) {
  Scratch scratch;
  const std::string sql =
      "create table t(id integer primary key, k integer, v text);\n"
      "begin;\nwith recursive c(x) as (select 1 union all select x+1 from c where x<100000) "
      "insert into t select x, (x*7919)%1000, 'value '||x from c;\ncommit;\n"
      "create index i on t(k);\nselect count(*), sum(id), max(v) from t where k between 10 and 20;\n"
      "select k, count(*) from t group by k order by k limit 5;\npragma integrity_check;\n";
  RunSettings settings;
  settings.directory = scratch.path();
  settings.input = sql;
  const Finished native = run_native({"/usr/bin/sqlite3", "data.db"}, settings);
  scratch.clear();
  Words words{"run"};
  for (const std::string &word : scratch.bind()) words.push_back(word);
  words.insert(words.end(), {"/usr/bin/sqlite3", "data.db"});
  const Finished guest = run_pagoda(words, settings);
  EXPECT_EQ(guest.out, native.out) << guest.err;
  EXPECT_EQ(guest.code, 0);
  // What the guest wrote is a database to the host as well.
  const Finished checked = run_native({"/usr/bin/sqlite3", "data.db", "pragma integrity_check; select count(*) from t"},
                                      {.input = {}, .directory = scratch.path()});
  EXPECT_EQ(checked.out, "ok\n100000\n");
}

TEST(Programs, Lua) {
  expect_same(
      {"/usr/bin/lua5.4", "-e",
       "local t={} for i=1,100000 do t[i]=(i*7919)%100003 end table.sort(t) "
       "print(t[1], t[50000], #t, string.format('%.6f', math.sin(1))) "
       "local c=coroutine.wrap(function() for i=1,3 do coroutine.yield(i) end end) print(c(), c(), c()) os.exit(3)"});
}

TEST(Programs, GccCompilesAndTheResultRuns) {
  Scratch scratch;
  const std::string source = "#include <stdio.h>\nint main(int n, char **v){ long s=0; for(int i=0;i<1000;i++) s+=i*n; "
                             "printf(\"%ld %s\\n\", s, v[n-1]); return 11; }\n";
  RunSettings settings;
  settings.input = source;
  Words compile{"run"};
  for (const std::string &word : scratch.bind()) compile.push_back(word);
  compile.insert(compile.end(), {"/usr/bin/gcc", "-O2", "-x", "c", "-", "-o", scratch.file("made")});
  const Finished built = run_pagoda(compile, settings);
  ASSERT_EQ(built.code, 0) << built.err;
  const Finished ran = run_pagoda({"run", scratch.file("made"), "word"});
  EXPECT_EQ(ran.out, "999000 word\n");
  EXPECT_EQ(ran.code, 11);
  EXPECT_EQ(run_native({scratch.file("made"), "word"}).out, ran.out);
}

TEST(Programs, GrepOverAllHeaders) {
  expect_same({"/bin/sh", "-c",
               "grep -r -c 'define' /usr/include | sort | md5sum; grep -rl PTHREAD_MUTEX_INITIALIZER /usr/include | "
               "sort | head"},
              {}, {.input = {}, .limit = std::chrono::seconds(120)});
}

} // namespace
} // namespace pagoda::test
