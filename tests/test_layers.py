"""The layers of docs/architecture.md are those of the code: no import goes up, and no view imports another."""

from __future__ import annotations

import ast
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import derive

PACKAGE = Path(derive.__file__).parent
DOCUMENT = PACKAGE.parent / "docs" / "architecture.md"

pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason="the documents are not part of an installed copy")


def table(head: str) -> list[list[str]]:
    """The cells of the rows below the header that begins with these two words."""
    _, _, below = DOCUMENT.read_text().partition(f"| {head} |")
    rows = below.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def modules(cell: str) -> list[str]:
    return [name.rstrip("/") for name in re.findall(r"`([a-z_]+/?)`", cell)]


GROUPS = [(row[0], modules(row[1])) for row in table("group | modules")]
PLACE = {module: place for place, (_, members) in enumerate(GROUPS) for module in members}
EXCEPTIONS = {(upper, lower) for row in table("from | to") for upper in modules(row[0]) for lower in modules(row[1])}


def part(name: str) -> str:
    """`html.page` -> `html`: a folder counts as one."""
    return name.split(".")[0]


@cache
def imports() -> tuple[tuple[str, str, bool], ...]:
    return tuple(_imports())


def _imports() -> Iterator[tuple[str, str, bool]]:
    """(importing module, imported module, whether on top of the file), both without `derive.` and in the table."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text())
        top = set(map(id, tree.body))
        for node in ast.walk(tree):
            for other in imported(node):
                if part(name) in PLACE and part(other) in PLACE:
                    yield name, other, id(node) in top


def imported(node: ast.AST) -> list[str]:
    """The modules of this package that a statement imports, without `derive.`."""
    match node:
        case ast.ImportFrom(module="derive", names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module)) if module.startswith("derive."):
            return [module.removeprefix("derive.")]
        case ast.Import(names=names):
            return [alias.name.removeprefix("derive.") for alias in names if alias.name.startswith("derive.")]
    return []


def test_every_module_stands_in_the_table_once() -> None:
    found = {module.name for module in pkgutil.iter_modules(derive.__path__)} - {"__main__"}
    listed = [module for _, members in GROUPS for module in members]
    assert sorted(listed) == sorted(found)


def test_no_import_goes_up() -> None:
    wrong = [
        f"{name} ({GROUPS[PLACE[part(name)]][0]}) imports {other} ({GROUPS[PLACE[part(other)]][0]})"
        for name, other, _ in imports()
        if PLACE[part(other)] > PLACE[part(name)] and (part(name), part(other)) not in EXCEPTIONS
    ]
    assert wrong == []


def test_no_view_imports_another() -> None:
    views = dict(GROUPS)["views"]
    wrong = [
        (name, other)
        for name, other, _ in imports()
        if part(name) in views and part(other) in views and part(name) != part(other)
        if (part(name), part(other)) not in EXCEPTIONS
    ]
    assert wrong == []


def test_imports_that_go_up_wait_until_they_are_needed() -> None:
    assert [
        (name, other) for name, other, on_top in imports() if on_top and PLACE[part(other)] > PLACE[part(name)]
    ] == []


def test_every_exception_is_used() -> None:
    found = {(part(name), part(other)) for name, other, _ in imports()}
    assert EXCEPTIONS and found >= EXCEPTIONS


@pytest.mark.slow  # a process for each module
def test_every_module_can_be_the_first_one_imported() -> None:
    """No circle, whichever way one enters."""
    names = [m.name for m in pkgutil.walk_packages(derive.__path__, "derive.") if not m.name.endswith("__main__")]
    code = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n    " \
           "[sys.modules.pop(m) for m in list(sys.modules) if m.startswith('derive')]"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code, *names], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
