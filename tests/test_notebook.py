"""The notebook: valid by its schema, runnable, and no user's words are obeyed."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from xml.etree import ElementTree

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.document import Cell as TableCell
from derive.document import Display, Document, Line, Prose, Row, Table
from derive.notebook import escape, to_notebook
from derive.tree import Tree
from tests.sheet_document import EVERYTHING, TRACE
from tests.trees import expressions


def cells(document: Document, **options: tuple[str, ...]) -> list[nbformat.NotebookNode]:
    notebook = nbformat.reads(to_notebook(document, **options), as_version=4)
    nbformat.validate(notebook)
    return notebook.cells


@pytest.mark.parametrize("document", [TRACE, EVERYTHING, Document("", ())])
def test_a_notebook_is_valid_and_always_the_same(document: Document) -> None:
    assert cells(document) is not None
    assert to_notebook(document) == to_notebook(document)
    names = [cell["id"] for cell in json.loads(to_notebook(document))["cells"]]
    assert len(names) == len(set(names))


def test_the_sheets_trace_is_a_table_of_formulas() -> None:
    text = "\n".join(cell.source for cell in cells(TRACE))
    assert r"| $v_6$ | $=$ | $v_5 \, v_4$ | $=$ | $1.4924 \cdot 1.3513$ | $=$ | $2.0166$ |" in text
    assert r"\bar{v}_0 &= \bar{v}_3 \, v_3 - \frac{\bar{v}_1 \, v_{-1}}{v_0^2} && \text{exp }v_0\text{ is }v_3" in text
    assert r"$\boldsymbol{-13.7240}$" in text


def test_python_becomes_a_cell_and_other_code_stays_text() -> None:
    found = cells(EVERYTHING, code_cells=("print(1)\n",))
    code = [cell.source for cell in found if cell.cell_type == "code"]
    assert code[0].startswith("x = 1\n")
    assert code[-1] == "print(1)"
    assert any("````text\n```\n" in cell.source for cell in found)


def test_a_picture_is_an_attached_svg() -> None:
    (cell,) = (cell for cell in cells(EVERYTHING) if "attachments" in cell)
    assert "(attachment:figure.svg)" in cell.source
    data = base64.b64decode(cell.attachments["figure.svg"]["image/svg+xml"])
    assert ElementTree.fromstring(data).tag.endswith("svg")


def test_a_users_words_are_not_obeyed() -> None:
    for cell in cells(EVERYTHING):
        if cell.cell_type == "markdown":
            text = re.sub(r"`{3,}text.*?`{3,}\n", "", cell.source, flags=re.DOTALL)
            assert "<b>" not in text
            assert "</script>" not in text
            assert "[link]" not in re.sub(r"\\[\[\]]", "", text)
            assert "$x$" not in text
            assert r"\begin{document}" not in text


@given(st.text(max_size=40))
def test_escaped_words_hold_no_mathematics_html_or_links(text: str) -> None:
    printed = escape(text)
    assert "$" not in printed
    assert not re.search(r"(?<!\\)[`*_|\[\]]", printed)
    assert set(re.findall(r"<[^>]*>?", printed)) <= {"<span>", "</span>"}


@given(expressions)
def test_mathematics_never_splits_a_row_or_a_paragraph(tree: Tree) -> None:
    row = Row((TableCell(tree), TableCell("=", relation=True), TableCell(tree)))
    document = Document("", (Prose(("a ", tree)), Display((Line(tree),)), Table("", "lcl", (row,))))
    lines = cells(document)[0].source.split("\n")
    assert lines[-1].count("|") == 4
    assert lines[0].count("$") == 2
    assert lines.count("$$") == 2


def test_the_code_of_a_notebook_runs() -> None:
    code = [cell.source for cell in cells(EVERYTHING, code_cells=("print(x)",)) if cell.cell_type == "code"]
    run = subprocess.run([sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True)
    assert run.stdout == "1\n"
