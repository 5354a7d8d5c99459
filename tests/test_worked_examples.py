"""The worked examples: every exercise has one, each runs and checks itself, and stored figures are not invented."""

from __future__ import annotations

import json
import re
import runpy
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ProgramError, UsageError
from derive.solutions import backpropagation, mlp_training
from derive.solutions.blocks import held
from derive.solutions.charts import Series, chart
from derive.subjects import perceptron
from derive.subjects.catalogue import BY_NAME, document

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "worked_examples"
RESULTS = ROOT / "docs" / "results.md"
SCRIPTS = sorted(FOLDER.glob("plot_*.py"))
#: Sheet -> its exercises, sections or questions, by number.
SHEETS = {"000": 4, "001": 5, "002": 4, "003": 3, "004": 3}
#: Scripts that train, or measure time.
SLOW = {"plot_mlp_without_autograd", "plot_exploring_mlps", "plot_review_questions", "plot_manual_update", "plot_lstm"}

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the examples are not part of an installed copy")


def rows() -> list[list[str]]:
    """The rows of the tables of the overview, headers left out."""
    lines = (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in found if row[-1].endswith(".py")]


def test_every_exercise_of_every_sheet_has_its_solution_and_its_script() -> None:
    listed: dict[str, set[int]] = {sheet: set() for sheet in SHEETS}
    for row in rows():
        if row[0] in SHEETS:
            listed[row[0]].add(int(row[1].split()[0]))
            assert row[2] in BY_NAME, row
        assert (FOLDER / row[-1]).exists(), row
    assert listed == {sheet: set(range(1, count + 1)) for sheet, count in SHEETS.items()}


def test_every_script_is_listed() -> None:
    assert {row[-1] for row in rows()} == {script.name for script in SCRIPTS}


@pytest.mark.parametrize(
    "script", [pytest.param(each, marks=[pytest.mark.slow] * (each.stem in SLOW), id=each.stem) for each in SCRIPTS]
)
def test_a_script_runs_and_checks_itself(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    text = script.read_text(encoding="utf-8")
    assert re.match(r'"""\n(.+)\n=+\n\n', text) and "# How close" in text
    last = text.split("# %%")[-1]
    assert "assert " in last and ("print(" in text)
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        pyplot.close("all")
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "file",
    sorted(each.name for each in (files("derive.solutions") / "stored").iterdir() if each.name.endswith(".json")),
)
def test_stored_figures_are_those_of_the_results(file: str) -> None:
    """Every fact and every row of a table stands in docs/results.md, emphasis and backticks apart."""
    if not RESULTS.exists():
        pytest.skip("the results are not part of an installed copy")
    results = " ".join(RESULTS.read_text(encoding="utf-8").replace("*", "").split())
    data = json.loads((files("derive.solutions") / "stored" / file).read_text("utf-8"))
    assert data["commands"]
    for name, fact in data["facts"].items():
        assert fact in results, (name, fact)
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in RESULTS.read_text(encoding="utf-8").replace("*", "").splitlines()
        if line.startswith("|")
    ]
    for row in data.get("rows", ()):
        assert any(_within(row, line) for line in lines), row


def _within(row: list[str], line: list[str]) -> bool:
    """Whether the cells stand in the line, in their order."""
    rest = iter(line)
    return all(any(cell == each for each in rest) for cell in row)


def test_a_page_with_a_false_claim_is_not_made() -> None:
    assert held("two is even", 2 % 2 == 0) == ("two is even",)
    with pytest.raises(ProgramError, match="three is even"):
        held("three is even", 3 % 2 == 0)


SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=5).map(tuple)


@settings(max_examples=12, deadline=None)
@given(SIZES, st.sampled_from(("tanh(z)", "sigmoid(z)", "softplus(z)")), st.integers(1, 4))
def test_the_function_by_hand_is_the_engines_gradient_for_any_sizes(sizes: tuple[int, ...], f: str, n: int) -> None:
    engine, slopes = backpropagation.deviations(sizes, f, "z", n)
    assert engine < 1e-11 and slopes < 1e-6
    if sizes[-1] > 1:
        assert mlp_training.deviation(sizes, f, n) < 1e-11


def test_a_planted_mistake_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that forgets the slope of the activation is far from both."""
    monkeypatch.setattr(perceptron.Perceptron, "slope", lambda self, layer: 1.0)
    engine, slopes = backpropagation.deviations((3, 4, 2), "tanh(z)", "z", 2)
    assert engine > 1e-3 and slopes > 1e-3


POINTS = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=20, unique=True)


@given(POINTS)
def test_a_chart_keeps_the_order_of_its_points_and_stays_in_its_frame(points: list[tuple[int, int]]) -> None:
    series = [Series("data", tuple((float(x), float(y)) for x, y in points))]
    if len({x for x, _ in points}) == 1 or len({y for _, y in points}) == 1:
        with pytest.raises(UsageError, match="differ"):
            chart(series, across="x", up="y")
        return
    picture = chart(series, across="x", up="y")
    for (x, y), node in zip(points, picture.nodes, strict=True):
        assert 0 < node.x < picture.width and 0 < node.y < picture.height
        for (other_x, other_y), other in zip(points, picture.nodes, strict=True):
            assert (x < other_x) == (node.x < other.x - 1e-9)
            assert (y < other_y) == (node.y > other.y + 1e-9)


def test_a_solution_by_name_takes_its_own_parameters_only() -> None:
    assert document("speelpenning", inputs=3).title == document("speelpenning", inputs=4).title
    assert document("speelpenning", inputs=3) != document("speelpenning", inputs=4)
    with pytest.raises(UsageError, match="stride is no parameter of speelpenning"):
        document("speelpenning", stride=2)
    with pytest.raises(UsageError, match="did you mean"):
        document("grewank")
