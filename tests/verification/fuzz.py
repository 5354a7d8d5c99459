"""Random and broken work through the whole verifier: `python tests/verification/fuzz.py [COUNT] [SEED]`.

Right works with tokens dropped, added, doubled and swapped, whole lines of other works, and tokens in no order. Only
ReadingError and LimitError may come out, and no input may take SLOWEST seconds of a core.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive.errors import LimitError, ReadingError
from tests.latex_fuzz import _TOKENS as TOKENS
from tests.latex_fuzz import nonsense
from tests.verification.corpus import Work, right_works, verifier

SLOWEST = 2.0
#: Problems that are ready fast; the others are verified by the other measurements.
PROBLEMS = (
    "griewank", "softmax-cross-entropy", "logistic-regression", "linear-regression", "convolution", "l2-norm",
    "gradcam", "average-pooling", "two-layer-softmax", "batchnorm", "optimisers",
)  # fmt: skip


@dataclass
class Figures:
    inputs: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def text(self) -> str:
        lines = [f"inputs {self.inputs}, outcomes {dict(self.outcomes.most_common())}, slowest {self.slowest:.2f} s"]
        for title, listed in (("failures", self.failures), (f"slower than {SLOWEST} s", self.slow)):
            lines += [f"--- {title}", *listed] if listed else []
        return "\n".join(lines)


def broken(work: Work, source: random.Random) -> str:
    """A right work with one to six tokens dropped, added, doubled or swapped."""
    tokens = re.findall(r"\\[A-Za-z]+|\\.|.", work.text, re.DOTALL)
    for _ in range(source.choice((1, 1, 2, 3, 6))):
        place, other = source.randrange(len(tokens)), source.randrange(len(tokens))
        match source.randrange(5):
            case 0 if len(tokens) > 1:
                del tokens[place]
            case 1:
                tokens.insert(place, source.choice(TOKENS))
            case 2:
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case 3:
                tokens.insert(place, tokens[other])
            case _:
                tokens[place] = source.choice(TOKENS)
    return "".join(tokens)


def measure(count: int, seed: int = 0) -> Figures:
    figures = Figures()
    source = random.Random(seed)
    works = [work for work in right_works(("sheet004", "correct")) if work.key in PROBLEMS]
    for work in works:
        verifier(work.key)
    for number in range(count):
        work = source.choice(works)
        text = nonsense(source) if number % 4 == 3 else broken(work, source)
        _one(work.key, text, source.choice((work.suffix, work.suffix, ".md", ".txt")), figures)
    return figures


def _one(key: str, text: str, suffix: str, figures: Figures) -> None:
    figures.inputs += 1
    start = time.process_time()
    try:
        report = verifier(key).verify(text, suffix)
        figures.outcomes[report.verdict] += 1
        report.data()
    except (ReadingError, LimitError) as refused:
        figures.outcomes[type(refused).__name__] += 1
    except Exception as failed:
        figures.outcomes["failure"] += 1
        figures.failures.append(f"{key} {suffix} {failed!r}: {text!r}")
        verifier.cache_clear()
    seconds = time.process_time() - start
    figures.slowest = max(figures.slowest, seconds)
    if seconds > SLOWEST:
        figures.slow.append(f"{seconds:.1f} s, {key} {suffix}: {text!r}")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:3]]
    print(measure(*(numbers or [100_000])).text())
