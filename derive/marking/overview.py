"""A class at a glance: how many works are right, which rows go wrong most, and which slips are behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from derive.document import Block, Bullets, Cell, Document, Edge, Figure, Heading, Node, Picture, Prose, Row, Table
from derive.reading.latex.vocabulary import Vocabulary
from derive.verification.pages import inlines

#: Rows of a table, and files that are named beside each.
MOST, EXAMPLES = 20, 3
WORDS = {"correct": "right", "wrong": "wrong", "undecided": "not decided", "unread": "not read", "error": "not judged"}
#: Points of a bar chart: of a bar, of all bars, of the longest one, and beside them for words.
_BAR, _STEP, _LONGEST, _WORDS = 14.0, 22.0, 300.0, 110.0


def overview(title: str, rows: Iterable[Mapping[str, Any]], vocabulary: Vocabulary | None = None) -> Document:
    """The page of a class.

    title : of the problem.  rows : the verdicts on its works, as `--json` prints them.  vocabulary : of the problem.
    """
    verdicts: Counter[str] = Counter()
    heads: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    slips: dict[str, list[str]] = {}
    sentences: dict[str, str] = {}
    lost: dict[str, list[str]] = {}
    for row in rows:
        if "error" in row:
            verdicts["error"] += 1
            lost.setdefault(row["error"]["message"], []).append(row["file"])
            continue
        verdicts[row["verdict"]] += 1
        for line in row["lines"]:
            head = line["read_as"].split(" = ")[0] if line["read_as"] else ""
            seen[head] += 1
            if line["verdict"] == "wrong":
                heads.setdefault(head, []).append(row["file"])
                for slip in line["slips"][:1]:
                    slips.setdefault(slip["name"], []).append(row["file"])
                    sentences.setdefault(slip["name"], slip["sentence"])
    total = sum(verdicts.values())
    blocks: list[Block] = [Prose((f"{total} work{'s' if total != 1 else ''} against {title}.",))]
    blocks.append(_bars([(WORDS[key], verdicts[key]) for key in WORDS if verdicts[key]], total))
    if heads:
        blocks += [Heading("The lines that go wrong most"), _wrong_lines(heads, seen)]
    if slips:
        blocks += [Heading("What is behind them"), _slips(slips, sentences, vocabulary or Vocabulary())]
    if lost:
        blocks += [Heading("Works that were not judged"), _lost(lost)]
    return Document(f"A class: {title}", tuple(blocks))


def _wrong_lines(heads: Mapping[str, list[str]], seen: Mapping[str, int]) -> Table:
    rows = tuple(
        _row(head or "(a row that goes on)", f"{len(files)} of {seen[head]}", _examples(files))
        for head, files in _most(heads)
    )
    return Table("Wrong rows by what they are about", "lrl", rows, _row("left side", "wrong", "for example in").cells)


def _slips(slips: Mapping[str, list[str]], sentences: Mapping[str, str], vocabulary: Vocabulary) -> Bullets:
    """Each slip with how often it was made and what one would say, for one of the rows."""
    return Bullets(
        tuple(
            (f"{name} ({len(files)}: {_examples(files)}). ", *inlines(sentences[name], vocabulary))
            for name, files in _most(slips)
        )
    )


def _lost(lost: Mapping[str, list[str]]) -> Table:
    rows = tuple(_row(reason, str(len(files)), _examples(files)) for reason, files in _most(lost))
    return Table("Reasons", "lrl", rows, _row("reason", "works", "for example").cells)


def _most(found: Mapping[str, list[str]]) -> list[tuple[str, list[str]]]:
    return sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))[:MOST]


def _examples(files: list[str]) -> str:
    names = list(dict.fromkeys(files))
    return ", ".join(names[:EXAMPLES]) + (f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else "")


def _row(*cells: str) -> Row:
    return Row(tuple(Cell(each) for each in cells))


def _bars(counts: list[tuple[str, int]], total: int) -> Figure:
    """Verdicts as horizontal bars."""
    nodes: list[Node] = []
    edges: list[Edge] = []
    for place, (word, count) in enumerate(counts):
        y = _STEP * (place + 0.5)
        width = max(_LONGEST * count / total, 2.0)
        nodes.append(Node(f"bar {place}", _WORDS + width / 2, y, width, _BAR, (), "output"))
        axis = ((_WORDS, y - _STEP / 2), (_WORDS, y + _STEP / 2))
        edges.append(Edge(f"axis {place}", f"bar {place}", axis, f"{word}: {count}", (_WORDS / 2, y)))
    picture = Picture(_WORDS + _LONGEST + 10, _STEP * max(len(counts), 1), tuple(nodes), tuple(edges))
    told = ", ".join(f"{count} {word}" for word, count in counts)
    return Figure("Verdicts on the works", picture, told)
