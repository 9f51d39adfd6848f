"""What `tools/bench phys` measures: frames against a plain buddy and mimalloc, slab objects against mimalloc, what
migratetypes are worth, and the length of the slab's local path."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from benchmark import google, host, measure
from benchmark.measure import NotMeasured, Options, Part, Row, Samples

FOOTNOTE = """\
For comparison, LLFree in user space on a 2.2 GHz processor (Wrenger et al., USENIX ATC 2023): a 4K frame is allocated
in 49 ns and freed in 41 ns, a 2M frame in 44 and 29 ns; a pair that is hot takes 91 ns. Published figures of another
machine: they are no part of the table.
Frames are not touched by ours and by the buddy; mimalloc keeps its lists in the blocks. It is told to keep its memory."""

SIZES = (16, 32, 64, 128, 256, 512, 1024)
REFERENCES = {"buddy": "one-lock buddy", "mimalloc": "mimalloc 4 KiB"}
SEED = 1
FEW_PAIRS, MANY_PAIRS = 10_000, 110_000


@dataclass(frozen=True)
class Bench:
    options: Options
    host: str

    @property
    def binary(self):
        return self.options.build / "tools/pagoda_bench_phys"

    def row(self, name: str, ours: Samples, reference: Samples, reference_name: str, unit: str = "ns") -> Row:
        return Row(name, ours, reference, reference_name, unit, self.host)


def parts(options: Options) -> Iterator[Part]:
    bench = Bench(options, host.kind(options.build))
    measure.executable(bench.binary)
    yield lambda: frames(bench)
    yield lambda: slab(bench)
    yield lambda: [instructions(bench, 64)]
    yield lambda: [fragmentation(bench)]


def frames(bench: Bench) -> list[Row]:
    results = google.run(bench.binary, ["frames", "huge frames"], bench.options.rounds)
    found = []
    for threads in (1, 2):
        suffix = "" if threads == 1 else ", 2 threads"
        for case in ("frames in bulk", "frames at random", "frames hot pair"):
            ours = results.samples(case, "ours", threads)
            for reference, name in REFERENCES.items():
                found.append(bench.row(case + suffix, ours, results.samples(case, reference, threads), name))
    for case in ("frames in bulk", "frames at random", "frames hot pair"):
        alone, together = (results.samples(case, "ours", threads) for threads in (1, 2))
        found.append(bench.row(f"{case}, each of 2 threads", together, alone, "one thread"))
    for case in ("frames in bulk", "frames at random", "huge frames"):
        for counter, verb in (("alloc_ns", "allocate"), ("free_ns", "free")):
            ours, buddy = (results.samples(case, side, 1, counter) for side in ("ours", "buddy"))
            found.append(bench.row(f"{case}: {verb}", ours, buddy, REFERENCES["buddy"]))
    return found


def slab(bench: Bench) -> list[Row]:
    results = google.run(bench.binary, ["slab"], bench.options.rounds)
    found = []
    for case, threads in (("pair", 1), ("pair", 2), ("burst", 1), ("remote free", 2), ("remote free in turn", 2)):
        for size in SIZES:
            name = f"slab {case} {size}"
            ours, reference = (results.samples(name, side, threads) for side in ("ours", "mimalloc"))
            suffix = ", 2 threads" if case == "pair" and threads == 2 else ""
            found.append(bench.row(name + suffix, ours, reference, "mimalloc"))
    return found


def instructions(bench: Bench, size: int) -> Row:
    """Callgrind counts two runs; what they differ by are pairs. The bound stands as the reference."""
    if not shutil.which("valgrind"):
        raise NotMeasured("instructions of a slab pair: valgrind is not there")
    few, many = (count_instructions(bench, size, pairs) for pairs in (FEW_PAIRS, MANY_PAIRS))
    pair = (many - few) / (MANY_PAIRS - FEW_PAIRS)
    return bench.row(f"slab pair {size}", Samples([pair]), Samples([100.0]), "50 each way", "instructions")


def count_instructions(bench: Bench, size: int, pairs: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        command += [str(bench.binary), "slab-pairs", str(size), str(pairs)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    counted = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode != 0 or not counted:
        raise NotMeasured(f"instructions of a slab pair: {done.stderr.strip()[-300:]}")
    return int(counted[1])


def fragmentation(bench: Bench) -> Row:
    """Progress and the numbers of refused allocations go straight to standard error."""
    operations = bench.options.operations
    command = [str(bench.binary), "fragmentation", str(operations), str(SEED)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=3600, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"fragmentation: exit code {done.returncode}")
    lines = [line.split() for line in done.stdout.splitlines()]
    ours, plain = (Samples([float(line[column]) for line in lines]) for column in (2, 3))
    name = f"unusable-free index, order 9, {operations:.0e} operations".replace("e+0", "e")
    return bench.row(name, ours, plain, "buddy without migratetypes", "of free memory")
