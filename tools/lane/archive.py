"""An initramfs in the kernel's "newc" cpio format (Documentation/driver-api/early-userspace/buffer-format.rst).

Written here rather than by cpio(1) so that no privilege, staging tree or file ownership is needed.
"""

import os
import pathlib
import stat


class Archive:
    """Collects files, links and directories; later additions of a path already present are ignored."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._known: set[str] = {"/"}
        self._inode = 0
        # Debian's merged /usr: the guest sees the paths that it sees on a real machine.
        for name in ("bin", "sbin", "lib", "lib64"):
            self.directory(f"/usr/{name}")
            self.link(f"/{name}", f"usr/{name}")

    def directory(self, path: str) -> None:
        path = self._canonical(path)
        if path in self._known:
            return
        self.directory(os.path.dirname(path))
        self._entry(path, stat.S_IFDIR | 0o755, b"")

    def link(self, path: str, target: str) -> None:
        path = self._canonical(path)
        if path not in self._known:
            self.directory(os.path.dirname(path))
            self._entry(path, stat.S_IFLNK | 0o777, target.encode())

    def text(self, path: str, content: str, mode: int = 0o644) -> None:
        self._file(path, content.encode(), mode)

    def copy(self, source: pathlib.Path, path: str | None = None) -> None:
        """A file of this machine, links followed, at the same path or at `path`."""
        self._file(path or str(source), source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def write(self, output: pathlib.Path) -> None:
        self._entry("/TRAILER!!!", 0, b"")
        with output.open("wb") as stream:
            stream.writelines(self._pieces)

    def _file(self, path: str, content: bytes, mode: int) -> None:
        path = self._canonical(path)
        if path not in self._known:
            self.directory(os.path.dirname(path))
            self._entry(path, stat.S_IFREG | mode, content)

    @staticmethod
    def _canonical(path: str) -> str:
        path = os.path.normpath(path)
        top = path.split("/")[1]
        return f"/usr{path}" if top in ("bin", "sbin", "lib", "lib64") and path != f"/{top}" else path

    def _entry(self, path: str, mode: int, content: bytes) -> None:
        self._known.add(path)
        self._inode += 1
        name = path.removeprefix("/").encode() + b"\0"
        # magic, then ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._pieces += [_padded(header + name), _padded(content)]


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
