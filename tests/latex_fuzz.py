"""Random text for the reader of works: tokens in no order, and lines of students with a few tokens changed.

python -m tests.latex_fuzz 1000000 [SEED]     reads so many, and prints what came of them and the slowest
"""

# ruff: noqa: E501 (rows of tokens)

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter

from derive.errors import ReadingError
from derive.reading.latex.rows import echo_statement, read_work
from tests.latex_lines import CONVOLUTION, LINES, MATRICES, MLP, SCALARS

vocabularies = (MLP, CONVOLUTION, SCALARS, MATRICES)

_TOKENS = (
    *"abcdefijklmnwxyzLWXTeDI0123456789+-*/=<>()[]{}^_&,;:|'!.~%$#\n ", "12", "1.5", ".5", "1e5", "{,}", "\\\\",
    *r"\| \{ \} \, \; \! \left \right \left( \right) \left\{ \right. \big| \frac \sqrt \sum \prod \max \min \arg".split(),
    *r"\partial \nabla \hat \bar \overline \mathrm \mathbf \mathcal \mathbb \text \operatorname \mathrm{softmax}".split(),
    *r"\begin \end \begin{cases} \end{cases} \begin{pmatrix} \end{pmatrix} \begin{align} \end{align} \[ \] $$".split(),
    *r"\begin{array}{cc} \end{array} \begin{tabular}{l} \end{tabular} \cdot \times \odot \ast \star \otimes".split(),
    *r"\le \ne \in \approx \leftarrow \mathrel{+}= \quad \dots \theta \sigma \delta \Delta \infty \top \prime".split(),
    *r"\sin \log \exp \langle \rangle \lVert \rVert \label{a} \tag{1} \underbrace \substack \stackrel \input \def".split(),
    *r"^{[l]} _{ij} ^T \frac{\partial}{\partial} dL/dw \frac{d}{dx} \sum_{i=1}^{n} \sum_{i<j} x_i f( f'(x) Df(x)h".split(),
    r"\frac{\partial L}{\partial w}", r"\mathbf 1", r"\text{if }", r"\text{$x>0$}",
    "\u202e", "\u0430", "\u03b8", "\x00", "\ud800", "\u00a0", "\u2248",
)  # fmt: skip
_LINES = [re.findall(r"\\[A-Za-z]+|\\.|.", latex, re.DOTALL) for _, latex, _ in LINES]


def nonsense(source: random.Random) -> str:
    """Tokens in no order, up to 34 of them."""
    count = source.choice((1, 2, 3, 5, 8, 13, 21, 34))
    text = "".join(source.choice(_TOKENS) + " " * (source.random() < 0.2) for _ in range(count))
    return "x = " + text if source.random() < 0.3 else text


def mutants(source: random.Random) -> str:
    """A line as students write it, with one to six tokens dropped, added, swapped or taken from another line."""
    tokens = list(source.choice(_LINES))
    for _ in range(source.choice((1, 1, 2, 3, 6))):
        if not tokens:
            break
        place, other = source.randrange(len(tokens)), source.randrange(len(tokens))
        match source.randrange(5):
            case 0:
                del tokens[place]
            case 1:
                tokens.insert(place, source.choice(_TOKENS))
            case 2:
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case 3:
                donor = source.choice(_LINES)
                start = source.randrange(len(donor))
                tokens[place:place] = donor[start : start + source.randrange(12)]
            case 4:
                tokens[place] = source.choice(_TOKENS)
    return "".join(tokens)


def main(count: int, seed: int) -> None:
    source = random.Random(seed)
    found: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        text = (nonsense if number % 2 else mutants)(source)
        start = time.perf_counter()
        try:
            rows = read_work(text, source.choice((".tex", ".md", ".txt")), source.choice(vocabularies))
        except ReadingError:
            found["refused whole"] += 1
        except Exception:
            print(f"seed {seed}, input {number}: {text!r}", file=sys.stderr)
            raise
        else:
            for row in rows:
                found["rows unread" if row.error else "rows read"] += 1
                for statement in row.statements:
                    echo_statement(statement)
        slowest = max(slowest, time.perf_counter() - start)
    print(
        f"{count} inputs, seed {seed}: {dict(found)}; the slowest took {1000 * slowest:.1f} ms; nothing else was raised"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
