"""Lines that are almost true, of which none may pass: `python tests/verification/near_misses.py [--small]`."""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive.verification.checking import Verifier
from derive.verification.problems import read_problem

PROBLEM = """
title = "Names for single lines"
equations = []
[names]
x = { shape = [] }
y = { shape = [] }
z = { shape = [] }
u = { shape = ["n"] }
v = { shape = ["n"] }
A = { shape = ["n", "n"] }
[conventions]
index_from = 1
"""


@dataclass
class Figures:
    misses: int = 0
    wrong: int = 0
    accepted: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    true: int = 0
    refused: list[str] = field(default_factory=list)

    def text(self) -> str:
        lines = [
            f"near misses {self.misses}: wrong {self.wrong}, undecided or unread {len(self.open)}, "
            f"accepted {len(self.accepted)}",
            f"true lines beside them {self.true}: not accepted {len(self.refused)}",
        ]
        for title, listed in (("accepted", self.accepted), ("open", self.open), ("true, not accepted", self.refused)):
            lines += [f"--- {title}", *listed] if listed else []
        return "\n".join(lines)


def near_misses(kind: str = "group") -> Iterator[tuple[str, str]]:
    """(what it is about, the line)."""
    data = tomllib.loads((Path(__file__).parent / "near_misses.toml").read_text(encoding="utf-8"))
    for group in data[kind]:
        for line in group["lines"]:
            yield group["about"], line


def measure(stride: int = 1, seeds: Sequence[int] = (0, 1, 2)) -> Figures:
    figures = Figures()
    for seed in seeds:
        verifier = Verifier(read_problem(PROBLEM), seed)
        for number, (_, line) in enumerate(near_misses()):
            if number % stride:
                continue
            found = verifier.verify(line).lines[0].verdict
            figures.misses += 1
            told = f"{line}   [seed {seed}: {found.verdict} {found.evidence} {found.reason}]"
            if found.verdict == "correct":
                figures.accepted.append(told)
            elif found.verdict == "wrong":
                figures.wrong += 1
            else:
                figures.open.append(told)
        for _, line in near_misses("true"):
            found = verifier.verify(line).lines[0].verdict
            figures.true += 1
            if found.verdict != "correct":
                figures.refused.append(f"{line}   [seed {seed}: {found.verdict} {found.reason}]")
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    print((measure(5, (0,)) if small else measure()).text())
