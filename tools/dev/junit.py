"""Writes test outcomes as a JUnit file, the form in which all results of tools/test are added up."""

import pathlib
import sys
import xml.etree.ElementTree as tree
from collections.abc import Iterable

# (name, "passed" | "failed" | "skipped", detail)
Case = tuple[str, str, str]


def write(path: pathlib.Path, suite: str, cases: Iterable[Case]) -> None:
    root = tree.Element("testsuite", name=suite)
    for name, result, detail in cases:
        case = tree.SubElement(root, "testcase", name=name, classname=suite)
        if result == "failed":
            tree.SubElement(case, "failure", message=detail)
        elif result == "skipped":
            tree.SubElement(case, "skipped", message=detail)
    path.parent.mkdir(parents=True, exist_ok=True)
    tree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


if __name__ == "__main__":  # junit.py FILE SUITE NAME passed|failed|skipped
    write(pathlib.Path(sys.argv[1]), sys.argv[2], [(sys.argv[3], sys.argv[4], "")])
