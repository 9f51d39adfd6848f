"""What a lane carries: the build under test, the programs it runs, and every shared library that they need."""

import pathlib
import re
import subprocess

from lane.archive import Archive

HERE = pathlib.Path(__file__).parent


def pack(archive: Archive, build: pathlib.Path, extra: list[pathlib.Path]) -> None:
    """Adds the binaries of `build` at their own paths, Debian's programs, and `extra` executables."""
    binaries = [build / "pagoda", build / "tests" / "vm_tests", *sorted((build / "guests").glob("*"))]
    for binary in [path for path in binaries if path.is_file()] + extra + debian_programs():
        add_executable(archive, binary)
    archive.copy(pathlib.Path("/bin/busybox"), "/bin/busybox")
    for name in ("/etc/passwd", "/etc/group", "/etc/hostname"):  # that tests read
        if pathlib.Path(name).is_file():
            archive.copy(pathlib.Path(name))


def add_executable(archive: Archive, binary: pathlib.Path) -> None:
    archive.copy(binary)
    for library in shared_libraries(binary):
        archive.copy(library)


def shared_libraries(binary: pathlib.Path) -> list[pathlib.Path]:
    """As the loader of this machine resolves them, the loader itself included; none for a static program."""
    listing = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    return [pathlib.Path(path) for path in re.findall(r"(/\S+) \(0x", listing.stdout)]


def debian_programs() -> list[pathlib.Path]:
    """The programs named in programs.txt that this machine has."""
    names = [line.split("#")[0].strip() for line in (HERE / "programs.txt").read_text().splitlines()]
    return [pathlib.Path(name) for name in names if name and pathlib.Path(name).is_file()]
