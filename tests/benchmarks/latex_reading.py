"""How long reading takes, a line of LaTeX as students write it: python -m tests.benchmarks.latex_reading

Prints milliseconds of process time a line, by stage, over the lines of tests/latex_lines.py read as four documents.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from derive.reading.latex import heads, splitting
from derive.reading.latex.documents import pieces_of
from derive.reading.latex.lexer import scan
from derive.reading.latex.parser import parse
from derive.reading.latex.rows import _interpreted, read_work
from derive.reading.latex.vocabulary import Vocabulary
from tests.latex_lines import LINES

ROUNDS = 20


def best(work: Callable[[], object]) -> float:
    """Seconds of the quickest of some runs."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    works: dict[int, tuple[Vocabulary, list[str]]] = {}
    for vocabulary, latex, _ in LINES:
        works.setdefault(id(vocabulary), (vocabulary, []))[1].append(latex)
    totals = dict.fromkeys(("document", "tokens", "syntax", "statements", "heads", "trees", "all"), 0.0)
    count = 0
    for vocabulary, lines in works.values():
        text = "".join(f"$${line}$$\n" for line in lines)
        count += len(lines)
        pieces = pieces_of(text, ".md")
        tokens = [scan(piece.source, piece.start, piece.end) for piece in pieces]
        drafts = [splitting.drafts(piece) for piece in pieces]
        plain = [tokens for tokens in tokens if all(token.type not in ("COMMA", "SEPARATOR") for token in tokens)]
        plain = [each for each in plain if not any(token.kind == "text" for token in each)]
        known = heads.extended(vocabulary, drafts)
        parsed = [each for each in plain if each[-1].type != "STOP"]
        totals["document"] += best(lambda text=text: pieces_of(text, ".md"))
        totals["tokens"] += best(lambda pieces=pieces: [scan(each.source, each.start, each.end) for each in pieces])
        totals["syntax"] += best(lambda parsed=parsed, at=pieces[0].source: [parse(at, each) for each in parsed])
        totals["statements"] += best(lambda pieces=pieces: [splitting.drafts(each) for each in pieces])
        totals["heads"] += best(lambda known=vocabulary, drafts=drafts: heads.extended(known, drafts))
        totals["trees"] += best(
            lambda pieces=pieces, drafts=drafts, known=known: [
                _interpreted(piece, [*draft], known, ()) for piece, draft in zip(pieces, drafts, strict=True)
            ]
        )
        totals["all"] += best(lambda text=text, vocabulary=vocabulary: read_work(text, ".md", vocabulary))
    for name, seconds in totals.items():
        print(f"{name:12}{1000 * seconds / count:8.3f} ms a line")
    print(f"{count} lines, {sum(len(latex) for _, latex, _ in LINES) / count:.0f} characters each")


if __name__ == "__main__":
    main()
