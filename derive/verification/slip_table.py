"""The library of slips as a page: docs/slips.md.

python -m derive.verification.slip_table > docs/slips.md
"""

from __future__ import annotations

from derive.verification.slip_library import library
from derive.verification.slips import CLASSES, COMMON, GENERIC, SPECIFIC, NamedSlip

RANKS = {SPECIFIC: "specific", COMMON: "common", GENERIC: "generic"}

_FIELDS = {
    "{before}": "(what stands there)",
    "{after}": "(what is right)",
    "{part}": "(the part)",
    "{instead}": "(the index there)",
}

_HEAD = """# Slips

What `derive verify` can name in a wrong row. A slip is a change of one place of the right formula. A row is given its
name only if the row with the slip undone is judged to be right, as any row is; if several slips of one rank explain
a row, all of them are listed as "consistent with", and if none does, the row has "no known pattern" and the smallest
part whose replacement repairs it. Specific slips are tried before common ones, common ones before generic ones, single
slips before two at a time. Sentences name the smallest part that makes the difference. This page is written by
`python -m derive.verification.slip_table`.
"""


def table() -> str:
    """The page: the slips by their classes, with an example and what a student is told."""
    lines = [_HEAD, f"{len(library())} slips:", ""]
    for kind in CLASSES:
        rows = [slip for slip in library() if slip.kind == kind]
        lines += [f"## {kind}", "", "| slip | right | with the slip | rank | what is said |", "|---|---|---|---|---|"]
        lines += [_row(slip) for slip in rows]
        lines.append("")
    return "\n".join(lines)


def _row(slip: NamedSlip) -> str:
    right, wrong = (f"`{side}`" for side in slip.example)
    told = slip.naming or slip.sentence
    for field, words in _FIELDS.items():
        told = told.replace(field, words)
    return f"| {slip.name} | {right} | {wrong} | {RANKS[slip.rank]} | {told} |"


if __name__ == "__main__":
    print(table(), end="")
