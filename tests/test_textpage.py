"""Plain text: aligned, typed back as it stands, and readable in a narrow terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.document import Bullets, Cell, Display, Document, Folded, Heading, Line, Listing, Prose, Row, Table
from derive.reading.reader import read
from derive.textpage import columns, to_text
from derive.tree import Tree
from tests.sheet_document import EVERYTHING, FORWARD_TABLE, REVERSE_TABLE, TRACE
from tests.trees import expressions


def without_code(document: Document) -> Document:
    return replace(document, blocks=tuple(block for block in document.blocks if not isinstance(block, Listing)))


@pytest.mark.parametrize("width", [10, 20, 33, 60, 100])
@pytest.mark.parametrize("document", [TRACE, EVERYTHING])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_nothing_but_code_is_wider_than_the_page(document: Document, width: int, ascii_only: bool) -> None:
    text = to_text(without_code(document), width=width, ascii_only=ascii_only)
    assert max(map(columns, text.splitlines())) <= width


@given(expressions, st.text(max_size=50), st.integers(20, 90))
def test_any_words_and_formulas_fit_a_page_of_twenty_columns(tree: Tree, words: str, width: int) -> None:
    row = Row((Cell(tree), Cell("=", relation=True), Cell(words)))
    blocks = (
        Heading(words),
        Prose((words, tree)),
        Display((Line(tree, words, "3"),)),
        Table(words, "rcl", (row, row), (Cell(words),), words),
        Bullets(((words, tree),)),
        Folded(words, (Prose((tree,)),)),
    )
    text = to_text(Document(words, blocks), width=width)
    assert max(map(columns, text.splitlines()), default=0) <= width
    assert all(c == "\n" or c.isprintable() for c in text)
    assert to_text(Document(words, blocks), width=width, ascii_only=True).isascii()


def test_the_sheets_table_is_aligned() -> None:
    assert to_text(Document("", (FORWARD_TABLE,))).splitlines()[2:] == [
        "v_-1 = x_1       = 1.5",
        "v_0  = x_2       = 0.5",
        "v_1  = v_-1/v_0  = 1.5/0.5         = 3",
        "v_2  = sin(v_1)  = sin(3)          = 0.1411",
        "v_3  = exp(v_0)  = exp(0.5)        = 1.6487",
        "v_4  = v_1 - v_3 = 3 - 1.6487      = 1.3513",
        "v_5  = v_2 + v_4 = 0.1411 + 1.3513 = 1.4924",
        "v_6  = v_5*v_4   = 1.4924*1.3513   = 2.0166",
        "y    = v_6       = 2.0166",
    ]


def test_a_printed_trace_can_be_typed_back() -> None:
    for line in to_text(Document("", (FORWARD_TABLE,))).splitlines()[2:]:
        read(line)


def test_a_narrow_table_stacks_its_cells() -> None:
    text = to_text(Document("", (REVERSE_TABLE,)), width=20)
    assert "vbar_0\n  = vbar_3*v_3\n    - vbar_1*v_-1/\n    v_0^2\n" in text
    assert "vbar_-1\n  = vbar_1/v_0\n  = 1.5059/0.5\n  = 3.0118\n\ndy/dx_1\n  = 3.0118\n" in text


def test_a_narrow_table_without_signs_names_its_cells() -> None:
    header = (Cell("check"), Cell("largest error"))
    table = Table("", "lr", (Row((Cell("central differences"), Cell("2e-10"))),), header)
    text = to_text(Document("", (table,)), width=24)
    assert text == "check: central\n    differences\n  largest error: 2e-10\n"


def test_equals_signs_and_reasons_stand_below_each_other() -> None:
    lines = (Line(read("v_1 = v_-1/v_0"), "quotient"), Line(read("vbar_3 = -vbar_4"), "sign", "7"), Line(read("x + 1")))
    assert to_text(Document("", (Display(lines),))).splitlines() == [
        "     v_1 = v_-1/v_0   quotient",
        "  vbar_3 = -vbar_4    sign  (7)",
        "        x + 1",
    ]


def test_code_is_printed_as_it_is() -> None:
    code = "def f(x):\n\n    return x  # " + "long " * 40
    assert code.rstrip() in to_text(Document("", (Listing("Code", code),)), width=20)


def test_words_cannot_steer_a_terminal() -> None:
    text = to_text(EVERYTHING)
    assert "\x1b" not in text
    assert "[U+001B]" in text


def test_what_ascii_lacks_is_spelled_out() -> None:
    text = to_text(Document("", (Prose(("δ ≤ ȳ — naïve “∂” 中",)),)), ascii_only=True)
    assert text == 'delta <= ybar - naive "d" [U+4E2D]\n'


def test_a_picture_is_a_list_of_its_edges() -> None:
    text = to_text(replace(EVERYTHING, blocks=EVERYTHING.blocks[5:6]))
    assert "  v_-1 -> v_1  1/v_0\n  v_1 -> v_2   cos(v_1)\n" in text


def test_folded_detail_is_indented() -> None:
    text = to_text(Document("", (Folded("More", (Prose(("words",)),)),)))
    assert text == "More\n\n  words\n"
