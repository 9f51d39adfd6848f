"""One boot of an emulated AMD machine with SVM: Pagoda's host, in software.

Only behaviour means anything in it: TCG's clock says nothing about a processor. One virtual CPU and
`thread=single`: QEMU 7.2 does not keep SVM apart between threads, so a lane proves nothing about races.
"""

import pathlib
import subprocess
import tempfile
from dataclasses import dataclass, field

from lane import payload
from lane.archive import Archive
from lane.kernel import Kernel

HERE = pathlib.Path(__file__).parent
# Transparent huge pages are off below 1 GiB.
MEMORY_MIB = 1280
COMMAND_LINE = (
    "console=ttyS0 panic=-1 quiet nokaslr mitigations=off no_timer_check tsc=reliable edd=off cryptomgr.notests"
)


@dataclass
class Lane:
    name: str  # "npt" or "npt0"
    kernel: Kernel
    build: pathlib.Path
    cases: str  # shell text, in the words of harness.sh
    gtest_filter: str = "*"
    seconds: int = 300
    extra: list[pathlib.Path] = field(default_factory=list)

    @property
    def nested_paging(self) -> bool:
        return not self.name.endswith("0")


@dataclass(frozen=True)
class Boot:
    output: str  # second serial port: what the cases print, and the marks
    console: str  # first serial port and the emulator's own messages


def initramfs(lane: Lane, nonce: str) -> Archive:
    archive = Archive()
    for directory in ("/proc", "/sys", "/dev", "/tmp", "/lane", str(lane.build)):
        archive.directory(directory)
    archive.copy(HERE / "init.sh", "/init")
    for script in ("harness.sh", "same.sh"):
        archive.copy(HERE / script, f"/lane/{script}")
    archive.text("/lane/cases.sh", lane.cases)
    for module in lane.kernel.modules:
        archive.copy(module, f"/lane/{module.name}")
    archive.text("/lane/config", _config(lane, nonce))
    payload.pack(archive, lane.build, lane.extra)
    return archive


def boot(lane: Lane, nonce: str) -> Boot:
    with tempfile.TemporaryDirectory(prefix="pagoda-lane-") as directory:
        work = pathlib.Path(directory)
        initramfs(lane, nonce).write(work / "initrd")
        with (work / "emulator").open("w") as messages:
            try:
                subprocess.run(
                    _qemu(lane, work),
                    stdin=subprocess.DEVNULL,
                    stdout=messages,
                    stderr=messages,
                    timeout=lane.seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                messages.write(f"stopped after {lane.seconds} s\n")
        return Boot(_text(work / "out"), _text(work / "console") + _text(work / "emulator"))


def _config(lane: Lane, nonce: str) -> str:
    values = {
        "LANE_NONCE": nonce,
        "LANE_MODULES": " ".join(module.stem for module in lane.kernel.modules),
        "LANE_NPT": "1" if lane.nested_paging else "0",
        "LANE_KIND": "npt" if lane.nested_paging else "shadow",
        "LANE_BUILD": str(lane.build),
        "LANE_GTEST_FILTER": lane.gtest_filter,
        "LANE_CASE_SECONDS": "60",
        "LANE_SUITE_SECONDS": str(max(60, lane.seconds - 60)),
        "PATH": f"{lane.build}:/bin",
    }
    return "".join(f"{name}='{value}'\n" for name, value in values.items())


def _qemu(lane: Lane, work: pathlib.Path) -> list[str]:
    return [
        "qemu-system-x86_64",
        *("-accel", "tcg,thread=single"),
        *("-cpu", "EPYC,+svm,+npt"),
        *("-m", str(MEMORY_MIB), "-smp", "1"),
        *("-display", "none", "-nodefaults", "-no-reboot"),
        *("-serial", f"file:{work / 'console'}", "-serial", f"file:{work / 'out'}"),
        *("-kernel", str(lane.kernel.image), "-initrd", str(work / "initrd")),
        *("-append", COMMAND_LINE),
    ]


def _text(path: pathlib.Path) -> str:
    return path.read_text(errors="replace").replace("\r", "") if path.exists() else ""
