"""What `derive verify` is given: names with shapes and domains, equations, a loss or upstream gradients, conventions.

Everything that a problem says is read here and nothing is worked out: shapes that are not declared are inferred where
the equations are given a meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Union

from derive.reading.latex.vocabulary import Vocabulary
from derive.tree import Tree
from derive.verification.domains import Domain
from derive.verification.library import catalogue_text
from derive.verification.problem_files import read_file
from derive.verification.toml_text import text_of

if TYPE_CHECKING:
    from derive.reading.latex.rows import Statement

#: An exact number, an exact expression such as pi/3, or an array of them.
Exact = Union[Fraction, Tree, "tuple[Exact, ...]"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A declared name.

    name : canonical.  key : as the file has it.  shape : extents, numbers or integer expressions of sizes in plain
    notation ("n", "n[l-1]", "H - P + 1"); () for a scalar, None where it is inferred; a family's index has no axis.
    kind : scalar, tensor, index, integer or function.  family : the index that a family runs over, or "".
    letter : the index letter that tells this tensor from others of the same spelling, or "".
    """

    name: str
    key: str
    shape: tuple[str | int, ...] | None = None
    kind: str = "tensor"
    domain: Domain | None = None
    role: str = ""
    value: Exact | None = None
    family: str = ""
    letter: str = ""


@dataclass(frozen=True)
class Problem:
    """A problem as read; names are canonical everywhere.

    equations : in the order of the file, each `head = one right side`.  upstream : Y -> the tree of dLOSS/dY.
    aliases : (what is written, what it stands for); the former is a Name, or a Subscript whose indices are letters.
    sizes : sizes that the arrays in `values` settle.  lines : of the equations in the file, None where not found.
    spelled : name -> LaTeX as the file has it, where it is in LaTeX.
    """

    title: str
    quantities: Mapping[str, Quantity]
    equations: tuple[Statement, ...]
    loss: str | None
    upstream: Mapping[str, Tree]
    conventions: Mapping[str, str]
    aliases: tuple[tuple[Tree, Tree], ...]
    values: Mapping[str, Exact]
    vocabulary: Vocabulary
    sizes: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[int | None, ...] = ()
    file: str | None = None
    spelled: Mapping[str, str] = field(default_factory=dict)


def load_problem(name_or_path: str) -> Problem:
    """A problem of the catalogue by its name, or the one in a file.

    What ends in .toml or holds a separator is a path. Raises UsageError for an unknown name, OutputError for a file
    that is not there, ReadingError with the key path for one that cannot be read.
    """
    given = str(name_or_path)
    if given.lower().endswith(".toml") or "/" in given or "\\" in given or Path(given).is_file():
        return read_problem(text_of(given), given)
    return read_problem(catalogue_text(given), f"{given}.toml")


def read_problem(text: str, path: str | None = None) -> Problem:
    """The problem that a TOML text says. Raises ReadingError with the key path, or the equation, and a way out."""
    from derive.verification.problem_reading import Reading

    return Reading(read_file(text, path)).problem()


def problem_names(problem: Problem) -> Vocabulary:
    """What a reader of student work must know of the problem."""
    return problem.vocabulary
