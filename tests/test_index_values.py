"""Index equations mean what they say: random ones against loops in Python and np.einsum."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.evaluation import values
from derive.plain import formula
from derive.reading.equations import read_equations
from derive.writing import tree_of_term
from tests.thorough import examples

EXTENTS = {"i": 2, "j": 3, "k": 2, "l": 4}


def evaluated(text, arrays, **more):
    program = read_equations(text, **more)
    return values(program, {name: arrays[name] for name in program.input_names}, {})


@settings(max_examples=examples(120), deadline=None)
@given(
    st.lists(st.sampled_from("ij"), unique=True),
    st.lists(st.lists(st.sampled_from("ijkl"), min_size=1, max_size=3), min_size=1, max_size=3),
    st.integers(0, 99),
)
def test_a_sum_of_products_is_what_einsum_says(free, factors, seed):
    bound = [name for name in "ijkl" if name not in free and any(name in factor for factor in factors)]
    free = [name for name in free if any(name in factor for factor in factors)]
    source = np.random.default_rng(seed)
    arrays = {f"A{n}": source.normal(size=[EXTENTS[name] for name in factor]) for n, factor in enumerate(factors)}
    shapes = {name: array.shape for name, array in arrays.items()}
    body = "*".join(f"A{n}[{','.join(factor)}]" for n, factor in enumerate(factors))
    left = f"Z[{','.join(free)}]" if free else "Z"
    text = f"{left} = " + (f"sum({','.join(bound)}) " if bound else "") + body
    expected = np.einsum(",".join(map("".join, factors)) + "->" + "".join(free), *arrays.values())
    np.testing.assert_allclose(evaluated(text, arrays, shapes=shapes)["Z"], expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=examples(80), deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(1, 7), st.integers(1, 3), st.integers(1, 5),
    st.sampled_from(["sum", "mean", "max", "min", "prod"]),
)  # fmt: skip
def test_a_window_under_a_guard_is_0_outside(stride, dilation, padding, entries, kernel, rows, operator):
    source = np.random.default_rng(stride + 7 * entries)
    arrays = {"V": source.normal(size=entries), "K": source.normal(size=kernel)}
    at = f"{stride}*i + {dilation}*k - {padding}"
    text = f"Z : {rows}\nV : {entries}\nK : {kernel}\nZ[i] = {operator}(k) [0 <= {at} < {entries}]*V[{at}]*K[k]"
    function = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod}[operator]

    def read(i, k):
        place = stride * i + dilation * k - padding
        return arrays["V"][place] * arrays["K"][k] if 0 <= place < entries else 0.0

    expected = [function([read(i, k) for k in range(kernel)]) for i in range(rows)]
    np.testing.assert_allclose(evaluated(text, arrays)["Z"], expected, rtol=1e-12, atol=1e-15)


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))
def test_labels_remainders_and_quotients(classes, factor, seed):
    source = np.random.default_rng(seed)
    rows = 4
    y = source.integers(0, classes, rows)
    arrays = {"T": source.normal(size=(classes, 2)), "y": y, "x": source.normal(size=rows)}
    shapes = {name: array.shape for name, array in arrays.items()} | {"U": (rows * factor,)}
    text = (
        "z[n,j] = T[y[n],j]\nw[n,c] = [y[n] = c]*x[n]\nw : 4 x " + str(classes) + "\n"
        f"U[m] = [mod(m, {factor}) = 0]*x[floor(m/{factor})]"
    )
    answer = evaluated(text, arrays, shapes=shapes)
    np.testing.assert_array_equal(answer["z"], arrays["T"][y])
    np.testing.assert_array_equal(answer["w"], (y[:, None] == np.arange(classes)) * arrays["x"][:, None])
    stuffed = np.zeros(rows * factor)
    stuffed[::factor] = arrays["x"]
    np.testing.assert_array_equal(answer["U"], stuffed)


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(1, 6), st.integers(1, 3), st.booleans(), st.integers(0, 9))
def test_a_recurrence_runs_along_its_index(length, back, later, seed):
    source = np.random.default_rng(seed)
    arrays = {"c": 0.7, "u": source.normal(size=length)}
    guard, at = (f"[t + {back} < {length}]", f"t + {back}") if later else (f"[t >= {back}]", f"t - {back}")
    text = f"s[t] = {guard}*c*s[{at}] + u[t]\nr[t] = {guard}*q[{at}] + u[t]\nq[t] = sin(r[t])"
    answer = evaluated(text, arrays, shapes={"u": (length,)})
    s, r = np.zeros(length), np.zeros(length)
    for t in reversed(range(length)) if later else range(length):
        before = t + back if later else t - back
        inside = 0 <= before < length
        s[t] = (0.7 * s[before] if inside else 0.0) + arrays["u"][t]
        r[t] = (np.sin(r[before]) if inside else 0.0) + arrays["u"][t]
    np.testing.assert_allclose(answer["s"], s, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(answer["q"], np.sin(r), rtol=1e-13, atol=1e-15)


def test_a_softmax_row_by_row_and_its_cross_entropy():
    source = np.random.default_rng(0)
    arrays = {"Z": source.normal(size=(3, 4)), "y": np.array([0, 3, 1])}
    text = "L = -mean(n) (Z[n,y[n]] - log(sum(c) exp(Z[n,c])))"
    shifted = np.exp(arrays["Z"])
    expected = -np.mean(np.log(shifted / shifted.sum(1, keepdims=True))[np.arange(3), arrays["y"]])
    np.testing.assert_allclose(evaluated(text, arrays, shapes={"Z": (3, 4)})["L"], expected, rtol=1e-13)


@pytest.mark.parametrize(
    "text",
    [
        "V : 6 x 5\nK : 2 x 2\nZ[i,j] = sum(k,l) V[2*i+k,j+l]*K[k,l] + b[j]",
        "Z : 5 x 4\nK : 3 x 1\nZ[i,j] = sum(k) [0 <= i+k-1 < 5]*V[i+k-1,j]*K[k,0]",
        "V : 5 x 5\nz[i] = max(j) V[i,j]/(1 + V[0,1]^2) - mean(k) sin(V[k,i])",
        "V : 6 x 5\nK : 6 x 3\nb : 3\nY = relu(V^T K + b)\nL = norm(Y)^2/2",
        "b : 4\ns[t] = [t >= 1]*tanh(s[t-1]) + b[t]\nL = prod(t) (1 + s[t]^2)",
        "U : 8\nb : 4\nU[m] = [mod(m, 2) = 0]*b[floor(m/2)]",
        "Q : 3 x 2\nP = softmax(Q Q^T/sqrt(2))\nZ = P Q + ones(3) c^T\nc : 2",
        "A : 2 x 3\nz = sum(i) i*A[i,0]/2 + sum(i,j) [i < j]*A[i,j] - min(i) max(j) A[i,j]",
    ],
)
def test_what_is_printed_reads_back_with_the_same_values(text):
    program = read_equations(text)
    source = np.random.default_rng(1)
    shapes = {name: [part.index.stop.value for part in head.indices] for name, head in program.heads.items()}
    arrays = {name: source.normal(size=shapes[name]) for name in program.input_names}
    lines = [f"{name} : {' x '.join(map(str, shape)) or 'scalar'}" for name, shape in shapes.items()]
    lines += [f"{formula(tree_of_term(line.left))} = {formula(tree_of_term(line.term))}" for line in program]
    again = read_equations("\n".join(lines))
    first, second = values(program, arrays, {}), values(again, arrays, {})
    for name in program.by_name:
        np.testing.assert_allclose(second[name], first[name], rtol=1e-13)


def test_every_read_under_a_false_guard_is_left_out():
    answer = evaluated("x : 3\nz : 4\nz[i] = [i < 3]*log(x[i])", {"x": np.array([1.0, 0.5, 2.0])})
    np.testing.assert_allclose(answer["z"], [0, np.log(0.5), np.log(2), 0])
    for i, j in itertools.product(range(2), repeat=2):
        answer = evaluated(f"A : 2 x 2\nz = A[{i},{j}]", {"A": np.arange(4.0).reshape(2, 2)})
        assert answer["z"] == 2 * i + j
