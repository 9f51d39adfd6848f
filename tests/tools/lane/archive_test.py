"""The initramfs writer, read back by the fields of the newc format."""

import pathlib
import stat
import tempfile
import unittest

from lane.archive import Archive


def entries(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Name -> (mode, content), in order, up to the trailer."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert data[at : at + 6] == b"070701", f"no header at {at}"
        field = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, name_size = field[1], field[6], field[11]
        name = data[at + 110 : at + 110 + name_size - 1].decode()
        begin = (at + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return found
        assert name not in found, f"{name} twice"
        found[name] = (mode, data[begin : begin + size])
        at = (begin + size + 3) & ~3


class InitramfsArchive(unittest.TestCase):
    def build(self, fill) -> dict[str, tuple[int, bytes]]:
        archive = Archive()
        fill(archive)
        with tempfile.TemporaryDirectory() as directory:
            output = pathlib.Path(directory) / "initrd"
            archive.write(output)
            return entries(output.read_bytes())

    def test_files_bring_their_directories_first(self) -> None:
        found = self.build(lambda a: a.text("/a/b/c", "text", 0o755))
        self.assertEqual(found["a/b/c"], (stat.S_IFREG | 0o755, b"text"))
        names = list(found)
        self.assertLess(names.index("a"), names.index("a/b"))
        self.assertLess(names.index("a/b"), names.index("a/b/c"))

    def test_merged_usr(self) -> None:
        found = self.build(lambda a: a.text("/bin/tool", "x"))
        self.assertIn("usr/bin/tool", found)
        self.assertNotIn("bin/tool", found)
        self.assertEqual(found["bin"], (stat.S_IFLNK | 0o777, b"usr/bin"))

    def test_the_first_of_two_wins(self) -> None:
        def fill(archive: Archive) -> None:
            archive.text("/x", "first")
            archive.text("/x", "second")

        self.assertEqual(self.build(fill)["x"][1], b"first")
