"""Whole arrays: every expression has the value NumPy gives it, and what has two readings is refused with both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ReadingError
from derive.evaluation import values
from derive.index import text_of
from derive.plain import formula
from derive.reading.equations import read_equations
from derive.writing import tree_of_term
from tests.thorough import examples

SIZES = {"m": 2, "n": 3, "p": 4}
SHAPES = {
    "A": "mn", "A2": "mn", "B": "np", "B2": "np", "C": "pm", "C2": "pm", "M": "nn", "N": "nn", "P2": "mm", "R": "pp",
    "u": "m", "u2": "m", "v": "n", "v2": "n", "w": "p", "c": "", "d": "",
}  # fmt: skip
DECLARATIONS = "\n".join(f"{name} : {' x '.join(shape) or 'scalar'}" for name, shape in SHAPES.items())


def arrays(seed=0):
    source = np.random.default_rng(seed)
    return {name: source.uniform(0.2, 1.5, [SIZES[size] for size in shape]) for name, shape in SHAPES.items()}


def program_of(text):
    return read_equations(f"{DECLARATIONS}\n{text}")


def value_of(text, seed=0):
    program = program_of(f"Q = {text}")
    given_arrays = {name: array for name, array in arrays(seed).items() if name in program.input_names}
    return np.asarray(values(program, given_arrays, SIZES)["Q"])


def printed(text):
    program = program_of(f"Q = {text}")
    return formula(tree_of_term(program.by_name["Q"].term))


# --- laws -------------------------------------------------------------------------------------------------------------

LEAVES = {shape: [name for name, own in SHAPES.items() if own == shape] for shape in dict.fromkeys(SHAPES.values())}


@st.composite
def expressions(draw, shape, depth):
    """(text, function of the arrays) of an expression of a shape: sizes by letter, a matrix product inside is free."""
    names = LEAVES.get(shape, [])
    kinds = ["negative", "sum", "times", "entrywise", "function"] + ["leaf"] * 2 * bool(names)
    if len(shape) == 2:
        kinds += ["product", "transpose", "outer", "vector"]
    elif len(shape) == 1:
        kinds += ["apply", "softmax", "quotient"]
    else:
        kinds += ["dot", "form", "norm", "total", "trace", "number"]
    if depth <= 0 and (names or not shape):
        kinds = ["leaf" if names else "number"]
    kind = draw(st.sampled_from(kinds))

    def part(own):
        return draw(expressions(own, depth - 1))

    if kind == "leaf":
        name = draw(st.sampled_from(names))
        return name, lambda a: a[name]
    if kind == "number":
        number = draw(st.sampled_from(["2", "0.5", "3"]))
        return number, lambda a: float(number)
    if kind == "transpose":
        (one, f) = part(shape[::-1])
        return f"({one})^T", lambda a: f(a).T
    if kind == "product":
        inner = draw(st.sampled_from("mnp"))
        (one, f), (two, g) = part(shape[0] + inner), part(inner + shape[1])
        sign = draw(st.sampled_from([" ", " @ "]))
        return f"({one}){sign}({two})", lambda a: f(a) @ g(a)
    if kind == "outer":
        (one, f), (two, g) = part(shape[0]), part(shape[1])
        return f"({one}) ({two})^T", lambda a: np.outer(f(a), g(a))
    if kind == "vector":  # a vector is repeated along the axis it does not have
        axis = draw(st.sampled_from([0, 1]))
        (one, f), (two, g) = part(shape), part(shape[axis])
        if shape[0] == shape[1]:
            return f"({one}) + ones({shape[0]}) ({two})^T", lambda a: f(a) + g(a)[None, :]
        return f"({one}) + ({two})", lambda a: f(a) + (g(a)[:, None] if axis == 0 else g(a)[None, :])
    if kind == "apply":
        inner = draw(st.sampled_from("mnp"))
        (one, f), (two, g) = part(shape + inner), part(inner)
        return f"({one}) ({two})", lambda a: f(a) @ g(a)
    if kind == "softmax":
        (one, f) = part(shape)
        return f"softmax({one})", lambda a: np.exp(f(a)) / np.exp(f(a)).sum()
    if kind == "quotient":
        (one, f) = part(shape)
        return f"({one})/(1 + norm({one})^2)", lambda a: f(a) / (1 + (f(a) ** 2).sum())
    if kind == "dot":
        size = draw(st.sampled_from("mnp"))
        (one, f), (two, g) = part(size), part(size)
        return f"({one})^T ({two})", lambda a: f(a) @ g(a)
    if kind == "form":
        first, second = draw(st.sampled_from(["mn", "np", "nn"]))
        (one, f), (two, g), (three, h) = part(first), part(first + second), part(second)
        return f"({one})^T ({two}) ({three})", lambda a: f(a) @ g(a) @ h(a)
    if kind == "norm":
        (one, f) = part(draw(st.sampled_from(["m", "np"])))
        return f"norm({one})", lambda a: np.sqrt((f(a) ** 2).sum())
    if kind == "total":
        (one, f) = part(draw(st.sampled_from(["n", "mn"])))
        name = draw(st.sampled_from(["sum", "mean", "max", "min", "prod"]))
        return f"{name}({one})", lambda a: getattr(np, name)(f(a))
    if kind == "trace":
        (one, f) = part(draw(st.sampled_from(["nn", "mm"])))
        return f"tr({one})", lambda a: np.trace(f(a))
    if kind == "negative":
        (one, f) = part(shape)
        return f"-({one})", lambda a: -f(a)
    if kind == "sum":
        (one, f), (two, g) = part(shape), part(draw(st.sampled_from([shape, ""])))
        sign = draw(st.sampled_from("+-"))
        return f"({one}) {sign} ({two})", lambda a: f(a) + g(a) if sign == "+" else f(a) - g(a)
    if kind == "times":
        (one, f), (two, g) = part(""), part(shape)
        return f"({one})*({two})", lambda a: f(a) * g(a)
    if kind == "entrywise":
        (one, f), (two, g) = part(shape), part(shape)
        sign, operation = draw(st.sampled_from([(".*", np.multiply), ("./", lambda x, y: x / (1 + y**2))]))
        return (f"({one}) {sign} ({two})", lambda a: f(a) * g(a)) if sign == ".*" else (
            f"({one}) ./ (1 + ({two}) .^ 2)", lambda a: operation(f(a), g(a)))  # fmt: skip
    (one, f) = part(shape)
    name, function = draw(
        st.sampled_from([("tanh", np.tanh), ("relu", lambda x: np.maximum(x, 0)), ("sin", np.sin), ("abs", np.abs)])
    )
    return f"{name}({one})", lambda a: function(f(a))


@settings(max_examples=examples(150), deadline=None)
@given(
    st.sampled_from(["", "n", "m", "mn", "np", "nn"]).flatmap(lambda shape: expressions(shape, 3)), st.integers(0, 9)
)
def test_an_expression_has_the_value_that_numpy_gives_it(pair, seed):
    text, meaning = pair
    with np.errstate(all="ignore"):
        expected = np.asarray(meaning(arrays(seed)), dtype=float)
        if not np.all(np.isfinite(expected)) or np.abs(expected).max() > 1e12:
            return
        np.testing.assert_allclose(value_of(text, seed), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("softmax(A)", lambda a: np.exp(a["A"]) / np.exp(a["A"]).sum(1, keepdims=True)),
        ("logsoftmax(v)", lambda a: a["v"] - np.log(np.exp(a["v"]).sum())),
        ("logsoftmax(A B)", lambda a: (z := a["A"] @ a["B"]) - np.log(np.exp(z).sum(1, keepdims=True))),
        ("softmax(M M^T/sqrt(n)) M", lambda a: softmax(a["M"] @ a["M"].T / np.sqrt(3)) @ a["M"]),
        ("diag(v)", lambda a: np.diag(a["v"])),
        ("diag(M)", lambda a: np.diag(a["M"])),
        ("u ones(p)^T", lambda a: np.outer(a["u"], np.ones(4))),
        ("ones(m, n)", lambda a: np.ones((2, 3))),
        ("A + v", lambda a: a["A"] + a["v"]),
        ("A + u", lambda a: a["A"] + a["u"][:, None]),
        ("A .* v", lambda a: a["A"] * a["v"]),
        ("M + v^T", lambda a: a["M"] + a["v"]),
        ("max(v, v2)", lambda a: np.maximum(a["v"], a["v2"])),
        ("[A > 1] .* A", lambda a: (a["A"] > 1) * a["A"]),
        ("c^2 + e^d", lambda a: a["c"] ** 2 + np.exp(a["d"])),
        ("v .^ c", lambda a: a["v"] ** a["c"]),
        ("(A v)^T u", lambda a: a["A"] @ a["v"] @ a["u"]),
        ("u^T A B w", lambda a: a["u"] @ a["A"] @ a["B"] @ a["w"]),
        ("norm(M v - v2)^2", lambda a: ((a["M"] @ a["v"] - a["v2"]) ** 2).sum()),
        ("norm(A)^4", lambda a: (a["A"] ** 2).sum() ** 2),
        ("tr(A M A^T)", lambda a: np.trace(a["A"] @ a["M"] @ a["A"].T)),
        ("v - mean(v)", lambda a: a["v"] - a["v"].mean()),
        ("sum(i) v[i]*norm(v)", lambda a: a["v"].sum() * np.sqrt((a["v"] ** 2).sum())),
        ("sum(i) M[i,i] v^T v2", lambda a: np.trace(a["M"]) * (a["v"] @ a["v2"])),
        ("n*v/m", lambda a: 1.5 * a["v"]),
    ],
)
def test_the_functions_of_whole_arrays(text, meaning):
    np.testing.assert_allclose(value_of(text), meaning(arrays()), rtol=1e-12)


def softmax(z):
    return np.exp(z) / np.exp(z).sum(1, keepdims=True)


# --- what the terms look like -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("u^T A v", "sum(i, j) u[i]*A[i, j]*v[j]"),
        ("A B C", "sum(k, l) A[i, k]*B[k, l]*C[l, j]"),
        ("u v^T", "u[i]*v[j]"),
        ("A^T", "A[j, i]"),
        ("norm(v)^2", "sum(i) v[i]^2"),
        ("norm(v)", "sqrt(sum(i) v[i]^2)"),
        ("A v + u", "sum(j) A[i, j]*v[j] + u[i]"),
        ("tr(M N)", "sum(i, j) M[i, j]*N[j, i]"),
        ("mean(A)", "1/(m*n)*sum(i, j) A[i, j]"),
        ("sum(k) v[k] v", "sum(k) v[k]*v[i]"),
    ],
)
def test_a_whole_array_becomes_the_terms_one_would_write(text, term):
    assert printed(text) == term


def test_indices_avoid_the_names_of_the_author():
    program = read_equations("i : 3\nk : 3 x 3\nz = k i")
    names = {index.name for index in program.by_name["z"].indices}
    assert names == {"j"}
    assert formula(tree_of_term(program.by_name["z"].term)) == "sum(l) k[j, l]*i[l]"


def test_the_argument_of_softmax_is_worked_out_once():
    program = program_of("Q = softmax(M N)")
    assert [equation.name for equation in program] == ["Q.1", "Q"]
    assert program.outputs == ("Q",)
    assert len(program_of("Q = softmax(M)")) == 1


def test_index_lines_and_whole_arrays_mix():
    program = read_equations("W : m x n\nY = tanh(W x + b)\nx : n\nb : m\nz[k] = Y[k]*b[k] + norm(x)\nL = z^T z")
    assert program.outputs == ("L",)
    assert [text_of(part.index.stop) for part in program.heads["z"].indices] == ["m"]
    assert len({index.name for index in program.by_name["Y"].indices}) == 1


# --- what has two readings, or does not fit ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("A * A2", ("write A A2 (or A @ A2)", "A .* A2", "A is m x n")),
        ("u * u2", ("u .* u2",)),
        ("A^2", ("write A A ", "A .^ 2")),
        ("v^2", ("v^T v", "v .^ 2")),
        ("2^v", ("2 .^ v",)),
        ("1/v", ("1 ./ v",)),
        ("A/A2", ("A ./ A2",)),
        ("A A2", ("A is m x n and A2 is m x n", "n is not m")),
        ("A B A", ("(A B) is m x p and A is m x n",)),
        ("A u", ("A is m x n and u is m",)),
        ("A + B", ("A is m x n and B is n x p",)),
        ("u + v", ("u is m and v is n",)),
        ("u .* v", ("u is m and v is n",)),
        ("M + v", ("fits both axes", "ones(n) v^T", "M is n x n and v is n")),
        ("A + w", ("fits neither axis", "A is m x n and w is p")),
        ("u v", ("u^T v", "u v^T", "u .* v")),
        ("u^T + u", ("1 x m",)),
        ("u^T", ("a row",)),
        ("A u^T", ("the row",)),
        ("c @ A", ("@ is the product of two arrays",)),
        ("c @ d", ("write *",)),
        ("tr(A)", ("square", "m x n")),
        ("tr(v)", ("square",)),
        ("softmax(c)", ("a number",)),
        ("max(u, v)", ("u is m and v is n",)),
        ("A (B + w) + ones(m) u", ("to its right",)),
    ],
)
def test_what_does_not_fit_is_refused_with_shapes_and_ways_out(text, pieces):
    with pytest.raises(ReadingError) as caught:
        program_of(f"Q = {text}")
    error = caught.value
    assert all(piece in error.message for piece in pieces), error.message
    assert (error.line, error.text) == (len(SHAPES) + 1, f"Q = {text}")
    assert "\n" not in error.message


def test_a_declared_result_must_have_the_shape_of_the_right_side():
    with pytest.raises(ReadingError, match="Q is m x m and the right side is m x p"):
        program_of("Q : m x m\nQ = A B")
    with pytest.raises(ReadingError, match="Q is m and the right side is m x p"):
        program_of("Q : m\nQ = A B")
    with pytest.raises(ReadingError, match="an array of shape m; write its entries, as in u"):
        program_of("q[i] = u[i] + u")
