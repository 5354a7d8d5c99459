"""A folder of problems, one for each variant of a sheet, and which of them a work belongs to by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from derive.errors import UsageError

#: As `derive sheet` names it, in a folder of its own for each variant.
_PROBLEM = "problem.toml"


def problems_of(folder: Path) -> dict[str, Path]:
    """The problems of a folder by name: `variant-07/problem.toml` is variant-07, and `variant-07.toml` is as well.

    Raises UsageError where there is none.
    """
    found = {file.parent.name: file for file in sorted(folder.glob(f"*/{_PROBLEM}"))}
    found |= {file.stem: file for file in sorted(folder.glob("*.toml"))}
    if not found:
        raise UsageError(f"{folder} holds no problems: no NAME.toml, and no NAME/{_PROBLEM}")
    return found


def problem_of(work: Path, problems: Mapping[str, Path]) -> Path:
    """The problem whose name stands in the work's name or in that of its folder, or whose number in the work's name.

    `variant-07.tex`, `anna variant-07.tex`, `07.tex`, `anna_7.ipynb` and `variant-07/sheet.tex` belong to variant-07.
    Raises UsageError where there is none, or more than one.
    """
    for found in (
        _named(work.stem, problems),
        _numbered(work.stem, problems),
        _named(work.resolve().parent.name, problems),
    ):
        if len(found) == 1:
            return problems[found[0]]
        if found:
            raise UsageError(f"the name may mean the problems {', '.join(found[:3])}; name one of them in it alone")
    example = next(iter(problems))
    raise UsageError(f"no problem's name or number is in the file's name; name it {example}{work.suffix}, for example")


def _named(text: str, problems: Iterable[str]) -> list[str]:
    """The problems whose name is part of the text, less those whose name is only part of another's."""
    found = {name: _words(name) for name in problems if _words(name) in _words(text)}
    return [name for name, words in found.items() if not any(words in other != words for other in found.values())]


def _words(name: str) -> str:
    """The letters and the numbers of a name between bars, so that 1 is not found in 12, and 07 is 7."""
    parts = re.findall(r"\d+|[^\W\d_]+", name.lower())
    return f"|{'|'.join(part.lstrip('0') or '0' if part.isdigit() else part for part in parts)}|"


def _numbered(text: str, problems: Iterable[str]) -> list[str]:
    """The problems that end in the last number of the text."""
    numbers = re.findall(r"\d+", text)
    return [name for name in problems if numbers and re.fullmatch(r"\D*0*" + str(int(numbers[-1])), name)]
