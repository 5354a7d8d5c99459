r"""The rows of a work: what `\\` or a line end separates, each with its statements, conditions and remarks.

    \delta_i &= \sum_k w_{ki} \delta_k f'(z_i), \quad i \ne j    % one row, one statement with a condition

A row that cannot be read has an error, and the others are read all the same. What a left side defines is known in all
rows, whatever their order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from derive.errors import LimitError, ReadingError
from derive.names import ACCENTS
from derive.plain import formula
from derive.reading import limits
from derive.reading.latex import heads, plain, splitting
from derive.reading.latex.documents import pieces_of
from derive.reading.latex.interpret import Interpreter
from derive.reading.latex.linebreaks import Piece
from derive.reading.latex.means import spelled_as_means
from derive.reading.latex.source import Source
from derive.reading.latex.statements import Draft, Link, Statement, echo_of, statement_of
from derive.reading.latex.vocabulary import Vocabulary
from derive.tree import Span, Tree
from derive.words import FUNCTIONS

__all__ = ["Link", "Row", "Statement", "echo", "read_equation", "read_work"]

ROWS = 20_000
#: Documents whose formulas are LaTeX.
LATEX = (".tex", ".md", ".ipynb")


@dataclass(frozen=True, slots=True)
class Row:
    """number : of the row, from 1.  at : its place in the source.  text : its source.

    statements : what it says; where it says nothing, since it cannot be read, `error` tells why.
    """

    number: int
    at: Span
    text: str
    statements: tuple[Statement, ...]
    error: ReadingError | None = None


def echo(tree: Tree) -> str:
    """What was read, in normal form: one line of the plain notation."""
    return formula(tree)


def read_work(text: str, suffix: str, vocabulary: Vocabulary) -> tuple[Row, ...]:
    """The rows of a work, in order.

    suffix : ".tex", ".md", ".txt" or ".ipynb"; formulas are taken out of documents, lines without any are rows as they
    stand. A row is read as LaTeX if it has a backslash, a brace or a $, else in the plain notation.
    Raises LimitError for a text that is too large, ReadingError for a notebook that is none.
    """
    if len(text) > limits.TEXT_CHARACTERS:
        raise LimitError(f"the text has {len(text)} characters; the limit is {limits.TEXT_CHARACTERS}")
    pieces = [_as_latex(piece) if suffix in LATEX else piece for piece in pieces_of(text, suffix)]
    if len(pieces) > ROWS:
        raise LimitError(f"the text has {len(pieces)} rows; the limit is {ROWS}")
    drafts = [_drafted(piece, vocabulary) for piece in pieces]
    kept = [(piece, draft) for piece, draft in zip(pieces, drafts, strict=True) if not _is_mention(piece, draft)]
    known = heads.extended(vocabulary, [draft for _, draft in kept if isinstance(draft, list)])
    rows: list[Row] = []
    free: Sequence[str] = ()
    for number, (piece, draft) in enumerate(kept, 1):
        at = piece.source.span(piece.start, piece.end)
        found: list[Statement] = []
        error = draft if isinstance(draft, ReadingError) else None
        if isinstance(draft, list):
            try:
                found, free = _interpreted(piece, draft, known, free)
            except ReadingError as failed:
                error = failed
            except RecursionError:  # a guard behind the guards: depth is limited long before
                error = piece.source.error("the formula is nested too deep", piece.start, piece.end, LimitError)
        rows.append(Row(number, at, piece.text, tuple(found), error))
    return tuple(rows)


def read_equation(text: str, vocabulary: Vocabulary) -> Statement:
    """One equation of a problem file: LaTeX if it has a backslash, a brace or a $, else plain.

    Raises ReadingError where it cannot be read or is not exactly one statement.
    """
    source = Source(text)
    stripped = text.strip()
    start = text.find(stripped)
    end = start + len(stripped)
    for mark in ("$$", "$"):
        if stripped.startswith(mark) and stripped.endswith(mark) and len(stripped) > 2 * len(mark):
            start, end = start + len(mark), end - len(mark)
            break
    piece = Piece(source, start, end, not any(sign in text for sign in "\\{$"), True)
    draft = _drafted(piece, vocabulary)
    if isinstance(draft, ReadingError):
        raise draft
    known = heads.extended(vocabulary, [draft])
    found, _ = _interpreted(piece, draft, known, ())
    if len(found) != 1:
        raise source.error("one equation is expected here", start, max(end, start + 1))
    return found[0]


def _as_latex(piece: Piece) -> Piece:
    """In a document of LaTeX a row without any command is LaTeX too, h_t = x_1, unless only plain text has it."""
    words = re.findall(r"[A-Za-z]{2,}", piece.text)
    is_plain = re.search(r"\*|[A-Za-z0-9_]\[", piece.text) or any(
        word in FUNCTIONS or word in ACCENTS for word in words
    )
    return replace(piece, plain=False) if piece.plain and not is_plain else piece


def _drafted(piece: Piece, vocabulary: Vocabulary) -> list[Draft] | ReadingError:
    try:
        if piece.error is not None:
            return piece.error
        return plain.drafts(piece) if piece.plain else splitting.drafts(piece, "e" not in vocabulary.names)
    except ReadingError as error:
        return error


def _is_mention(piece: Piece, draft: list[Draft] | ReadingError) -> bool:
    """A formula in running text that claims nothing: `$x$`, `$i \\ne j$`."""
    if piece.display:
        return isinstance(draft, list) and not draft
    return isinstance(draft, list) and not any(each.claims for each in draft)


def _interpreted(
    piece: Piece, drafts: Sequence[Draft], vocabulary: Vocabulary, free: Sequence[str]
) -> tuple[list[Statement], Sequence[str]]:
    """The statements of a row, and the free indices of its last left side, for a row that continues the chain."""
    found = []
    for draft in drafts:
        reading = Interpreter(piece.source, vocabulary, free if draft.continues else ())
        statement, free = statement_of(reading, draft)
        found.append(spelled_as_means(statement, vocabulary))
    return found, free


def echo_statement(statement: Statement) -> str:
    """A whole statement in normal form."""
    return echo_of(statement)
