"""The worked solutions as they are handed out: pages without overfull boxes, notebooks that run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from derive.cli.render import rendered
from derive.cli.solve import _document
from derive.document import Document
from derive.pdf import compile_latex, missing_glyphs, overfull_boxes
from derive.subjects.catalogue import BY_NAME, ENTRIES, find
from derive.textpage import to_text

DEFAULTS = {parameter.name: parameter.default for entry in ENTRIES for parameter in entry.parameters}


def document(name: str, **values: int) -> Document:
    return _document(find(name), {**DEFAULTS, **values})


def test_the_sheets_solution_says_what_the_issue_asks_for() -> None:
    text = " ".join(to_text(document("griewank")).split())
    for sentence in (
        "v_6 = v_5*v_4 = 1.4924*1.3513 = 2.0166",
        "vbar_0 = vbar_3*v_3 - vbar_1*(v_-1/v_0^2) = -2.8437*1.6487 - 1.5059*(1.5/0.5^2) = -13.7240",
        "dy/dx1 = vbar_-1 = 3.0118",
        "dy/dx2 = vbar_0 = -13.7240",
        "its fraction is inverted",
        "As printed it gives -5.0231",
        "it comes from rounded intermediates, 1.4924*1.3513 = 2.0167",
    ):
        assert sentence in text, sentence


@pytest.mark.parametrize("name", BY_NAME)
def test_every_solution_is_written_in_every_medium_and_all_its_steps_hold(name: str) -> None:
    """And its pages have no text in the margin, and no box for a sign that a font does not have."""
    made = document(name)
    for held, run in re.findall(r"(\d+) of (\d+)\s+steps\s+hold", rendered(made, "text").decode()):
        assert held == run != "0"
    for form in ("html", "ipynb"):
        assert len(rendered(made, form)) > 500
    source = rendered(made, "tex").decode()
    if shutil.which("pdflatex") is not None:
        log = compile_latex(source, timeout=60).log
        assert overfull_boxes(log) == missing_glyphs(log) == []


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_two_runs_give_the_same_bytes_in_every_medium() -> None:
    for form in ("tex", "html", "ipynb", "pdf"):
        assert rendered(document("logarithm"), form) == rendered(document("logarithm"), form), form


def test_the_notebook_runs_and_its_code_gives_the_gradient(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    notebook = nbformat.reads(rendered(document("griewank"), "ipynb").decode(), as_version=4)
    nbformat.validate(notebook)
    notebook.cells.append(nbformat.v4.new_code_cell("value, gradient = function(1.5, 0.5); print(value, *gradient)"))
    client.NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(tmp_path))
    printed = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
    assert [round(float(number), 4) for number in printed.split()] == [2.0166, 3.0118, -13.7240]


def test_a_product_of_a_thousand_inputs_works_the_same_way() -> None:
    text = to_text(document("speelpenning", inputs=1000))
    assert "v_999" in text and "dy/dx1000" in text
    page = rendered(document("speelpenning", inputs=300), "html")
    assert b"more lines" in page


def test_every_entry_of_the_catalogue_is_found_with_either_dash() -> None:
    for name in BY_NAME:
        assert find(name.replace("-", "_")).name == name
        assert json.dumps(find(name).as_data())
