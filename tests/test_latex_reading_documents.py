"""Formulas out of documents: which rows there are, where they stand in the file, what continues and what is dropped."""

# ruff: noqa: E501 (documents in one line)

from __future__ import annotations

import json

import pytest

from derive.errors import LimitError, ReadingError
from derive.reading.latex.lexer import scan
from derive.reading.latex.rows import Row, echo_statement, read_work
from derive.reading.latex.source import Source
from derive.reading.latex.vocabulary import Vocabulary
from tests.latex_lines import LINES, MATRICES, SCALARS

PAPER = r"""\documentclass{article}
\newcommand{\R}{\mathbb R}
% a comment with $x = 1$
\begin{document}
Let $x \in \R$ and $i \ne j$ be given, and $y$. We have $v_1 = 2 x$ in the text, for 5\$.
\begin{align*}
 v_1 &= x_1 \label{a}\\
 v_2 &= \sin(v_1) % a comment \\
     + v_1 \\[2mm]
 v_3 &= v_1 & v_4 &= v_2 \\
 \text{thus}\quad v_5 &= v_4 \nonumber \\
 &= v_3 \notag \\
 v_6 &= v_5 \\ &\quad - v_4
\end{align*}
\begin{equation}\label{eq:x}
\begin{aligned}
 y &= v_6, \\ x &= 3.
\end{aligned}
\end{equation}
\begin{verbatim} $x = 5$ \end{verbatim}
\begin{tabular}{l|c|r}
\hline
Node & Value & Number \\
$v_{-1}$ & $= x_1$ & $= 1.5$ \\
\hline
$v_0$ & = & $x_2$ & = 0.5 \\
\end{tabular}
\end{document}
"""


def read(text: str, suffix: str, vocabulary: Vocabulary = SCALARS) -> tuple[Row, ...]:
    rows = read_work(text, suffix, vocabulary)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    return rows


def said(rows: tuple[Row, ...]) -> list[str]:
    assert [row.error for row in rows] == [None] * len(rows)
    return [" | ".join(map(echo_statement, row.statements)) for row in rows]


def test_a_paper_has_these_rows() -> None:
    rows = read(PAPER, ".tex")
    assert said(rows) == [
        "v_1 = 2 x",
        "v_1 = x_1",
        "v_2 = sin(v_1) + v_1",
        "v_3 = v_1 | v_4 = v_2",
        "v_5 = v_4",
        "= v_3",
        "v_6 = v_5 - v_4",
        "y = v_6",
        "x = 3",
        "v_m1 = x_1 = 1.5",
        "v_0 = x_2 = 0.5",
    ]


def test_every_row_stands_where_the_file_has_it() -> None:
    lines = PAPER.splitlines()
    for row in read(PAPER, ".tex"):
        piece = row.text.splitlines()[0]
        assert lines[row.at.line - 1][row.at.column - 1 :].startswith(piece)
        assert row.at.end == row.at.column + len(piece)


def test_every_name_of_a_row_stands_where_the_file_has_it() -> None:
    text = "Some words.\n\n$$\\theta = x_1 + \\sin(x_2)\n= y$$\n"
    first, second = read(text, ".md")
    tree = first.statements[0].links[0].tree
    assert (tree.at.line, tree.at.column) == (3, text.splitlines()[2].index("x_1") + 1)
    call = tree.terms[1][1]
    at = call.arguments[0].at
    assert text.splitlines()[at.line - 1][at.column - 1 : at.end - 1] == "x_2"
    assert second.at.line == 4


def test_markdown_skips_code_and_reads_blocks_of_math() -> None:
    text = "# Title\nText $x = 1$ and `$y = 2$`.\n\n```\n$x = 3$\n```\n```math\nx = y\n```\n$$\n\\begin{aligned}\nx &= y \\\\\ny &= x\n\\end{aligned}\n$$\n<!-- $x = 9$ -->\n- item \\(y = x\\)\n"
    assert said(read(text, ".md")) == ["x = 1", "x = y", "x = y", "y = x", "y = x"]


def test_lines_of_plain_text_and_latex_mix() -> None:
    text = "v_1 = x_1\nForward pass:\n\nv_2 = sin(v_1)   # comment\n$v_3 = x_2$\nv_4 = max(v_1,\n   v_2)\n\\frac{v_1}{v_2} = 1 % done\nv_5 = v_1, v_6 = v_2; x = 1\n= 3\ny ~= 3.5\nx += 2 (x > 1)\n"
    rows = read(text, ".txt")
    assert said(rows) == [
        "v_1 = x_1", "v_2 = sin(v_1)", "v_3 = x_2", "v_4 = max(v_1, v_2)", "v_1/v_2 = 1", "v_5 = v_1 | v_6 = v_2 | x = 1",
        "= 3", "y ~= 3.5", "x += 2 for [x > 1]",
    ]  # fmt: skip
    assert [row.at.line for row in rows] == [1, 4, 5, 6, 8, 9, 10, 11, 12]


def test_plain_rows_have_canonical_names_and_entries() -> None:
    families = Vocabulary({"u": 0, "W": 2, "x": 1, "z": 1, "v_3": 0, "V_j": 1}, frozenset("t"), frozenset("f"), frozenset("u"),
                          letters={"V_j": ("j",)})  # fmt: skip
    lines = {
        "z[i] = sum(j) W[i,j]*x[j]": "z[i] = sum(j) W[i, j]*x[j]",
        "z_i = sum(j) W_ij*x_j": "z[i] = sum(j) W[i, j]*x[j]",
        "vbar_3 = v_3": "v_3_bar = v_3",
        "u[t] = f(u[t-1]) + f'(u[1])": "u[t] = f(u[t - 1]) + f'(u[1])",
        "z = Wx": "z = W x",
        "z = sigma(x)": "z = sigmoid(x)",
        "v_3 = sum(j) V_j": "v_3 = sum(j) V_j[j]",
    }
    assert said(read("\n".join(lines), ".txt", families)) == list(lines.values())


def notebook(*cells: tuple[str, list[str] | str]) -> str:
    made = [{"cell_type": kind, "metadata": {}, "source": source} for kind, source in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def test_a_notebook_is_read_by_its_words() -> None:
    text = notebook(("markdown", ["# A\n", "$x = 1$ and\n", "$$y = x$$"]), ("code", ["x = 2\n"]),
                    ("markdown", "\\begin{align}\nx &= \\theta\n\\end{align}"), ("raw", ["$x = 3$"]))  # fmt: skip
    rows = read(text, ".ipynb")
    assert said(rows) == ["x = 1", "y = x", "x = theta"]
    lines = text.splitlines()
    for row in rows[:2]:
        assert lines[row.at.line - 1][row.at.column - 1 :].startswith(row.text)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '{"cells": 3}', '{"cells": [{"cell_type": "markdown"}]}', "[" * 200_000]
)
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(ReadingError):
        read(text, ".ipynb")


def test_layout_says_nothing() -> None:
    """H070: labels, tags, comments, spaces, words beside."""
    text = (
        r"$$\begin{align} x &= y \label{eq:1} \tag{1} \\ % nothing here"
        "\n"
        r"\hline \intertext{and} y &= x \quad \text{(by 1)} \nonumber \end{align}$$"
    )
    rows = read(text, ".md")
    assert said(rows) == ["x = y", "y = x"]
    assert rows[1].statements[0].remark == "(by 1)"


def test_words_introduce_statements_conditions_and_remarks() -> None:
    cases = {
        r"x = y \text{ where } y = 3": ["x = y | y = 3"],
        r"x = y \text{ if } y > 3": ["x = y for [y > 3]"],
        r"x = y \quad (\text{for } y > 3)": ["x = y for [y > 3]"],
        r"x = y \quad (\text{since } y = 3)": ["x = y"],
        r"x = y, \quad y \ne 3": ["x = y for [y != 3]"],
        r"x = y \qquad (1)": ["x = y"],
        r"x = y \Rightarrow y = x": ["x = y | y = x"],
        r"\text{Then } x = y.": ["x = y"],
        r"x = y \quad \forall i, j": ["x = y"],
        r"x \in \mathbb{R}": [],
    }
    for latex, expected in cases.items():
        assert said(read(f"$${latex}$$", ".md")) == expected, latex


@pytest.mark.parametrize("latex", [latex for _, latex, _ in LINES])
def test_no_side_of_a_row_is_dropped(latex: str) -> None:
    """As many links as there are signs of equality outside brackets, ranges i = 1, ..., n excepted."""
    vocabulary = next(each for each, other, _ in LINES if other == latex)
    source = Source(latex)
    depth = signs = 0
    for token in scan(source, 0, len(latex)):
        depth += token.type in ("OPEN", "LBRACE", "BEGIN")
        depth -= token.type in ("CLOSE", "RBRACE", "END")
        signs += token.kind in ("=", "approx", "<-", "+=") and not depth
    (row,) = read(f"$${latex}$$", ".md", vocabulary)
    links = sum(len(statement.links) for statement in row.statements)
    ranges = sum(condition.operators == ("<=", "<=") for each in row.statements for condition in each.conditions)
    assert links == signs - ranges


def test_what_is_left_over_is_never_dropped() -> None:
    """A term that a broken line might lose would make a right row wrong."""
    for latex in (r"x = y, \theta", r"x = y \quad \theta", r"x = y \quad 3", r"x = y, 3", r"x = y; \quad 2y"):
        (row,) = read(f"$${latex}$$", ".md")
        assert row.error is not None, latex


@pytest.mark.parametrize(
    "broken",
    [
        "x = y \\\\ + \\theta", "x = y \\\\ &\\quad + \\theta", "x = y + \\\\ \\theta", "x = \\\\ y + \\theta", "x = y\n + \\theta",
        "x = y +\n \\theta", "x = \\left( y \\right. \\\\ & \\left. + \\theta \\right)", "x &= y \\\\[1ex] &\\phantom{=} + \\theta",
        "x = (y\n + \\theta)", "x = y \\quad + \\theta",
    ],
)  # fmt: skip
def test_a_formula_over_two_lines_is_one_row(broken: str) -> None:
    for text in (f"$${broken}$$", f"\\begin{{align}}\n{broken}\n\\end{{align}}"):
        (line,) = said(read(text, ".tex"))
        assert line == "x = y + theta"


def test_a_row_may_begin_with_a_minus_sign() -> None:
    assert said(read("$$x = y \\\\ -x = -y$$", ".md")) == ["x = y", "-x = -y"]
    assert said(read("$$x = y \\\\ - \\theta$$", ".md")) == ["x = y - theta"]


@pytest.mark.parametrize("text", ["$x = y", "$$x = y", "\\[ x = y", "\\( x = y", "\\begin{align} x = y"])
def test_what_is_never_closed_is_an_unread_row(text: str) -> None:
    (row,) = read(text, ".tex")
    assert row.error is not None
    assert "never closed" in row.error.message


def test_rows_are_independent_of_their_order() -> None:
    lines = [latex for vocabulary, latex, _ in LINES if vocabulary is MATRICES]
    forward = said(read("\n".join(f"$${latex}$$" for latex in lines), ".md", MATRICES))
    backward = said(read("\n".join(f"$${latex}$$" for latex in reversed(lines)), ".md", MATRICES))
    assert forward == backward[::-1]


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(LimitError):
        read("x = 1\n" * 300_000, ".txt")
    with pytest.raises(LimitError):
        read("$x = 1$\n" * 30_000, ".md")


def test_time_grows_with_length_alone() -> None:
    """Long documents of every shape; a quadratic scan would take minutes."""
    import time

    for text in ("words and words\n" * 10_000, "$x$ " * 50_000, "\\begin{align}\n" + "x &= y + \n" * 10_000 + "y\\end{align}",
                 "x = (\n" * 10_000, "%" * 250_000, "$" * 150_001, "\\left." * 25_000, "\\begin{align}" * 10_000):  # fmt: skip
        for suffix in (".tex", ".md", ".txt"):
            start = time.process_time()
            read(text, suffix)
            assert time.process_time() - start < 4, (text[:20], suffix)


def test_formulas_inside_words_are_read() -> None:
    (row,) = read(r"$$x = y \text{ if $y > 1$ and $y < \theta$, say}$$", ".md")
    assert echo_statement(row.statements[0]) == "x = y for [y > 1], [y < theta]"
    (row,) = read(r"\[x = \begin{cases} 1 & \text{if $y > 1$} \\ 2 & \text{else} \end{cases}\]", ".tex")
    assert echo_statement(row.statements[0]) == "x = cases(1, [y > 1], 2)"
