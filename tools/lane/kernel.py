"""The kernel that a lane boots: Debian's cloud kernel of the 6.1 series, unpacked into a cache, never installed."""

import os
import pathlib
import re
import subprocess
from dataclasses import dataclass

META_PACKAGE = "linux-image-cloud-amd64"
# In the order in which they must be loaded.
MODULES = (
    "virt/lib/irqbypass.ko",
    "arch/x86/kvm/kvm.ko",
    "arch/x86/kvm/kvm-amd.ko",
)


class KernelError(Exception):
    """No kernel could be had; the text says why and what to do."""


@dataclass(frozen=True)
class Kernel:
    release: str
    image: pathlib.Path
    modules: list[pathlib.Path]


def cache_directory() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("PAGODA_LANE_CACHE") or pathlib.Path(base) / "pagoda" / "lane")


def find(cache: pathlib.Path | None = None) -> Kernel:
    """The newest kernel in the cache; an empty cache is filled first."""
    cache = cache or cache_directory()
    cached = _cached(cache)
    if not cached:
        _fetch(cache)
        cached = _cached(cache)
    if not cached:
        raise KernelError(f"the kernel package was fetched, but {cache} holds no usable kernel")
    return cached[-1]


def _cached(cache: pathlib.Path) -> list[Kernel]:
    kernels = []
    for image in cache.glob("*/boot/vmlinuz-*"):
        release = image.name.removeprefix("vmlinuz-")
        root = image.parent.parent / "lib/modules" / release / "kernel"
        modules = [root / name for name in MODULES]
        if all(module.is_file() for module in modules):
            kernels.append(Kernel(release, image, modules))
    return sorted(kernels, key=lambda kernel: [int(n) for n in re.findall(r"\d+", kernel.release)])


def _fetch(cache: pathlib.Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    try:
        package = _package_name()
        archive = _download(package, cache)
    except KernelError:
        # The package lists may be missing or name a version that the mirror has dropped.
        if os.geteuid() != 0:
            raise
        _run(["apt-get", "update", "-qq"], cache)
        package = _package_name()
        archive = _download(package, cache)
    # Unpacked aside and renamed, so that an interrupted run leaves nothing that looks complete.
    partial = cache / f"{package}.partial"
    _run(["rm", "-rf", str(partial)], cache)
    _run(["dpkg-deb", "--extract", str(archive), str(partial)], cache)
    _run(["rm", "-rf", str(cache / package)], cache)
    partial.rename(cache / package)
    archive.unlink()


def _package_name() -> str:
    text = _run(["apt-cache", "depends", META_PACKAGE], pathlib.Path("/"))
    found = re.search(r"Depends: (linux-image-6\.1\.\S+-cloud-amd64)", text)
    if not found:
        raise KernelError(f"apt knows no kernel behind {META_PACKAGE}: is this Debian 12, and has `apt-get update` run?")
    return found.group(1)


def _download(package: str, cache: pathlib.Path) -> pathlib.Path:
    # The sandbox user of apt cannot write into a private cache directory.
    sandbox = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    _run(["apt-get", *sandbox, "-qq", "download", package], cache)
    archives = sorted(cache.glob(f"{package}_*.deb"))
    if not archives:
        raise KernelError(f"apt-get download {package} left no archive in {cache}")
    return archives[-1]


def _run(command: list[str], cwd: pathlib.Path) -> str:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise KernelError(f"{' '.join(command)} failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
