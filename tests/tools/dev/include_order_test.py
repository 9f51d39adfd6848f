"""The include order: what it lets through and what it stops, on a small tree made for it."""

import pathlib
import tempfile
import unittest

import include_order

FILES = ("mmu/base/address.hpp", "mmu/phys/buddy.hpp", "devices/bus.hpp", "guest/abi/ports.hpp", "vmm/kvm.hpp")


class IncludeOrder(unittest.TestCase):
    def setUp(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)
        self.root = pathlib.Path(self._directory.name)
        for name in FILES:
            self.write(name, "#pragma once\n")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def problems(self, name: str, include: str) -> list[str]:
        self.write(name, f"// a comment\n#include {include}\n")
        return list(include_order.check(self.root))

    def test_lower_folder_is_allowed(self) -> None:
        self.assertEqual(self.problems("mmu/phys/buddy.cpp", '"mmu/base/address.hpp"'), [])
        self.assertEqual(self.problems("vmm/exit.cpp", '"guest/abi/ports.hpp"'), [])
        self.assertEqual(self.problems("tests/vmm/exit_test.cpp", '"vmm/kvm.hpp"'), [])

    def test_upward_include_inside_mmu(self) -> None:
        found = self.problems("mmu/base/address.cpp", '"mmu/phys/buddy.hpp"')
        self.assertEqual(found, ['mmu/base/address.cpp:2: mmu/base comes before mmu/phys ("mmu/phys/buddy.hpp")'])

    def test_mmu_never_includes_guest(self) -> None:
        self.assertIn("mmu/ may not include guest/", self.problems("mmu/phys/x.cpp", '"guest/abi/ports.hpp"')[0])

    def test_devices_and_guest_are_strangers(self) -> None:
        self.assertIn("may not include guest/", self.problems("devices/bus.cpp", '"guest/abi/ports.hpp"')[0])
        self.assertIn("may not include devices/", "".join(self.problems("guest/abi/x.cpp", '"devices/bus.hpp"')))

    def test_guest_never_includes_vmm(self) -> None:
        self.assertIn("guest/ may not include vmm/", self.problems("guest/linux/x.cpp", '"vmm/kvm.hpp"')[0])

    def test_kvm_header_is_for_vmm_alone(self) -> None:
        self.assertEqual(self.problems("vmm/kvm.cpp", "<linux/kvm.h>"), [])
        self.assertIn("belongs to vmm/ alone", self.problems("tools/pagoda/x.cpp", "<linux/kvm.h>")[0])
        self.assertIn("belongs to vmm/ alone", self.problems("mmu/base/x.cpp", "<linux/userfaultfd.h>")[0])

    def test_unknown_mmu_folder(self) -> None:
        self.assertIn("no place", self.problems("mmu/odd/x.cpp", '"mmu/base/address.hpp"')[0])

    def test_relative_and_angle_includes_of_our_own(self) -> None:
        self.assertIn("no file of the project", self.problems("mmu/phys/x.cpp", '"buddy.hpp"')[0])
        self.assertIn("quotes, not angle", "".join(self.problems("mmu/phys/x.cpp", "<mmu/base/address.hpp>")))

    def test_system_headers_are_free(self) -> None:
        self.assertEqual(self.problems("mmu/phys/x.cpp", "<vector>"), [])
