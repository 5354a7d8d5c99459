"""Steps as aligned formulas: every line follows from the one above by the rule beside it, in every medium."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from derive import tree as t
from derive.adjoints import reverse
from derive.aligned import aligned
from derive.conventions import Conventions
from derive.document import Display, Document, Heading
from derive.gradients import Gradients, gradients
from derive.html.page import to_html
from derive.latex.document import to_latex
from derive.notebook import to_notebook
from derive.pdf import compile_latex, overfull_boxes
from derive.reading.equations import read_equations
from derive.subjects import mlp
from derive.textpage import to_text
from derive.tracing import trace
from derive.writing import Shapes, shapes_of, tree_of_equation
from tests.test_writing import COURSE


def shapes_in(found: Gradients) -> Shapes:
    return shapes_of(found.primal) | shapes_of(found.adjoint)


@pytest.mark.parametrize("text", COURSE)
def test_every_step_is_a_line_beside_its_rule(text: str) -> None:
    found = gradients(read_equations(text))
    shapes = shapes_in(found)
    for line in found.lines:
        display = aligned(line.steps, shapes=shapes)
        shown = [(tree_of_equation(step.after, shapes=shapes), step.rule.name) for step in line.steps]
        assert [(each.formula, each.reason) for each in display.lines if each.reason] == shown


@pytest.mark.parametrize("text", COURSE)
def test_a_left_side_is_left_out_only_below_the_same_one(text: str) -> None:
    found = gradients(read_equations(text))
    display = aligned(found.steps)
    lines = display.lines
    assert not lines[0].continued
    assert any(line.continued for line in lines)
    for above, line in itertools.pairwise(lines):
        assert isinstance(above.formula, t.Relation) and isinstance(line.formula, t.Relation)
        if line.continued:
            assert above.formula.sides[0] == line.formula.sides[0]


def test_a_derivation_as_on_a_blackboard() -> None:
    program = read_equations("V : 5\nK : 2\nZ[i] = sum(k) V[i+k]*K[k]")
    display = aligned(gradients(program, ["K"])["K"].steps, shapes=shapes_of(program))
    page = to_text(Document("", (display,)))
    lines = page.splitlines()
    assert lines[0].split("   ")[0] == "  d(Z[i])/d(K[m]) = d(sum(k) V[i + k]*K[k])/d(K[m])"
    assert lines[0].endswith("forward equation")
    assert next(line for line in lines if "partial of an entry" in line).split() == (
        "= sum(k) V[i + k]*[k = m] partial of an entry".split()
    )
    assert {line.index("=") for line in lines} == {lines[0].index("=")}


def test_steps_on_scalars_are_aligned_as_well() -> None:
    steps = reverse(trace("x*y + sin(x*y)")).steps
    display = aligned(steps)
    assert [line.reason for line in display.lines if line.reason] == [step.rule.name for step in steps]
    assert isinstance(display.lines[-1].formula, t.Relation)
    assert display.lines[-1].formula.sides[1] == steps[-1].after.tree


def everything() -> Document:
    blocks: list[Heading | Display] = []
    wide = "V : H x W\nK : P x Q\nZ[i,j] = sum(k,l) V[2*i+3*k,2*j+3*l]*K[k,l]"
    for text in (*COURSE, wide):
        found = gradients(read_equations(text))
        notation = Conventions(commas=False).notation(names=found.primal.heads, adjoints=found.names)
        blocks += [Heading("A layer"), aligned(found.steps, notation, shapes=shapes_in(found))]
    found = mlp.backpropagation().gradients
    notation = Conventions(commas=False, error="delta", index=1).notation(
        layered=("a", "z", "w", "b", "n", "f", *found.names.values()), loss="C", adjoints=found.names, signals=["z"]
    )
    return Document("Steps", (*blocks, Heading("The multilayer perceptron"), aligned(found.steps, notation)))


@pytest.fixture(scope="module")
def document() -> Document:
    return everything()


def test_the_page_is_well_formed_and_hides_repeated_left_sides(document: Document) -> None:
    page = to_html(document)
    main = page[page.index("<main>") : page.index("</main>") + len("</main>")]
    lefts = [each for each in ET.fromstring(main).iter("span") if each.get("class") == "left"]
    lines = [line for block in document.blocks if isinstance(block, Display) for line in block.lines]
    assert [not len(left) for left in lefts] == [line.continued for line in lines]
    assert "argmax" not in page


def test_a_notebook_shows_each_rule(document: Document) -> None:
    notebook = to_notebook(document)
    assert notebook.count("contract the delta") >= 5


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_no_derivation_runs_into_the_margin(document: Document, tmp_path: Path) -> None:
    """Neither by TeX's account nor by the ink: what a line has beside its reason is not measured by TeX."""
    compiled = compile_latex(to_latex(document), timeout=120)
    assert overfull_boxes(compiled.log) == []
    (tmp_path / "page.pdf").write_bytes(compiled.data)
    if shutil.which("pdftoppm") is None:
        return
    subprocess.run(["pdftoppm", "-gray", "-r", "40", "page.pdf", "page"], cwd=tmp_path, check=True)
    pages = sorted(tmp_path.glob("*.pgm"))
    assert len(pages) > 5
    for page in pages:
        _, size, _, pixels = page.read_bytes().split(b"\n", 3)
        width, height = map(int, size.split())
        ink = np.frombuffer(pixels, np.uint8).reshape(height, width) < 200
        margin = round(width * 28 / 210)
        assert not ink[:, width - margin + 2 :].any(), page.name
