"""Adapters of frameworks agree with certified vectors, and one that is planted wrong does not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import UsageError
from derive.fixtures.adapters.array_functions import FUNCTIONS as ARRAY_FUNCTIONS
from derive.fixtures.adapters.finding import find_adapter
from derive.fixtures.adapters.numpy_adapter import numpy_functions
from derive.fixtures.adapters.torch_functions import FUNCTIONS as TORCH_FUNCTIONS
from derive.fixtures.digits import measure_digits, table
from derive.fixtures.digits_report import figure, report
from derive.fixtures.making import Maker
from derive.fixtures.operations import find_operation, operations
from derive.fixtures.relations import relation
from derive.fixtures.running import entry_digits, judged, run_vector, run_vectors
from derive.subjects.tiny import Mul, ReduceMean, ReLU, Sigmoid, Sqrt, Tensor, mse

#: One of every family.
SAMPLE = ("conv2d", "max_pool1d", "linear", "layernorm", "attention", "rnn", "gelu", "softmax_cross_entropy",
          "congruence", "add_bias", "adam", "rosenbrock", "mlp_step_momentum")  # fmt: skip
LONG = ("attention", "adam", "mlp_step_momentum")
DTYPES = ("float64", "float32")


def vectors(name, count=4, given=None, dtypes=DTYPES):
    return [
        vector for _, several in Maker(find_operation(name), given or {}).vectors(count, dtypes) for vector in several
    ]


def with_gradient(adapter, change):
    """The adapter with every gradient changed."""

    def changed(*what):
        outputs, gradients = adapter(*what)
        return outputs, {name: change(array) for name, array in gradients.items()}

    return changed


# --- frameworks -------------------------------------------------------------------------------------------------------


def test_torch_and_the_shared_functions_know_every_operation():
    layers = {name for name, row in operations().items() if not row.step}
    assert layers <= set(TORCH_FUNCTIONS)
    assert layers <= set(ARRAY_FUNCTIONS)


def within_the_bounds(name, count):
    """The same vectors, which cost most of the time, against every framework."""
    made = vectors(name, count)
    for framework in ("torch", "autograd", "numpy"):
        found = run_vectors(made, find_adapter(framework), framework)
        assert found.counts.get("pass", 0) > 0
        assert [finding.sentence for finding in found.failures] == [], framework


@pytest.mark.parametrize("name", SAMPLE)
def test_frameworks_are_within_the_bounds(name):
    pytest.importorskip("autograd")
    within_the_bounds(name, 1 if name in LONG else 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(operations()))
def test_frameworks_are_within_the_bounds_of_all_operations(name):
    pytest.importorskip("autograd")
    within_the_bounds(name, 8)


@pytest.mark.slow  # it compiles for each shape
@pytest.mark.parametrize("name", ["conv2d", "conv_transpose1d", "momentum", "sigmoid"])
def test_jax_is_within_the_bounds_and_leaves_its_precision_as_it_was(name):
    jax = pytest.importorskip("jax")
    before = jax.numpy.ones(1).dtype
    found = run_vectors(vectors(name, 3, dtypes=("float64",)), find_adapter("jax"), "jax")
    assert found.counts.get("pass", 0) > 0
    assert [finding.sentence for finding in found.failures] == []
    assert jax.numpy.ones(1).dtype == before


@pytest.mark.parametrize("name", [
    "add", "subtract", "multiply", "square", "add_bias", "matmul", "relu", "sigmoid", "negative", "square_root",
    "mean_all", "squared_error",
])  # fmt: skip
def test_the_tiny_framework_is_within_the_bounds(name):
    found = run_vectors(vectors(name, 6), find_adapter("tiny"), "tiny")
    assert found.counts.get("pass", 0) > 0
    assert found.failures == []


def test_what_an_adapter_does_not_know_is_no_failure():
    found = run_vectors(vectors("conv2d", 1), find_adapter("tiny"), "tiny")
    assert found.counts == {"not implemented": 2}
    assert found.exit_code == 0


# --- adapters that are planted wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("change", "words"), [
    (lambda array: -array, "sign flipped"),
    (lambda array: 2 * array, "2 times the expected"),
    (lambda array: 0 * array, "0 everywhere"),
    (lambda array: array * 1.0009, "1.0009 times the expected"),
])  # fmt: skip
def test_a_wrong_gradient_is_found_and_the_factor_is_named(change, words):
    wrong = with_gradient(find_adapter("torch"), change)
    found = run_vectors(vectors("tanh", 1, dtypes=("float64",)), wrong)
    (finding,) = found.failures
    assert (finding.array, finding.verdict) == ("gradient.X", "failed")
    assert finding.relation.startswith(words)
    assert found.exit_code == 1


def test_a_transposed_gradient_is_named():
    vector = next(each for each in vectors("matmul", 8) if each.inputs["A"].shape[0] != each.inputs["A"].shape[1])
    square = np.arange(9.0).reshape(3, 3)
    assert relation(square, square.T, np.full((3, 3), 1e-12)) == "transposed"
    (shape,) = [each for each in run_vector(vector, with_gradient(find_adapter("torch"), np.transpose))
                if each.array == "gradient.A"]  # fmt: skip
    assert shape.verdict == "shape"


@pytest.mark.parametrize(("change", "verdict"), [
    (lambda array: array.astype(np.float32), "dtype"),
    (lambda array: array[..., None], "shape"),
    (lambda array: array * np.nan, "nan"),
    (lambda array: None, "missing"),
    (lambda array: [[1.0], [2.0, 3.0]], "raised"),
    (lambda array: NotImplemented, "not implemented"),
    (lambda array: np.array(["text"] * array.size).reshape(array.shape), "dtype"),
])  # fmt: skip
def test_each_kind_of_wrong_answer_has_its_verdict(change, verdict):
    (vector,) = vectors("sigmoid", 1, dtypes=("float64",))
    found = run_vector(vector, with_gradient(find_adapter("torch"), change))
    assert [finding.verdict for finding in found if finding.array == "gradient.X"] == [verdict]


def test_a_float32_consumer_of_doubles_is_told_its_bound():
    (vector,) = vectors("sigmoid", 1, dtypes=("float64",))
    found = run_vector(vector, with_gradient(find_adapter("torch"), lambda array: array.astype(np.float32)))
    assert "within the bound of float32" in found[-1].message


def test_what_an_adapter_raises_is_a_finding():
    def broken(*_):
        raise ZeroDivisionError("by zero\nand more")

    (vector,) = vectors("sigmoid", 1, dtypes=("float64",))
    (finding,) = run_vector(vector, broken)
    assert (finding.verdict, finding.message) == ("raised", "ZeroDivisionError: by zero")
    (finding,) = run_vector(vector, lambda *_: {"Y": 1})
    assert "returns (outputs, gradients)" in finding.message


def test_an_adapter_that_leaves_the_program_is_a_finding_and_what_it_prints_is_no_part_of_the_report(capsys):
    def leaving(*_):
        print("noise")
        raise SystemExit(0)

    (vector,) = vectors("sigmoid", 1, dtypes=("float64",))
    found = run_vectors([vector], leaving)
    assert [finding.message for finding in found.failures] == ["SystemExit: 0"]
    assert found.exit_code == 1
    assert capsys.readouterr().out == ""


def test_an_adapter_that_writes_into_its_inputs_harms_nobody():
    def writing(operation, parameters, inputs, upstream):
        said = find_adapter("torch")(operation, parameters, inputs, upstream)
        for array in (*inputs.values(), *upstream.values()):
            array[...] = 0
        return said

    (vector,) = vectors("sigmoid", 1, dtypes=("float64",))
    for _ in range(2):
        assert run_vectors([vector], writing).failures == []


def test_beyond_the_bound_at_a_label_is_counted_apart():
    vector = next(each for each in vectors("relu", 8) if "kink" in each.labels)
    one = with_gradient(find_adapter("torch"), lambda array: np.where(array == 0, 1, array).astype(array.dtype))
    found = run_vectors([vector], one)
    assert found.counts.get("labelled") == 1
    assert found.exit_code == 0


def test_a_report_is_data():
    found = run_vectors(vectors("tanh", 1), with_gradient(find_adapter("torch"), lambda array: array * np.inf))
    data = json.loads(json.dumps(found.as_data(), allow_nan=False))
    assert data["exit_code"] == 1
    assert {each["verdict"] for each in data["findings"]} == {"nan"}
    assert data["operations"]["tanh"]["pass"] == 2


# --- laws -------------------------------------------------------------------------------------------------------------

_SIGMOID = vectors("sigmoid", 1, dtypes=("float64",))[0]


@given(st.integers(0, 15), st.data())
@settings(deadline=None, max_examples=40)
def test_right_digits_are_those_that_were_left(digits, data):
    """An error of 10^-d in one entry leaves d digits there and all digits elsewhere."""
    right = _SIGMOID.gradients["X"]
    place = data.draw(st.integers(0, right.size - 1))
    got = right.copy()
    got.flat[place] *= 1 + 10.0**-digits
    found = entry_digits(_SIGMOID, "gradient.X", got).ravel()
    assert found[place] == pytest.approx(digits, abs=0.4)
    assert all(each == 16 for where, each in enumerate(found) if where != place)


def test_a_subnormal_number_has_no_digits_to_lose():
    """-2^-1060 has 14 bits in a double: 0 in its place is no loss of 16 digits."""
    right = _SIGMOID.gradients["X"].copy()
    right.flat[0], right.flat[1] = -(2.0**-1060), 2.0**-1022
    vector = replace(_SIGMOID, gradients={"X": right})
    found = entry_digits(vector, "gradient.X", np.zeros_like(right)).ravel()
    assert np.isnan(found[0])
    assert found[1] == 0


def test_another_convention_is_no_loss_of_digits():
    def of_both_sides(operation, parameters, inputs, upstream):
        outputs, gradients = find_adapter("torch")(operation, parameters, inputs, upstream)
        kink = inputs["X"] == 0
        return outputs, {"X": np.where(kink, upstream["Y"] / 2, gradients["X"])}

    row = next(row for row in measure_digits({"mine": of_both_sides}, ["relu"], count=8) if row.kind == "gradient")
    assert (row.fewest, row.convention) == (16, "kink")
    assert row.apart > 0
    assert "| relu | gradient | mine |" in report([row], "mine", 8)


@given(st.floats(0, 0.9), st.data())
@settings(deadline=None, max_examples=40)
def test_within_the_bound_passes_and_beyond_it_fails(share, data):
    right, bound = _SIGMOID.gradients["X"], _SIGMOID.bound("gradient.X")
    place = data.draw(st.integers(0, right.size - 1))
    for factor, verdict in ((share, "pass"), (2 + share, "failed")):
        got = right.copy()
        got.flat[place] += factor * bound.flat[place]
        finding = judged(_SIGMOID, "gradient.X", got)
        assert finding.verdict == verdict
        if verdict == "failed":
            assert finding.entry == tuple(np.unravel_index(place, right.shape))


# --- the tiny framework -----------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=6), st.lists(st.floats(0.25, 4), min_size=6, max_size=6))
@settings(deadline=None)
def test_the_tiny_framework_differentiates_as_complex_steps_do(numbers, weights):
    x, w = np.array(numbers), np.array(weights[: len(numbers)])

    def loss(x, w):
        return ((1 / (1 + np.exp(-x * w)) * np.sqrt(w) - x) ** 2).mean()

    left, right = Tensor(x), Tensor(w)
    mse(Mul(Sigmoid(left * right), Sqrt(right)), left).backward()
    for tensor, place in ((left, 0), (right, 1)):
        for entry in range(x.size):
            given_ = [x.astype(complex), w.astype(complex)]
            given_[place][entry] += 1e-30j
            assert tensor.grad[entry] == pytest.approx(loss(*given_).imag / 1e-30, abs=1e-12)


def test_a_tensor_that_is_read_several_times_is_passed_on_once():
    """Doubling 40 times by x + x: a walk along every path would take 2^40 steps."""
    x = result = Tensor([1.0, -1.0])
    for _ in range(40):
        result = result + result
    ReduceMean(ReLU(result)).backward()
    np.testing.assert_array_equal(x.grad, [2.0**39, 0])


def test_a_bias_gets_the_sum_over_the_rows():
    x, b = Tensor(np.zeros((3, 2))), Tensor(np.zeros(2))
    (x + b).backward(np.arange(6.0).reshape(3, 2))
    np.testing.assert_array_equal(b.grad, [6, 9])


# --- one's own --------------------------------------------------------------------------------------------------------


def test_hand_written_numpy_functions_are_an_adapter():
    relu = (
        lambda inputs, parameters: {"Y": np.maximum(inputs["X"], 0)},
        lambda inputs, upstream, parameters: {"X": upstream["Y"] * (inputs["X"] > 0)},
    )
    adapter = numpy_functions({"relu": relu})
    assert run_vectors(vectors("relu", 4), adapter).failures == []
    assert run_vectors(vectors("tanh", 1), adapter).counts == {"not implemented": 2}


#: The example of docs/fixtures.md.
OWN = """
import numpy as np

def adapter(operation, parameters, inputs, upstream):
    if operation != "tanh":
        return NotImplemented
    y = np.tanh(inputs["X"])
    return {"Y": y}, {"X": upstream["Y"] * (1 - y * y)}

number = 5
"""


def test_an_adapter_of_ones_own_is_imported_from_the_current_directory(tmp_path, monkeypatch):
    (tmp_path / "my_framework_adapter.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    found = run_vectors(vectors("tanh", 3), find_adapter("my_framework_adapter:adapter"))
    assert found.failures == []
    assert found.counts["pass"] >= 8
    with pytest.raises(UsageError, match=r"my_framework_adapter has no attribute adaptor; did you mean adapter\?"):
        find_adapter("my_framework_adapter:adaptor")
    with pytest.raises(UsageError, match="my_framework_adapter:number is a int; an adapter is a function"):
        find_adapter("my_framework_adapter:number")


@pytest.mark.parametrize(("name", "words"), [
    ("trch", "no adapter is called 'trch'; did you mean torch?"),
    ("keras", "no adapter is called 'keras'; there are torch, jax, autograd, numpy, tiny"),
    ("no_such_module_here:adapter", "there is no module no_such_module_here in"),
    ("a b:c", "an adapter is named module:attribute"),
    ("os:", "an adapter is named module:attribute"),
])  # fmt: skip
def test_an_adapter_that_is_not_there_is_one_clear_line(name, words):
    with pytest.raises(UsageError) as refused:
        find_adapter(name)
    assert words in refused.value.message
    assert "\n" not in refused.value.message


def test_a_module_that_fails_to_import_says_why(tmp_path, monkeypatch):
    (tmp_path / "broken_adapter.py").write_text("raise ValueError('no weights')\n")
    (tmp_path / "needy_adapter.py").write_text("import no_such_library_here\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="broken_adapter does not import: ValueError: no weights"):
        find_adapter("broken_adapter:adapter")
    with pytest.raises(UsageError, match="needy_adapter imports no_such_library_here, which is not installed"):
        find_adapter("needy_adapter:adapter")


# --- digits -----------------------------------------------------------------------------------------------------------


def test_saturated_derivatives_have_no_digits_and_the_framework_is_blamed(tmp_path):
    """tanh'(20) = 1 - tanh(20)^2 cancels in doubles: the certified value is 1.7e-17 or so, and torch says 0."""
    rows = measure_digits({"torch": find_adapter("torch")}, ["tanh", "sigmoid", "add"], count=6)
    found = {(row.operation, row.kind): row for row in rows}
    for name in ("tanh", "sigmoid"):
        row = found[name, "gradient"]
        assert row.fewest == 0
        assert abs(row.worst.at) > 18
        x = abs(row.worst.at) * (2 if name == "tanh" else 1)
        certified = (4 if name == "tanh" else 1) * np.exp(-x)
        assert 0 < abs(row.worst.certified) <= 4 * certified
        assert "cancel" in row.worst.reason
        assert found[name, "output"].fewest > 14
    assert found["add", "gradient"].fewest == 16
    assert "terms of size" in table(rows)
    page = report(rows, "torch", 6)
    assert "| 0.0 | sigmoid | gradient.X | torch | x = " in page
    figure(rows, tmp_path / "one.png")
    figure(rows, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
