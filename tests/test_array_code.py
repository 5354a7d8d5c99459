"""Array code: NumPy = torch = loops = the evaluator, on every layer and on random terms; and what it looks like."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from derive import terms
from derive.codegen.arrays import array_source, compiled, loops_source, numpy_source, torch_source
from derive.codegen.load import compiled as load
from derive.errors import DeriveError, UsageError
from derive.evaluation import environment_of, value_of, values
from derive.gradients import Gradients, gradients
from derive.integers import Index, IntegerEntry, Size, floor, integer
from derive.program import Equation, Program
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import LAYERS
from derive.terms import Apply, Chain, Comparison, Divides, Entry, Opaque, entry, guard, multiply, power, total, within
from tests.index_terms import M, N, free, heads, index_terms, settings_of
from tests.layer_cases import cases
from tests.thorough import examples

torch = pytest.importorskip("torch")

TARGETS = ("numpy", "torch", "loops")
RELAXED = {"deadline": None, "suppress_health_check": list(HealthCheck)}
MANY = {"conv1d": 12, "conv2d": 8, "conv_transpose1d": 8, "conv_transpose2d": 5, "max_pool2d": 6, "avg_pool2d": 5}


# --- running emitted code ---------------------------------------------------------------------------------------------


def run(target: str, equations: Sequence[Equation], program: Program, given_: Mapping[str, Any], **options: Any) -> Any:
    """The results by name, of arrays and sizes by name."""
    source = array_source(target, equations, program, **options)
    arguments = [given_[name] for name in source.parameters]
    if target == "torch":
        arguments = [
            torch.as_tensor(value) if np.ndim(value) or isinstance(value, (float, np.floating)) else value
            for value in (a.copy() if isinstance(a, np.ndarray) and a.ndim else a[()] if np.ndim(a) == 0 and
                          isinstance(a, np.ndarray) else a for a in arguments)
        ]  # fmt: skip
    answer = compiled(source)(*arguments)
    names = source.signature.results
    return dict(zip(names, answer if len(names) > 1 else (answer,), strict=True))


def adjoints(made: Gradients) -> list[Equation]:
    return [line.equation for line in made.lines]


def hold(made: Gradients, arrays: Mapping[str, Any], sizes: Mapping[str, int], seed: int = 0) -> None:
    """All forward values and adjoints of emitted code are those of the evaluator, to 1e-12 of the sum of terms."""
    program = made.primal
    forward = values(program, {name: arrays[name] for name in program.input_names}, sizes)
    generator = np.random.default_rng(seed)
    upstream = {name: generator.normal(size=np.shape(forward[of])) for of, name in program.upstream.items()}
    expected = {**forward, **values(made.adjoint, {**forward, **upstream}, sizes)}
    environment = environment_of(program, expected, sizes, extra={line.name: line.equation.left for line in made.lines}
                                 | dict(made.given)).with_scale()  # fmt: skip
    lines = [*program.equations, *adjoints(made)]
    for target in TARGETS:
        found = run(target, lines, program, {**arrays, **upstream, **sizes})
        for line in lines:
            scale = np.max(getattr(value_of(line.term, line.indices, environment), "scale", 1.0), initial=1.0)
            actual = np.asarray(found[line.name])
            assert actual.shape == np.shape(expected[line.name]), (target, line.name)
            np.testing.assert_allclose(
                actual, expected[line.name], rtol=0, atol=1e-12 * float(scale), err_msg=f"{target} {line.name}"
            )


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAYERS)
def test_the_code_of_a_layer_computes_its_equations(name: str) -> None:
    @settings(max_examples=MANY.get(name, 3), **RELAXED)
    @given(cases(LAYERS[name]))
    def check(case: Any) -> None:
        try:
            written = case.layer.write(case.options, case.shapes)
        except UsageError:
            assume(False)
        made = gradients(read_equations(written.text), [each.name for each in written.operands if each.wrt])
        hold(made, case.arrays(), {}, case.seed)

    check()


@pytest.mark.parametrize(
    "name", ["linear", "conv1d", "conv2d", "conv_transpose1d", "max_pool1d", "softmax", "batchnorm", "attention",
             "lstm", "embedding", "softmax_cross_entropy"],
)  # fmt: skip
def test_sizes_that_are_only_named_are_read_off_the_shapes(name: str) -> None:
    @settings(max_examples=5, **RELAXED)
    @given(cases(LAYERS[name]))
    def check(case: Any) -> None:
        try:
            written = case.layer.write(case.options, case.shapes)
            program = read_equations(case.symbolic())
        except DeriveError:
            assume(False)
        arrays = case.arrays()
        forward = values(read_equations(written.text), arrays, {})
        sizes = {
            part.index.stop.alone.name: extent
            for head in program.heads.values()
            if head.array in forward
            for part, extent in zip(head.indices, np.shape(forward[head.array]), strict=True)
            if part.index is not None and isinstance(part.index.stop.alone, Size)
        }
        hold(gradients(program, [each.name for each in written.operands if each.wrt]), arrays, sizes, case.seed)

    check()


@settings(max_examples=examples(120), **RELAXED)
@given(st.data(), settings_of())
def test_the_code_of_any_term_computes_it(data: st.DataObject, at: Any) -> None:
    """Guards around any read, quotients, labels, ragged sums, winners with ties, arrays that begin at 1."""
    indices = free()
    term = data.draw(index_terms(indices, 2))
    assume("R" not in terms.reads(term))  # an array that is no box
    try:
        expected = value_of(term, indices, at.environment.with_scale())
    except DeriveError:
        assume(False)
    scale = np.max(getattr(expected, "scale", 1.0), initial=1.0)
    line = Equation(entry("Z", *indices), term)
    known = {name: head for name, head in heads().items() if name != "R"}
    program = Program(tuple(known.values()), (line,), ("Z",), integers=frozenset({"y"}))
    given_ = {name: at.environment.stored[name].array for name in known} | dict(at.environment.sizes)
    for target in TARGETS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = run(target, [line], program, given_)["Z"]
        wanted = np.broadcast_to(getattr(expected, "value", expected), (given_["n"], given_["m"]))
        np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=1e-12 * float(scale), err_msg=target)


# --- what it looks like -----------------------------------------------------------------------------------------------


def statements(source: str) -> list[str]:
    """The body without comments, the docstring and the unpacking of sizes."""
    body = source.split('"""')[2]
    return [line.strip() for line in body.splitlines() if line.strip() and not line.strip().startswith("#")]


MLP = """
X : N x D
W : H x D
b : H
Z[n, i] = sum(j) W[i, j]*X[n, j] + b[i]
A[n, i] = tanh(Z[n, i])
upstream A = G
"""


def code(target: str, text: str, wrt: Sequence[str] = (), **options: Any) -> str:
    made = gradients(read_equations(text), wrt)
    results = [made.names[name] for name in made.wrt]
    return array_source(target, [*made.primal.equations, *adjoints(made)], made.primal, results=results, **options).text


@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_the_gradients_of_a_dense_layer_are_matrix_products(target: str) -> None:
    axis = "axis" if target == "numpy" else "dim"
    written = statements(code(target, MLP))
    library = "np" if target == "numpy" else "torch"
    assert "Z = X @ W.T + b" in written
    assert f"A = {library}.tanh(Z)" in written
    assert "X_bar = Z_bar @ W" in written
    assert "W_bar = Z_bar.T @ X" in written
    assert f"b_bar = Z_bar.sum({axis}=0)" in written


def test_a_column_vector_s_layer_is_a_matrix_times_a_vector() -> None:
    written = statements(code("numpy", "W : h x d\nx : d\nz[i] = sum(j) W[i, j]*x[j]\nupstream z = g"))
    assert "z = W @ x" not in written  # no result needs it
    assert "x_bar = g @ W" in written or "x_bar = W.T @ g" in written
    assert "W_bar = g[:, None] * x" in written


def layer_code(target: str, name: str, options: Mapping[str, Any], shapes: Mapping[str, Any]) -> list[str]:
    written = LAYERS[name].write(options, shapes)
    made = gradients(read_equations(written.text), [each.name for each in written.operands if each.wrt])
    lines = [*made.primal.equations, *adjoints(made)]
    return statements(array_source(target, lines, made.primal).text)


def test_a_convolution_and_its_gradients_are_torch_s_own() -> None:
    shapes = {"X": (2, 3, 9, 8), "W": (4, 3, 3, 3)}
    assert layer_code("torch", "conv2d", {"stride": 2, "padding": 1}, shapes) == [
        "Y = F.conv2d(X, W, stride=2, padding=1)",
        "X_bar = F.conv_transpose2d(G, W, stride=2, padding=1, output_padding=(0, 1))",
        "W_bar = torch.nn.grad.conv2d_weight(X, (4, 3, 3, 3), G, stride=2, padding=1)",
        "return Y, X_bar, W_bar",
    ]
    grouped = layer_code("torch", "conv2d", {"groups": 2}, {"X": (2, 4, 9, 8), "W": (6, 2, 3, 3)})
    assert grouped == [
        "Y = F.conv2d(X, W, groups=2)",
        "X_bar = F.conv_transpose2d(G, W, groups=2)",
        "W_bar = torch.nn.grad.conv2d_weight(X, (6, 2, 3, 3), G, groups=2)",
        "return Y, X_bar, W_bar",
    ]
    turned = layer_code(
        "torch", "conv_transpose2d", {"stride": 2, "padding": 1}, {"X": (2, 3, 5, 5), "W": (3, 4, 3, 3)}
    )
    assert turned[:2] == [
        "Y = F.conv_transpose2d(X, W, stride=2, padding=1)",
        "X_bar = F.conv2d(G, W, stride=2, padding=1)",
    ]


def test_a_convolution_in_numpy_is_windows_and_one_contraction() -> None:
    written = code("numpy", "V : H x W\nK : P x Q\nZ[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]\nupstream Z = G")
    assert statements(written) == [
        "H, W = V.shape",
        "P, Q = K.shape",
        "G_padded = np.pad(G, ((P - 1, P - 1), (Q - 1, Q - 1)))",
        "G_windows = sliding_window_view(G_padded, (P, Q))",
        'V_bar = np.einsum("mnkl,kl->mn", G_windows, K[::-1, ::-1], optimize=True)',
        "V_windows = sliding_window_view(V, (P, Q))",
        'K_bar = np.einsum("ij,ijkl->kl", G, V_windows, optimize=True)',
        "return V_bar, K_bar",
    ]


def test_flattening_is_a_reshape_and_an_embedding_an_index() -> None:
    flat = layer_code("torch", "flatten", {}, {"X": (2, 3, 4, 5)})
    assert flat == ["Y = X.reshape(2, 60)", "X_bar = G.reshape(2, 3, 4, 5)", "return Y, X_bar"]
    looked_up = layer_code("numpy", "embedding", {}, {"X": (5,), "W": (7, 3)})
    assert looked_up == [
        "Y = W[X]", "W_bar = np.zeros((7, 3), W.dtype)", "np.add.at(W_bar, X, G)", "return Y, W_bar",
    ]  # fmt: skip


def test_a_divisibility_becomes_a_step_into_zeros() -> None:
    """Z[m] = [2 | m] G[m/2]: every other entry."""
    m = Index("m", 7)
    read = multiply(guard(Divides(integer(2), integer(m)), within(floor(integer(m), 2), 4)), entry("G", floor(m, 2)))
    line = Equation(entry("Z", m), read)
    program = Program((entry("G", Index("i", 4)),), (line,), ("Z",))
    assert statements(numpy_source([line], program)) == ["Z = np.zeros(7, G.dtype)", "Z[::2] = G", "return Z"]
    np.testing.assert_array_equal(run("numpy", [line], program, {"G": np.arange(1.0, 5)})["Z"], [1, 0, 2, 0, 3, 0, 4])


def test_a_recurrence_counts_up_and_its_adjoint_down() -> None:
    written = code("torch", "u : T\nc : scalar\ns[t] = [t >= 1]*c*s[t-1] + u[t]\nupstream s = g", ["u"])
    assert [line for line in statements(written) if line.startswith("for")] == ["for m in reversed(range(T)):"]
    forward = code("torch", "u : T\nc : scalar\ns[t] = [t >= 1]*c*s[t-1] + u[t]\nupstream s = g", ["c"])
    loops = [line for line in statements(forward) if line.startswith("for")]
    assert len(loops) == 2 and loops[0] == "for t in range(T):"


def test_what_occurs_twice_is_computed_once() -> None:
    softmax = "z : n x k\np[i, c] = exp(z[i, c])/(sum(o) exp(z[i, o]))\nupstream p = G"
    for target, call in (("numpy", "np.exp("), ("torch", "torch.exp(")):
        assert code(target, softmax).count(call) == 1


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["conv2d", "max_pool2d", "attention", "lstm", "batchnorm", "softmax_cross_entropy"])
def test_the_source_is_formatted_and_stands_alone(target: str, name: str) -> None:
    written = LAYERS[name].write({}, {})
    made = gradients(read_equations(written.text), [each.name for each in written.operands if each.wrt])
    source = array_source(target, [*made.primal.equations, *adjoints(made)], made.primal).text
    assert max(map(len, source.splitlines())) <= 100
    assert not any(line.endswith(" ") for line in source.splitlines())
    for word in ("autograd", "backward(", "requires_grad", "eval(", "exec(", "__"):
        assert word not in source
    tree = ast.parse(source)
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in modules} <= {"numpy", "torch", "math"}
    (function,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    assert ast.get_docstring(function)
    assert function.returns is not None and all(each.annotation for each in function.args.args)
    assert source.count("\n    # ") >= len(made.lines)  # each equation is cited


# --- meaning at the edges ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", TARGETS)
def test_a_tie_goes_to_the_first_of_the_window(target: str) -> None:
    for options, expected in (
        ({"kernel-size": 2}, [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]),
        ({"kernel-size": 3, "stride": 2, "padding": 1}, [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
    ):
        made = gradients(read_equations(LAYERS["max_pool2d"].text(options, {"X": (1, 1, 4, 4)})), ["X"])
        given_ = {"X": np.ones((1, 1, 4, 4)), "G": np.arange(1.0, 5).reshape(1, 1, 2, 2)}
        found = run(target, adjoints(made), made.primal, given_)["X_bar"]
        np.testing.assert_array_equal(np.asarray(found)[0, 0], expected)


@pytest.mark.parametrize("target", ["numpy", "torch"])
def test_large_numbers_do_not_overflow(target: str) -> None:
    text = "z : n\np[i] = exp(z[i])/(sum(j) exp(z[j]))\nl = log(sum(j) exp(z[j]))\ns[i] = log(sigmoid(z[i]))"
    program = read_equations(text)
    z = np.array([1000.0, 999.0, -1000.0])
    found = run(target, program.equations, program, {"z": z})
    shifted = np.exp(z - 1000)
    np.testing.assert_allclose(np.asarray(found["p"]), shifted / shifted.sum(), rtol=1e-14)
    np.testing.assert_allclose(np.asarray(found["l"]), 1000 + np.log(shifted.sum()), rtol=1e-14)
    np.testing.assert_allclose(np.asarray(found["s"]), [0, 0, -1000], atol=1e-300)


@pytest.mark.parametrize("target", TARGETS)
def test_what_a_guard_excludes_does_not_count_and_does_not_warn(target: str) -> None:
    i = Index("i", N)
    positive = guard(Comparison((entry("x", i), terms.NIL), (">",)))
    line = Equation(entry("Z", i), multiply(positive, Apply("log", (entry("x", i),)), power(entry("x", i), -1)))
    program = Program((entry("x", Index("i", N)),), (line,), ("Z",))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = run(target, [line], program, {"x": np.array([1.0, 0.0, -1.0, np.e])})["Z"]
    np.testing.assert_allclose(np.asarray(found), [0, 0, 0, 1 / np.e], rtol=1e-15)


def test_labels_out_of_range_match_nothing() -> None:
    """[y[i] = m] is 0 for a label that is no m; only labels that the forward pass uses as subscripts are added at."""
    i, m = Index("i", N), Index("m", M)
    label = integer(IntegerEntry("y", (integer(i),), None))
    line = Equation(entry("Z", m), total((i,), multiply(terms.delta(label, m), entry("u", i))))
    inputs = (entry("y", Index("i", N)), entry("u", Index("i", N)), entry("v", Index("m", M)))
    program = Program(inputs, (line,), ("Z",), integers=frozenset({"y"}))
    given_ = {"y": np.array([0, -1, 5, 2]), "u": np.array([1.0, 2, 4, 8]), "v": np.zeros(3)}
    for target in TARGETS:
        np.testing.assert_array_equal(np.asarray(run(target, [line], program, given_)["Z"]), [1, 0, 8])


@pytest.mark.parametrize(("name", "options"), [("conv2d", {"stride": 2, "padding": 1}), ("batchnorm", {}), ("lstm", {}),
                                               ("max_pool2d", {"kernel-size": 3, "padding": 1})])  # fmt: skip
def test_single_precision_stays_single_precision(name: str, options: dict[str, Any]) -> None:
    shapes = {"conv2d": {"X": (2, 3, 7, 7), "W": (4, 3, 3, 3)}, "max_pool2d": {"X": (2, 3, 8, 8)},
              "batchnorm": {"X": (4, 3)}, "lstm": {"X": (3, 2, 4), "h0": (2, 5)}}[name]  # fmt: skip
    written = LAYERS[name].write(options, shapes)
    made = gradients(read_equations(written.text), [each.name for each in written.operands if each.wrt])
    generator = np.random.default_rng(0)
    arrays = {each.name: generator.normal(size=each.axes) for each in written.operands}
    forward = values(made.primal, arrays, {})
    given_ = {**arrays, "G": generator.normal(size=forward["Y"].shape)}
    single = {key: np.asarray(value, dtype=np.float32) for key, value in given_.items()}
    lines = [*made.primal.equations, *adjoints(made)]
    for target in ("numpy", "torch"):
        precise = run(target, lines, made.primal, given_)
        rough = run(target, lines, made.primal, single)
        for key, value in rough.items():
            if np.ndim(value):
                assert str(value.dtype).endswith("float32"), (target, key)
                np.testing.assert_allclose(np.asarray(value), np.asarray(precise[key]), rtol=2e-3, atol=2e-4)


def test_extents_that_are_twice_a_size_are_solved_for_it() -> None:
    half = Size("h")
    i = Index("i", half)
    line = Equation(entry("Z", i), multiply(entry("x", 2 * integer(i)), entry("x", 2 * integer(i) + 1)))
    program = Program((entry("x", Index("j", 2 * integer(half))),), (line,), ("Z",))
    for target in TARGETS:
        found = run(target, [line], program, {"x": np.arange(6.0)})["Z"]
        np.testing.assert_array_equal(np.asarray(found), [0, 6, 20])


def test_forward_values_may_be_given() -> None:
    made = gradients(read_equations(MLP))
    source = array_source("numpy", adjoints(made), made.primal, arguments=["G", "A", "X", "W", "Z"], results=["W_bar"])
    assert source.parameters == ("G", "A", "X", "W", "Z")
    assert not any(line.startswith(("Z =", "A =")) for line in statements(source.text))
    generator = np.random.default_rng(0)
    X, W, b, G = (generator.normal(size=shape) for shape in ((4, 3), (2, 3), (2,), (4, 2)))
    Z = X @ W.T + b
    expected = (G * (1 - np.tanh(Z) ** 2)).T @ X
    np.testing.assert_allclose(compiled(source)(G, np.tanh(Z), X, W, Z), expected, rtol=1e-13)


# --- what is refused --------------------------------------------------------------------------------------------------


def line_on(array: str, **arrays: Any) -> tuple[Equation, Program]:
    i = Index("i", N)
    line = Equation(entry(array, i), multiply(2, entry(next(iter(arrays)), i)))
    return line, Program(tuple(entry(name, Index("i", N)) for name in arrays), (line,), (array,))


@pytest.mark.parametrize("name", ["np", "torch", "F", "lambda", "range", "sum", "max", "print", "x_-1", "f.2", "i", "n",
                                  "gradients", "sliding_window_view", "Tensor", "math", "None", "match"])  # fmt: skip
@pytest.mark.parametrize("target", TARGETS)
def test_any_name_of_the_plain_notation_will_do(name: str, target: str) -> None:
    line, program = line_on("Z", **{name: 0})
    found = compiled(array_source(target, [line], program))(
        torch.arange(3.0, dtype=torch.float64) if target == "torch" else np.arange(3.0)
    )
    np.testing.assert_array_equal(np.asarray(found), [0, 2, 4])


@pytest.mark.parametrize(
    "name",
    ["x); import os #", "x\nimport os", "x y", "", "x.__class__", "__import__('os')", 'x"""', "0x", "é", "x" + "'"],
)
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_name_reaches_no_source(name: str, target: str) -> None:
    line, program = line_on("Z", **{name: 0})
    with pytest.raises(UsageError, match="no name of the plain notation"):
        array_source(target, [line], program).text  # noqa: B018


@pytest.mark.parametrize("name", ["lambda", "1f", "a b", "np", "f()", "", "__x", "print"])
def test_a_function_has_a_name_of_python_s(name: str) -> None:
    line, program = line_on("Z", x=0)
    with pytest.raises(UsageError, match="cannot be the name of a function"):
        numpy_source([line], program, name=name)


def test_long_names_keep_lines_short() -> None:
    line, program = line_on("Z", **{"a" * 90: 0, "b" * 90: 0})
    for source in (numpy_source([line], program), torch_source([line], program), loops_source([line], program)):
        assert max(map(len, source.splitlines())) <= 100


def test_only_a_source_is_compiled() -> None:
    with pytest.raises(UsageError, match="only code printed by derive"):
        load("import os")  # type: ignore[arg-type]


def test_refusals_name_the_thing() -> None:
    i, layer = Index("i", N), Index("l", 3)
    line = Equation(entry("Z", i), Opaque("f", (), (entry("x", i),), (0,)))
    program = Program((entry("x", Index("i", N)),), (line,), ("Z",))
    for target in TARGETS:
        with pytest.raises(UsageError, match="f is only named"):
            array_source(target, [line], program).text  # noqa: B018
    units = Index("j", IntegerEntry("n", (integer(layer),), 1))
    ragged = Equation(entry("Z", layer, units), entry("x", layer, units))
    program = Program((entry("x", layer, units),), (ragged,), ("Z",), integers=frozenset({"n"}))
    with pytest.raises(UsageError, match="along j is not the same everywhere"):
        numpy_source([ragged], program)
    line, program = line_on("Z", x=0)
    with pytest.raises(UsageError, match="Y is not among the equations"):
        numpy_source([line], program, results=["Y"])
    with pytest.raises(UsageError, match="x is read, but it is not among the arguments"):
        numpy_source([line], program, arguments=[])
    circle = (Equation(entry("a", i), entry("b", i)), Equation(entry("b", i), entry("a", i)))
    with pytest.raises(UsageError, match="no index steps through the equations of a, b"):
        numpy_source(circle, Program((), circle, ("a",)))


def test_a_rational_number_is_exact_or_a_quotient() -> None:
    i = Index("i", N)
    for number, text in ((Fraction(1, 2), "x / 2"), (Fraction(3, 4), "0.75 * x"), (Fraction(2, 3), "2 / 3 * x"),
                         (Fraction(-1, 3), "-x / 3")):  # fmt: skip
        line = Equation(entry("Z", i), multiply(number, entry("x", i)))
        source = numpy_source([line], Program((entry("x", Index("i", N)),), (line,), ("Z",)))
        assert f"Z = {text}" in source


def test_a_condition_on_indices_is_a_mask() -> None:
    """A lower triangle: no read is guarded, so nothing is padded."""
    i, j = Index("i", N), Index("j", N)
    line = Equation(entry("Z", i, j), multiply(guard(Chain((integer(j), integer(i)), ("<=",))), entry("A", i, j)))
    program = Program((Entry("A", (integer(Index("i", N)), integer(Index("j", N)))),), (line,), ("Z",))
    assert "Z = A * (i[:, None] >= j)" in numpy_source([line], program)
    array = np.arange(9.0).reshape(3, 3)
    for target in TARGETS:
        np.testing.assert_array_equal(np.asarray(run(target, [line], program, {"A": array})["Z"]), np.tril(array))


@pytest.mark.parametrize("target", ["numpy", "loops"])
@pytest.mark.parametrize(("function", "slopes"), [("relu(x)", (0.0, 1.0)), ("max(min(x, 1), -1)", (1.0, 1.0))])
def test_a_number_of_python_may_stand_for_a_number(function: str, slopes: tuple[float, float], target: str) -> None:
    """Its comparisons are bools of Python, which are no arrays."""
    made = gradients(read_equations(f"y = {function}\nupstream y = g"))
    for x, slope in zip((-0.5, 0.5), slopes, strict=True):
        found = run(target, [*made.primal.equations, *adjoints(made)], made.primal, {"x": x, "g": 3.0})
        assert float(found["x_bar"]) == 3.0 * slope


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    "equation", ["z[i] = [c > 0]*x[i]", "z[i] = [c > 0]*c^2 + x[i]", "z[i] = x[i]*(1 - [c > 0]) + c"]
)
@pytest.mark.parametrize("c", [-1.5, 2.0, 2, np.float64(0.5)])
def test_a_number_beside_an_array_may_be_one_of_python(equation: str, c: Any, target: str) -> None:
    """Its comparisons are bools of Python; arrays keep their precision."""
    made = gradients(read_equations(f"x : 3\nc : scalar\nz : 3\n{equation}\nupstream z = g"))
    arrays = {"x": np.array([1.0, -2.0, 3.0]), "c": float(c)}
    expected = values(made.primal, arrays, {})
    expected |= values(made.adjoint, {**arrays, **expected, "g": np.arange(1.0, 4.0)}, {})
    for dtype in (np.float64, np.float32):
        number = float(c) if target == "torch" else c  # torch code takes tensors alone
        given_ = {"x": arrays["x"].astype(dtype), "c": number, "g": np.arange(1.0, 4.0).astype(dtype)}
        found = run(target, [*made.primal.equations, *adjoints(made)], made.primal, given_)
        for name, value in found.items():
            np.testing.assert_allclose(np.asarray(value), expected[name], rtol=1e-6, err_msg=name)
        if not isinstance(c, np.floating) and target == "numpy":
            assert found["z"].dtype == found["x_bar"].dtype == dtype


def test_a_convolution_that_reads_nothing_but_padding_has_autograd_s_gradients() -> None:
    """Every weight but the middle ones meets zeros alone, and its gradient is 0."""
    shapes = {"X": (3, 6, 1, 1, 1), "W": (4, 3, 3, 2, 3)}
    options = {"stride": (3, 2, 3), "padding": (1, 1, 1), "dilation": (1, 2, 1), "groups": 2}
    written = LAYERS["conv3d"].write(options, shapes)
    made = gradients(read_equations(written.text), ["X", "W"])
    generator = np.random.default_rng(3)
    arrays = {name: generator.normal(size=shape) for name, shape in shapes.items()}
    x, w = (torch.tensor(arrays[name], requires_grad=True) for name in ("X", "W"))
    y = torch.nn.functional.conv3d(x, w, **options)
    (upstream,) = made.primal.upstream.values()
    g = generator.normal(size=tuple(y.shape))
    expected = torch.autograd.grad(y, (x, w), torch.tensor(g))
    for target in TARGETS:
        found = run(target, [*made.primal.equations, *adjoints(made)], made.primal, {**arrays, upstream: g})
        for name, value in zip(("X", "W"), expected, strict=True):
            np.testing.assert_allclose(
                np.asarray(found[made.names[name]]), value.numpy(), rtol=1e-12, atol=1e-14, err_msg=target
            )
        np.testing.assert_allclose(np.asarray(found["Y"]), y.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_a_bound_that_is_a_floor_gives_the_evaluator_s_gradients() -> None:
    """L = sum(i, j) [i <= floor(j/2)] A[i, j] q, by its literal meaning and by emitted code."""
    made = gradients(read_equations("A : 3 x 7\nq : scalar\nL = sum(i,j) [i <= floor(j/2)]*A[i,j]*q\nloss L"))
    array = np.random.default_rng(4).normal(size=(3, 7))
    hold(made, {"A": array, "q": np.array(1.5)}, {})
    held = np.array([[i <= j // 2 for j in range(7)] for i in range(3)])
    found = run("numpy", [*made.primal.equations, *adjoints(made)], made.primal, {"A": array, "q": 1.5})
    np.testing.assert_allclose(found["A_bar"], 1.5 * held, rtol=1e-15)
    np.testing.assert_allclose(float(found["q_bar"]), array[held].sum(), rtol=1e-13)
