"""Fixtures: planned from the name, certified to the last digit, the same bytes every time."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive.errors import UndecidedError, UsageError
from derive.evaluation.exact import Certified, Decimals
from derive.fixtures.cases import cases
from derive.fixtures.certify import evaluated, round_balls
from derive.fixtures.folder import Task, write_fixtures
from derive.fixtures.making import Maker
from derive.fixtures.operations import find_operation, operations
from derive.fixtures.own import own_operation
from derive.fixtures.stream import Stream

BOTH = ("float64", "float32")


def nearest(value: Fraction, bits: int, least: int) -> float:
    """The nearest number with so many bits and no bit below 2^least, half to even, by whole numbers alone."""
    if value == 0:
        return 0.0
    size = abs(value)
    exponent = max(math.floor(math.log2(size.numerator) - math.log2(size.denominator)) - bits - 2, least)
    while size / Fraction(2) ** exponent >= 2**bits:
        exponent += 1
    rounded = round(size / Fraction(2) ** exponent)
    return math.copysign(float(rounded * Fraction(2) ** exponent), value)


@settings(max_examples=300, deadline=None)
@given(st.integers(-(2**160), 2**160), st.integers(-1300, 20), st.integers(1, 10**6))
def test_a_ball_is_rounded_to_the_nearest_number(mantissa, exponent, divisor):
    """Held against rounding by whole numbers; subnormal numbers and exact ties are among them."""
    value = Fraction(mantissa) * Fraction(2) ** exponent / divisor
    if abs(value) > 1e37:
        return
    arithmetic = Certified(1500)
    with arithmetic.precision():
        ball = arithmetic.number(value)
        double, error = round_balls(np.array([ball], dtype=object), "float64", arithmetic)
        single, _ = round_balls(np.array([ball], dtype=object), "float32", arithmetic)
    assert double[0] == nearest(value, 53, -1074)
    assert single[0] == np.float32(nearest(value, 24, -149))
    assert abs(Fraction(float(double[0])) - value) <= Fraction(error)


@given(st.integers(1, 2**23 - 1), st.integers(-60, 60))
def test_what_lies_half_way_between_two_float32_is_rounded_once(odd, exponent):
    """A true value just beyond the middle, whose nearest double is the middle itself."""
    middle = Fraction(2 * (2**23 + odd) + 1) * Fraction(2) ** (exponent - 1)
    beyond = middle + Fraction(2) ** (exponent - 60)
    arithmetic = Certified(400)
    with arithmetic.precision():
        (above,), _ = round_balls(np.array([arithmetic.number(beyond)], dtype=object), "float32", arithmetic)
    assert Fraction(float(above)) == Fraction(2**23 + odd + 1) * Fraction(2) ** exponent


def test_a_ball_that_rounds_two_ways_is_not_rounded():
    arithmetic = Certified(100)
    with arithmetic.precision(), pytest.raises(UndecidedError):
        wide = arithmetic.kind(1) / 3 + arithmetic.kind(0, "1e-12")
        round_balls(np.array([wide], dtype=object), "float64", arithmetic)


def decimals_for(vector):
    """60, and as many more as the largest numbers have in front: two sums that are subtracted keep 60."""
    arrays = (*vector.inputs.values(), *vector.outputs.values(), *vector.scales.values())
    largest = max(float(np.max(np.abs(array), initial=1.0)) for array in arrays)
    return Decimals(60 + 2 * math.ceil(math.log10(largest)))


def differences(maker, case, vector, entry):
    """A gradient's entry by central differences of the forward pass alone, in 60 decimals or more."""
    derived = maker.derived(case)
    program = derived.answer.program
    decimals = decimals_for(vector)
    name, place = entry
    step = decimals.context.mpf(10) ** -25
    sides = []
    for sign in (1, -1):
        arrays = {key: decimals.array(array) if array.dtype.kind == "f" else array
                  for key, array in vector.inputs.items() if key in program.heads}  # fmt: skip
        moved = arrays[name].copy()
        moved[place] = moved[place] + sign * step
        arrays[name] = moved
        stage = type(derived.stage)((program,), derived.stage.heads)
        known, _ = evaluated([stage], arrays, maker.sizes(case, derived), decimals)
        seeds = vector.upstream or {vector_output(derived): np.array(1.0)}
        total = decimals.context.mpf(0)
        for output, seed in seeds.items():
            total += sum((one * float(two) for one, two in zip(np.ravel(known[output]), np.ravel(seed), strict=True)),
                         decimals.context.mpf(0))  # fmt: skip
        sides.append(total)
    return (sides[0] - sides[1]) / (2 * step)


def vector_output(derived):
    return derived.answer.derivation.loss


SOME = ("linear", "softmax", "batchnorm", "tanh", "huber", "griewank", "adam", "mlp", "softmax_cross_entropy", "gru")


def certified_against_differences(name, number):
    maker = Maker(find_operation(name), {}, seed=1)
    case = next(islice(cases(maker.operation, {}, number + 1, 1), number, None))
    (vector,) = maker.made(case, ("float64",))
    if {"kink", "tie"} & set(vector.labels):
        return
    stream = Stream("entries to look at", name, number)
    for array, gradient in vector.gradients.items():
        place = tuple(stream.below(extent) for extent in gradient.shape)
        expected = differences(maker, case, vector, (array, place))
        found = float(gradient[place])
        scale = float(vector.scales[f"gradient.{array}"][place])
        assert abs(expected - found) <= abs(found) * 2.0**-52 + 1e-22 * scale + 1e-32


@pytest.mark.parametrize("name", SOME)
def test_gradients_agree_with_differences_in_sixty_decimals(name):
    """A second method: mpmath, and no derivative of anything."""
    certified_against_differences(name, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(operations()))
def test_all_gradients_agree_with_differences(name):
    for number in range(6):
        certified_against_differences(name, number)


def test_saturated_derivatives_have_all_their_digits():
    """tanh'(20) and sigmoid'(40), for which the formulas of frameworks have no digit."""
    import mpmath

    for name, derivative in (("tanh", lambda x: 1 / mpmath.cosh(x) ** 2),
                             ("sigmoid", lambda x: mpmath.exp(-x) / (1 + mpmath.exp(-x)) ** 2)):  # fmt: skip
        seen, maker = 0, Maker(find_operation(name), {})
        far = [case for case in cases(maker.operation, {}, 20, 0) if case.draw == "saturated"]
        for case in far[:2]:
            (vector,) = maker.made(case, ("float64",))
            assert "saturated" in vector.labels
            x, g, found = (np.ravel(each) for each in (vector.inputs["X"], vector.upstream["Y"], vector.gradients["X"]))
            with mpmath.workdps(60):
                for one, seed, got in zip(x, g, found, strict=True):
                    true = mpmath.mpf(float(seed)) * derivative(mpmath.mpf(float(one)))
                    assert abs(got - true) <= max(abs(true) * mpmath.mpf(2) ** -53, mpmath.mpf(2) ** -1075)
                    seen += 1
        assert seen > 10


def test_the_bound_of_an_entry_is_its_own():
    """Numbers of 10^15 stand beside numbers of 1, which are known to 10^-16 and held to 10^-12 all the same."""
    maker = Maker(find_operation("exponential"), {})
    case = next(islice(cases(maker.operation, {}, 6, 0), 5, None))
    vector, _ = maker.made(case, BOTH)  # beyond 10^38 a float32 would overflow, so this is drawn again
    number = np.abs(vector.outputs["Y"])
    assert number.max() > 1e12 * np.median(number)
    normal = number > 1e-2
    assert (vector.bound("output.Y")[normal] / number[normal]).max() < 1e-10


@pytest.mark.parametrize(("name", "number", "seed"), [("softmax_cross_entropy", 5, 0), ("softmax_cross_entropy", 5, 1),
                                                      ("attention", 9, 0)])  # fmt: skip
def test_no_bound_is_infinite(name, number, seed):
    """Drawn far out, the magnified errors of a quotient by exp(-560) overflow: it is drawn again."""
    maker = Maker(find_operation(name), {}, seed)
    case = next(islice(cases(maker.operation, {}, number + 1, seed), number, None))
    (vector,) = maker.made(case, ("float64",))
    assert all(np.isfinite(vector.bound(key)).all() for key in vector.expected)


# --- plans ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["conv2d", "linear", "max_pool2d", "relu", "mlp"])
def test_a_case_is_the_same_however_many_are_asked_for(name):
    operation = find_operation(name)
    few, many = list(cases(operation, {}, 5, 3)), list(cases(operation, {}, 12, 3))
    assert few == many[:5]
    assert list(cases(operation, {}, 5, 4)) != few


def test_cases_cover_what_finds_bugs():
    covered = {}
    for name in ("conv2d", "max_pool2d", "linear", "relu"):
        covered[name] = {word for case in cases(find_operation(name), {}, 20, 0) for word in case.covers}
    for word in ("size 1", "batch 1", "distinct sizes", "remainder", "stride > kernel", "dilation", "groups",
                 "asymmetric padding"):  # fmt: skip
        assert word in covered["conv2d"], word
    assert {"remainder", "size 1"} <= covered["max_pool2d"]
    assert {"batch 1", "distinct sizes", "broadcasting", "empty"} <= covered["linear"]
    assert {"large", "integers", "saturated"} <= covered["relu"]


def test_kinks_and_ties_are_labelled():
    found = {name: set() for name in ("relu", "max_pool1d", "tanh", "matmul")}
    for name, labels in found.items():
        for _, (vector,) in Maker(find_operation(name), {}).vectors(8):
            labels |= set(vector.labels)
            if name == "relu" and "kink" in vector.labels:
                at = vector.inputs["X"] == 0
                assert at.any() and (vector.gradients["X"][at] == 0).all()
    assert "kink" in found["relu"] and "tie" in found["max_pool1d"]
    assert "saturated" in found["tanh"] <= {"saturated", "ill-conditioned"} and found["matmul"] == set()


def test_upstream_gradients_and_inputs_are_not_special():
    for name in ("linear", "conv2d", "softmax", "matmul"):
        for _, (vector,) in Maker(find_operation(name), {}).vectors(4):
            for seed in vector.upstream.values():
                assert seed.size == 1 or len(set(np.ravel(seed).tolist())) > 1
            for array in vector.inputs.values():
                if array.ndim == 2 and array.shape[0] == array.shape[1] > 1:
                    assert not np.array_equal(array, array.T)


def test_both_precisions_have_the_same_inputs():
    for _, (double, single) in Maker(find_operation("lstm"), {}).vectors(3, BOTH):
        for name, array in double.inputs.items():
            assert np.array_equal(array, single.inputs[name].astype(np.float64))
        for key, array in double.expected.items():
            assert single.expected[key].dtype == np.float32
            assert np.all(np.abs(array - single.expected[key]) <= np.spacing(np.abs(single.expected[key]).astype("f4")))


# --- on disk ----------------------------------------------------------------------------------------------------------


def tasks(*names, count=3, **given):
    return [Task(find_operation(name), given, count, 0, BOTH) for name in names]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_written_is_read_again_and_the_same_every_time(tmp_path):
    write_fixtures(tmp_path / "a", tasks("conv2d", "embedding"))
    write_fixtures(tmp_path / "b", tasks("conv2d", "embedding"), jobs=2)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    loaded = derive.load_fixtures(tmp_path / "a")
    assert len(loaded) == 6
    made = iter(vector for name in ("conv2d", "embedding")
                for _, pair in Maker(find_operation(name), {}).vectors(3, BOTH) for vector in pair)  # fmt: skip
    for fixture in loaded:
        for dtype in fixture.dtypes:
            one, two = fixture.vector(dtype), next(made)
            assert (one.operation, one.number, one.dtype, one.labels, one.terms) == (
                two.operation, two.number, two.dtype, two.labels, two.terms)  # fmt: skip
            assert one.parameters == two.parameters and one.equations == two.equations
            for own, other in ((one.inputs, two.inputs), (one.upstream, two.upstream), (one.expected, two.expected),
                               (one.scales, two.scales)):  # fmt: skip
                assert own.keys() == other.keys()
                assert all(np.array_equal(own[key], other[key]) and own[key].dtype == other[key].dtype for key in own)


def test_json_and_npz_say_the_same_numbers(tmp_path):
    write_fixtures(tmp_path / "a", tasks("tanh", "softmax", count=6))
    for fixture in derive.load_fixtures(tmp_path / "a"):
        for dtype in fixture.dtypes:
            vector = fixture.vector(dtype)
            data = json.loads((fixture.folder / f"{dtype}.json").read_text())
            for key, array in vector.expected.items():
                row = data[key]
                assert row["shape"] == list(array.shape) and row["dtype"] == array.dtype.name
                decimals = np.array(row["values"], dtype=array.dtype).reshape(array.shape)
                hexadecimal = np.array([float.fromhex(word) for word in row["hex"]]).reshape(array.shape)
                assert np.array_equal(decimals, array) and np.array_equal(hexadecimal, array.astype(np.float64))


def test_equations_of_ones_own_have_fixtures(tmp_path):
    operation = own_operation("Z[i,j] = sum(k,l) V[2*i+k,j+l]*K[k,l]\nupstream Z = G\n", "mine")
    write_fixtures(tmp_path / "own", [Task(operation, {}, 4, 0, BOTH)])
    for fixture in derive.load_fixtures(tmp_path / "own"):
        vector = fixture.vector()
        image, kernel, seed = vector.inputs["V"], vector.inputs["K"], vector.upstream["Z"]
        gradient = np.zeros_like(kernel)
        for (i, j), g in np.ndenumerate(seed):
            gradient += g * image[2 * i : 2 * i + kernel.shape[0], j : j + kernel.shape[1]]
        assert np.allclose(gradient, vector.gradients["K"], rtol=1e-12, atol=1e-12)


def test_second_derivatives_are_certified_too(tmp_path):
    operation = find_operation("rosenbrock")
    for _, (vector,) in Maker(operation, {}, second=True).vectors(4):
        x, y = float(vector.inputs["x1"]), float(vector.inputs["x2"])
        x_, y_ = Fraction(x), Fraction(y)
        exact = {"x1,x1": 1200 * x_**2 - 400 * y_ + 2, "x1,x2": -400 * x_, "x2,x1": -400 * x_, "x2,x2": Fraction(200)}
        assert {key: float(value) for key, value in vector.second.items()} == {
            key: float(value) for key, value in exact.items()
        }


def test_the_names_of_a_small_framework_are_known():
    for name in ("ReduceMean", "Add", "Mul", "MatMul", "ReLU", "Sigmoid", "Neg", "Sqrt", "mse"):
        assert find_operation(name).name in operations()


def test_an_unknown_operation_is_named_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean conv2d"):
        find_operation("conv2")


def test_blocks_say_what_the_whole_says(monkeypatch):
    """Large arrays are worked out block by block; the blocks are put together in their order."""
    from derive.fixtures import certify

    whole = [pair for _, pair in Maker(find_operation("softplus"), {}, shapes={"X": (7, 3, 5)}).vectors(2, BOTH)]
    monkeypatch.setattr(certify, "BLOCK", 8)
    parts = [pair for _, pair in Maker(find_operation("softplus"), {}, shapes={"X": (7, 3, 5)}).vectors(2, BOTH)]
    for one, two in zip((v for pair in whole for v in pair), (v for pair in parts for v in pair), strict=True):
        assert one.gradients["X"].shape == (7, 3, 5)
        assert one.errors == two.errors
        for key, array in one.expected.items():
            assert np.array_equal(array, two.expected[key]) and np.array_equal(one.scales[key], two.scales[key])


def test_shapes_that_are_given_are_kept_and_others_vary():
    sizes = set()
    for case in cases(find_operation("linear"), {"weights": "Wx", "layout": "row"}, 8, 0, {"W": (3, 5)}):
        shapes = case.shapes
        assert shapes["W"] == (3, 5) and shapes["X"][-1] == 5
        sizes.add(shapes["X"][0])
    assert len(sizes) > 2
    with pytest.raises(UsageError, match="D is"):
        next(cases(find_operation("linear"), {}, 1, 0, {"W": (3, 5), "X": (2, 4)}))


def test_a_number_may_be_asked_for_by_its_shape():
    """A shape without axes is a shape: it is not taken for none."""
    for case in cases(find_operation("relu"), {}, 4, 0, {"X": ()}):
        assert case.shapes["X"] == ()
