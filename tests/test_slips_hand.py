"""Errors written by hand without a look at the library: how often the first name is of the right class.

python -m tests.test_slips_hand     prints the figures
"""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.slip_cases import verifier

WORKS = Path(__file__).parent / "verify" / "wrong.toml"
UNNAMED = "no known pattern"


@dataclass
class Figures:
    """rows : charged rows with a known class.  right : the first name has it.  asserted : a single name is given."""

    rows: int = 0
    right: int = 0
    named: int = 0
    asserted: int = 0
    wrongly: int = 0
    shown: int = 0
    seconds: float = 0.0


def figures() -> Figures:
    found = Figures()
    for work in tomllib.loads(WORKS.read_text(encoding="utf-8"))["work"]:
        checked = verifier(work["problem"])
        started = time.process_time()
        report = checked.verify(work["work"], work.get("suffix", ".tex"))
        found.seconds = max(found.seconds, time.process_time() - started)
        line = next(line for line in report.lines if line.number == work["first_wrong"])
        if line.verdict.verdict != "wrong":
            continue
        found.rows += 1
        slips = [slip for slip in line.slips if slip.name != UNNAMED]
        is_right = bool(slips) and slips[0].kind in work["class"]
        found.right += is_right
        found.named += bool(slips)
        found.asserted += len(slips) == 1
        found.wrongly += len(slips) == 1 and not is_right
        found.shown += line.expected is not None and checked.verify(line.expected, ".tex").verdict == "correct"
    return found


def test_slips_of_errors_written_by_hand() -> None:
    found = figures()
    assert found.rows >= 80
    assert found.right >= 0.75 * found.rows
    assert found.wrongly <= 0.05 * found.rows
    assert found.shown >= 0.95 * found.rows


if __name__ == "__main__":
    print(figures())
