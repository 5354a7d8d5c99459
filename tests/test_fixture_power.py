"""The power of a test: which mutants it catches, whether it is fair, and what gradcheck lets pass."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import numpy as np
import pytest

from derive.errors import UsageError
from derive.fixtures.mutants import mutants
from derive.fixtures.mutants_running import Running
from derive.fixtures.operations import find_operation, operations
from derive.fixtures.power import CAUGHT, LABELLED, MISSED, UNFAIR, outcome, power
from derive.fixtures.power_candidates import Candidate, candidates, of_test
from derive.fixtures.power_checks import FixturesCheck, LabelledError, find_check
from derive.fixtures.power_table import written
from derive.fixtures.wrong_fifteen import FIFTEEN, tried

CHEAP = ("max_pool1d", "multiply")


def right(name: str, **options) -> Candidate:
    return Candidate(name, options, running=Running(find_operation(name), options))


# --- ours -------------------------------------------------------------------------------------------------------------


def test_the_vectors_catch_every_mutant_and_accept_the_right_gradient() -> None:
    report = power(["fixtures"], CHEAP)
    assert report.unfair == ()
    assert [(row.operation, row.slip) for row in report.missed("fixtures")] == []
    assert report.total("fixtures") == (len(report.rows), len(report.rows))
    assert {row.operation for row in report.rows} == set(CHEAP)
    said = {row.slip: row.outcomes["fixtures"] for row in report.rows if row.operation == "max_pool1d"}
    assert said["all of a tie"] == LABELLED and said["sign of the whole side"] == CAUGHT


def test_fewer_vectors_catch_no_more() -> None:
    few, many = (power([FixturesCheck(count)], ["sigmoid"], most=1).rows for count in (1, 6))
    caught = [[row.slip for row in rows if row.outcomes["FixturesCheck"] != MISSED] for rows in (few, many)]
    assert set(caught[0]) < set(caught[1])


# --- any check --------------------------------------------------------------------------------------------------------


def test_a_check_that_accepts_all_catches_nothing_and_one_that_refuses_all_is_unfair() -> None:
    def accepting(candidate: Candidate) -> None:
        pass

    def refusing(candidate: Candidate) -> bool:
        return False

    report = power([accepting, refusing], ["multiply"])
    count = len(report.rows)
    assert report.total("accepting") == (0, count)
    assert report.total("refusing") == (0, 0)
    assert all(row.outcomes == {"accepting": MISSED, "refusing": UNFAIR} for row in report.rows)
    assert {check for check, *_ in report.unfair} == {"refusing"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [(None, MISSED), (True, MISSED), (False, CAUGHT), (AssertionError("no"), CAUGHT), (ValueError("shape"), CAUGHT),
     (LabelledError("tie"), LABELLED)],
)  # fmt: skip
def test_what_counts_as_caught(said: object, expected: str) -> None:
    def check(candidate: Candidate) -> object:
        if isinstance(said, Exception):
            raise said
        return said

    assert outcome(check, right("add"))[0] == expected


def test_differences_of_a_sum_miss_what_a_sum_does_not_tell() -> None:
    """The sum of a softmax is 1 whatever its input: no factor shows, and a sum has an upstream gradient of ones."""
    report = power(["sum-loss"], ["softmax"], most=1)
    assert report.unfair == ()
    missed = {row.slip for row in report.missed("sum-loss")}
    assert {"scaled by 37", "upstream gradient ignored", "factor 2 too many"} <= missed


def test_a_check_of_a_module(tmp_path: Path) -> None:
    file = tmp_path / "signs.py"
    file.write_text(textwrap.dedent("""
        import numpy as np

        def check(candidate):
            x, g = candidate.example, candidate.cotangent
            assert np.allclose(candidate.backward(x, g)["A"], g["Y"] * x["B"])
    """))  # fmt: skip
    label = f"{file}:check"
    report = power([label], ["multiply"], most=2)
    assert report.unfair == ()
    missed = {row.where for row in report.missed(label)}
    assert missed == {"B"} and report.total(label)[0] > 3


@pytest.mark.parametrize(
    ("name", "message"),
    [("gradchek", "no check is called 'gradchek'; there are fixtures"), ("no_such_module_here:check", "no module"),
     ("json:nothing", "json has no function nothing"), ("nowhere.py:check", "no file nowhere.py")],
)  # fmt: skip
def test_an_unknown_check_is_one_clear_line(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as failure:
        find_check(name)
    assert "\n" not in str(failure.value)


def test_a_file_that_does_not_run_and_one_that_spoils_what_it_is_given(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(UsageError, match="cannot be imported: SystemExit: 3"):
        find_check(f"{file}:check")

    def spoiling(candidate: Candidate) -> None:
        for arrays in (candidate.example, candidate.cotangent):
            outputs = candidate.forward(candidate.example)
            gradients = candidate.backward(candidate.example, candidate.cotangent)
            for array in (*arrays.values(), *outputs.values(), *gradients.values()):
                array[...] = 7.0

    candidate = right("exponential")
    before = dict(candidate.forward(candidate.example))
    power([spoiling], ["exponential"])
    spoiling(candidate)
    again = right("exponential")
    np.testing.assert_array_equal(again.forward(again.example)["Y"], before["Y"])
    fresh = Candidate("exponential", {}, running=candidate.running)
    np.testing.assert_array_equal(fresh.forward(fresh.example)["Y"], before["Y"])


def test_a_report_is_a_table_and_data() -> None:
    report = power(["fixtures", "sum-loss"], ["negative"], count=2)
    data = json.loads(json.dumps(report.as_data()))
    assert len(data["mutants"]) == len(report.rows)
    assert data["totals"]["fixtures"]["of"] == len(report.rows)
    assert len(report.table().splitlines()) == len(report.rows) + 3
    assert data["discarded"]


# --- candidates -------------------------------------------------------------------------------------------------------


EXAMPLES = ("conv2d", "embedding", "softmax", "rnn", "bce", "adam", "griewank", "cnn")
_OTHERS = [name for name, each in operations().items() if not each.step and name not in EXAMPLES]


@pytest.mark.parametrize("name", [*EXAMPLES, *(pytest.param(name, marks=pytest.mark.slow) for name in _OTHERS)])
def test_an_example_is_legal_and_its_gradient_that_of_differences(name: str) -> None:
    """One directional derivative of every operation at the sizes that an author takes."""
    candidate = right(name)
    inputs, upstream = candidate.example, candidate.cotangent
    gradients = candidate.backward(inputs, upstream)
    generator = np.random.default_rng(7)
    directions = {each: generator.standard_normal(inputs[each].shape) for each in candidate.differentiable}
    if name == "kl_divergence":  # the direction of a simplex
        directions = {each: array - array.mean(axis=-1, keepdims=True) for each, array in directions.items()}

    def loss(step: float) -> float:
        moved = {**inputs, **{each: inputs[each] + step * array for each, array in directions.items()}}
        outputs = candidate.forward(moved)
        return float(sum((outputs[each] * upstream.get(each, 1.0)).sum() for each in outputs))

    slope = sum(float((gradients[each] * array).sum()) for each, array in directions.items())
    difference = (loss(1e-6) - loss(-1e-6)) / 2e-6
    assert slope == pytest.approx(difference, rel=2e-5, abs=2e-5)


def test_candidates_have_names_of_their_own() -> None:
    found = candidates(["linear"], most=2)
    names = [candidate.id for candidate in found]
    assert len(set(names)) == len(names)
    assert next(each.name for each in found if each.operation == "linear") == "right"


def test_options_that_are_given_are_kept() -> None:
    found = mutants(find_operation("conv1d"), {"stride": 2}, most=1)
    assert all(mutant.options["stride"] == 2 for mutant in found.mutants)
    assert "stride or dilation forgotten" in [mutant.name for mutant in found.mutants]


# --- a suite ----------------------------------------------------------------------------------------------------------

SUITE = """
import numpy as np
import pytest

@pytest.mark.derive("multiply")
def test_of_a(derive_candidate):
    c = derive_candidate
    assert np.allclose(c.backward(c.example, c.cotangent)["A"], c.cotangent["Y"] * c.example["B"])

@pytest.mark.derive("negative")
def test_unfair(derive_candidate):
    assert False, "never right"

def test_of_nothing():
    pass
"""


def test_a_suite_of_pytest_is_run_in_a_child_and_where_it_is_unfair_it_says_so(tmp_path: Path) -> None:
    file = tmp_path / "test_mine.py"
    file.write_text(SUITE)
    report = power([str(file)], ["multiply", "add", "negative"], most=2)
    said = {(row.operation, row.where): set() for row in report.rows}
    for row in report.rows:
        said[row.operation, row.where].add(row.outcomes[str(file)])
    assert said["multiply", "A"] == {CAUGHT} and said["multiply", "B"] == {MISSED}
    assert said["add", "A"] == {"not tested"}
    assert said["negative", "X"] == {UNFAIR}
    assert report.total(str(file))[1] == sum(row.operation == "multiply" for row in report.rows)
    assert {row[1] for row in report.unfair} == {"negative"} and "never right" in report.unfair[0][3]


def test_a_suite_without_candidates(tmp_path: Path) -> None:
    file = tmp_path / "test_nothing.py"
    file.write_text("def test_it():\n    pass\n")
    with pytest.raises(UsageError, match="no test that asks for the fixture derive_candidate"):
        power([str(file)], ["negative"])
    with pytest.raises(UsageError, match="there is no file of tests"):
        power([str(tmp_path / "test_absent.py")], ["negative"])


def test_without_a_measurement_a_test_has_the_right_candidates_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DERIVE_POWER", raising=False)
    assert {each.name for each in of_test()} == {"right"}
    assert [each.operation for each in of_test(["conv1d"])] == ["conv1d"]
    monkeypatch.setenv("DERIVE_POWER", "{")
    with pytest.raises(UsageError, match="DERIVE_POWER"):
        of_test()


# --- gradcheck --------------------------------------------------------------------------------------------------------

torch = pytest.importorskip("torch")


QUICK = (
    "scale 1.0009",
    "zero where saturated",
    "bias not summed at batch 1",
    "max-pool ties",
    "wrong second derivative",
)


@pytest.mark.parametrize(
    "pair",
    [pytest.param(pair, id=pair.name, marks=[] if pair.name in QUICK else [pytest.mark.slow]) for pair in FIFTEEN],
)
def test_gradcheck_accepts_it_and_the_vectors_do_not(pair) -> None:
    """One of the fifteen: wrong, accepted by gradcheck with its defaults, caught; the right one passes both."""
    from derive.fixtures.power_torch import gradcheck

    result = tried(pair)
    assert result.gradcheck
    assert result.fixtures == (LABELLED if pair.name == "max-pool ties" else CAUGHT), result.message
    gradcheck(pair.sound, pair.inputs(), summed=pair.summed)
    FixturesCheck(1)(pair.sound)


def test_there_are_fifteen() -> None:
    assert len({pair.name for pair in FIFTEEN}) == 15


def test_gradcheck_catches_what_shows_at_its_inputs() -> None:
    report = power(["torch-gradcheck"], ["multiply"])
    said = {row.slip: row.outcomes["torch-gradcheck"] for row in report.rows}
    assert report.unfair == ()
    assert said["sign of the whole side"] == said["factor 2 too many"] == CAUGHT
    assert said["scaled by 1.0009"] == MISSED


def test_gradgradcheck_catches_the_second_derivative_that_gradcheck_does_not() -> None:
    from derive.fixtures.power_torch import gradcheck, gradgradcheck

    pair = next(each for each in FIFTEEN if each.name == "wrong second derivative")
    gradcheck(pair.candidate)
    with pytest.raises(AssertionError):
        gradgradcheck(pair.candidate)
    gradgradcheck(pair.sound)
    gradgradcheck(right("congruence"))
    gradgradcheck(right("squared_error"))


# --- the page ---------------------------------------------------------------------------------------------------------


def test_a_section_is_written_in_its_place_and_nothing_else_changes() -> None:
    page = "# Fixtures\n\nBefore.\n"
    once = written(page, "## Power\n\nOne.\n", "power")
    assert once.startswith(page) and "One." in once
    more = once + "\nAfter.\n"
    twice = written(more, "## Power\n\nTwo.\n", "power")
    assert twice == more.replace("One.", "Two.")
    assert written(twice, "## Power\n\nTwo.\n", "power") == twice
