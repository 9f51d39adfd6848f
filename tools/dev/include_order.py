"""The include order between folders, as data and as a check on one line of code.

mmu: base < phys < table < tlb < swap < space < reclaim < fault; mmu < devices < vmm; mmu < guest < vmm.
tools may include everything but tests, tests everything. devices and guest never see each other or vmm.
"""

import pathlib
import re
from collections.abc import Iterator

MMU_ORDER = ("base", "phys", "table", "tlb", "swap", "space", "reclaim", "fault")
# What each top folder may include besides itself.
BELOW = {
    "mmu": set(),
    "devices": {"mmu"},
    "guest": {"mmu"},
    "vmm": {"mmu", "devices", "guest"},
    "tools": {"mmu", "devices", "guest", "vmm"},
    "tests": {"mmu", "devices", "guest", "vmm", "tools"},
}
# Kernel interfaces that one folder owns.
OWNED = {"linux/kvm.h": "vmm", "linux/userfaultfd.h": "vmm"}
SUFFIXES = {".hpp", ".cpp", ".h", ".c", ".S"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def check(root: pathlib.Path) -> Iterator[str]:
    """Every violation under `root`, as "file:line: what is wrong"."""
    for top in BELOW:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield from check_file(root, path)


def check_file(root: pathlib.Path, path: pathlib.Path) -> Iterator[str]:
    name = path.relative_to(root).as_posix()
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            problem = check_include(root, name, found.group(2), quoted=found.group(1) == '"')
            if problem:
                yield f"{name}:{number}: {problem}"


def check_include(root: pathlib.Path, includer: str, included: str, quoted: bool) -> str | None:
    owner = OWNED.get(included)
    if owner and folder(includer) != owner:
        return f"<{included}> belongs to {owner}/ alone"
    ours = folder(included) in BELOW and (root / included).exists()
    if quoted and not ours:
        return f'"{included}" is no file of the project; includes are written from its root'
    if not quoted:
        return f'"{included}" is ours: quotes, not angle brackets' if ours else None
    return check_order(includer, included)


def check_order(includer: str, included: str) -> str | None:
    upper, lower = folder(includer), folder(included)
    if upper != lower:
        return None if lower in BELOW[upper] else f'{upper}/ may not include {lower}/ ("{included}")'
    if upper != "mmu":
        return None
    above, below = part(includer), part(included)
    for name in (above, below):
        if name not in MMU_ORDER:
            return f"mmu/{name} has no place in the include order"
    if MMU_ORDER.index(below) > MMU_ORDER.index(above):
        return f'mmu/{above} comes before mmu/{below} ("{included}")'
    return None


def folder(path: str) -> str:
    return path.split("/")[0]


def part(path: str) -> str:
    return path.split("/")[1]
