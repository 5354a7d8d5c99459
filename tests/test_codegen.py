"""Emitted code: the lambdified callable, the readable source, torch and the evaluator give the same numbers."""

from __future__ import annotations

import ast
import itertools
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import derive
from derive import functions
from derive import tree as t
from derive.adjoints import reverse
from derive.arithmetic import FLOATS
from derive.codegen.load import compiled
from derive.codegen.lowering import lower, operation_counts
from derive.codegen.source import Source
from derive.codegen.to_numpy import LAMBDIFY_LINES, NUMPY, to_numpy
from derive.codegen.to_torch import to_torch
from derive.errors import DeriveError, MissingPartError, UsageError
from derive.evaluate import evaluate, tree_value
from derive.plain import formula
from derive.program import Program
from derive.recording import record
from derive.rules.partials import QUOTIENT
from derive.tangents import forward
from derive.tracing import trace, trace_tree
from tests.expressions import NAMES, expressions, leaves
from tests.thorough import examples

GOLDEN = Path(__file__).parent / "golden"
SHEET = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"

#: What a formatter, a linter and a reader may stumble over: brackets, signs, powers, several outputs, long lines.
SOURCES = (
    SHEET,
    "max(sin(2), x) + erf(y) + tanh(3) + sigmoid(-x) + 2^-x",
    "relu(x)*(a + b)^2/(a + b)^(-1/2)*abs(w) + min(w, .5E3) - 007",
    "-(-x)^3 + -x - -y + softplus(-x^2)*sqrt(x*y)^.25 + x^y^x + a*exp(a)^-2 - 5*(x*-3)",
    "asin(x) + acos(x) + atan(y) + sinh(x) + cosh(x) + log(y) + tan(x)*sign(x) + 1/(x*(y*z)) + x/(y/z) - (x - (y - z))",
    "q = x*y\nr = x*y\nf = q + r*lambda\ng = 5 - z",
    "*".join(f"x{k}" for k in range(100)),
    "+".join(f"x1*x{k}" for k in range(50)),
    "\n".join(f"f{k} = x*y{k} + z" for k in range(40)),
    "log(x)*[0 < x <= 2]*[x != y]^2/y - ([x > y] + [x < y]*sqrt(y))*(x + y)^(1/2)*[5 > 3] + 2*[x = 3]*acos(x + 7)",
    "q = [x > 0]*x + [y > 0]*y\nf = sqrt(q)*[x > y] + sqrt(q)*[y > x]*x",
    "3",
    "x",
)


def numbers(result: Any) -> list[float]:
    """All numbers of a result, in order."""
    if isinstance(result, tuple):
        return [number for part in result for number in numbers(part)]
    return [float(result)]


def every_function(max_leaves: int = 7, ends: st.SearchStrategy[t.Tree] | None = None) -> st.SearchStrategy[t.Tree]:
    """Trees with all functions and operators of the table; not defined everywhere.  ends : what the leaves are."""
    one = [name for name, row in functions.CALLABLE.items() if row.arity == 1]

    def wider(inner: st.SearchStrategy[t.Tree]) -> st.SearchStrategy[t.Tree]:
        return st.one_of(
            st.builds(lambda f, u: t.Call(f, (u,)), st.sampled_from(one), inner),
            st.builds(lambda f, u, w: t.Call(f, (u, w)), st.sampled_from(("max", "min")), inner, inner),
            st.builds(lambda s, u, w: t.Sum((("+", u), (s, w))), st.sampled_from("+-"), inner, inner),
            st.builds(lambda s, u, w: t.Product((("*", u), (s, w))), st.sampled_from("*/"), inner, inner),
            st.builds(t.Power, inner, inner),
            st.builds(t.Negative, inner),
        )

    return st.recursive(leaves() if ends is None else ends, wider, max_leaves=max_leaves)


def inside(program: Program, point: dict[str, float]) -> tuple[float, list[float]]:
    """Value and gradient by the evaluator, for points where all is of moderate size and not beside a kink."""
    try:
        values = evaluate(program, point)
        derivation = reverse(program, program.outputs[0])
        found = evaluate(derivation.adjoint, values)
    except DeriveError:
        assume(False)
    assume(all(isfinite(value) and abs(value) < 1e3 for value in found.values()))
    for line in program:  # an ulp must not decide: neither a branch, nor whether an operand is inside the domain
        given = [
            values[operand] if isinstance(operand, str) else FLOATS.constant(operand)
            for operand in line.source.operands
        ]
        assume(not line.source.operation.kink or abs(given[0] - (given[1] if len(given) > 1 else 0)) > 1e-6)
        beside = abs(abs(given[0]) - 1) <= 1e-6 or min(map(abs, given)) <= 1e-6
        assume(not (line.source.operation.value_domain and beside))
    gradient = [float(found.get(derivation.names[name], 0.0)) for name in program.input_names]
    return float(values[program.outputs[0]]), gradient


@settings(max_examples=examples(80), deadline=None)
@given(every_function(), st.tuples(*[st.floats(0.2, 2.0)] * 3))
def test_lambdified_source_evaluator_and_torch_agree(tree: t.Tree, drawn: tuple[float, ...]) -> None:
    program = trace_tree(tree, order=NAMES)
    point = dict(zip(program.input_names, drawn, strict=True))
    value, gradient = inside(program, point)
    for emitted in (to_numpy(program), to_torch(program)):
        for function in (emitted, emitted.from_source()):
            assert numbers(function(*drawn)) == pytest.approx([value, *gradient], rel=1e-7, abs=1e-9), emitted.source


whole_numbers = st.integers(0, 60).map(lambda k: t.Negative(t.Number(str(k - 50))) if k > 50 else t.Number(str(k)))


@settings(max_examples=examples(120), deadline=None)
@given(every_function(5, whole_numbers))
def test_what_is_made_of_whole_numbers_alone_is_a_float64_everywhere(tree: t.Tree) -> None:
    """Integers of Python and NumPy wrap around, have no negative powers, and give complex roots."""
    alone, beside = trace_tree(tree), trace_tree(t.Product((("*", tree), ("*", t.Name("x")))))
    with np.errstate(all="ignore"):
        for emitted in (to_numpy(alone), to_numpy(beside)):
            points = [1.0] * len(emitted.inputs)
            for result in (emitted(*points), emitted.from_source()(*points)):
                assert result[0].dtype == np.float64, emitted.source
        found = float(to_numpy(alone).from_source()()[0])
        assert float(to_torch(alone).from_source()()[0]) == pytest.approx(found, rel=1e-7, nan_ok=True)
    value, _ = inside(alone, {})
    assert found == pytest.approx(value, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "value"),
    [("x*abs(3)^41", 3.0**41), ("x*sign(2)^(-1)", 1.0), ("x*(2 + 3)^30", 5.0**30), ("9007199254740993*x", 2.0**53)],
)
def test_whole_numbers_neither_wrap_around_nor_refuse_a_power(text: str, value: float) -> None:
    for emit in (to_numpy, to_torch):
        for function in (emit(trace(text)), emit(trace(text)).from_source()):
            assert numbers(function(1.0)) == [value, value]


@settings(max_examples=examples(30), deadline=None)
@given(expressions(10), st.integers(0, 10**6))
def test_a_batch_is_a_loop_over_its_points(tree: t.Tree, seed: int) -> None:
    program = trace_tree(tree, order=NAMES)
    points = np.random.default_rng(seed).uniform(0.3, 1.5, size=(5, 3))
    emitted = to_numpy(program)
    for function in (emitted, emitted.from_source()):
        value, gradient = function(*points.T)
        assert value.shape == (5,)
        assert [entry.shape for entry in gradient] == [(5,)] * 3
        for k, point in enumerate(points):
            single = numbers(function(*point))
            assert [value[k], *(entry[k] for entry in gradient)] == pytest.approx(single, rel=1e-9, abs=1e-12)


def test_all_results_have_the_broadcast_shape_also_where_they_are_constant() -> None:
    order = ["x", "y", "z"]
    texts = ("x*0 + 3 + sign(y)", "2", "sin(2)*3", "pi", "max(2, 3)", "[2 > 1]", "x")
    for emitted in (emit(trace(text, order=order)) for text in texts for emit in (to_numpy, to_torch)):
        for function in (emitted, emitted.from_source()):
            value, gradient = function(np.ones((4, 1)), np.ones(3), 2.0)
            assert tuple(value.shape) == (4, 3)
            assert [tuple(entry.shape) for entry in gradient] == [(4, 3)] * 3


def compound(tree: ast.AST) -> Iterator[str]:
    """The text of every operation and call in the code."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.BinOp, ast.Call, ast.Compare)):
            yield ast.unparse(node)


def repeated(source: str) -> set[str]:
    """Expressions that occur twice; what makes a constant or an array of an input is no computation."""
    body = ast.parse(source).body[-1]
    seen: set[str] = set()
    twice: set[str] = set()
    for statement in body.body:  # type: ignore[attr-defined]
        if isinstance(statement, ast.Assign):
            for text in compound(statement.value):
                if not any(word in text for word in ("full_like", "zeros_like", "ones_like", "asarray", "as_tensor")):
                    (twice if text in seen else seen).add(text)
    return twice


def constant_only(text: str) -> bool:
    return not any(isinstance(node, ast.Name) and node.id not in ("np", "torch") for node in ast.walk(ast.parse(text)))


@settings(max_examples=examples(60), deadline=None)
@given(every_function(14))
def test_no_subexpression_is_written_twice(tree: t.Tree) -> None:
    source = to_numpy_source(trace_tree(tree, order=NAMES))
    assert {text for text in repeated(source) if not constant_only(text)} == set(), source


def to_numpy_source(program: Program) -> str:
    return Source(lower(program), NUMPY).text


def test_a_shared_part_of_two_adjoint_lines_stands_once_on_a_line_of_its_own() -> None:
    source = to_numpy_source(trace("sqrt(x*y)*(x/y)"))
    assert repeated(source) == set()
    source = to_numpy_source(trace("q = x/z^2\nr = tan(x)\nf = q*r"))
    assert repeated(source) == set()
    source = to_numpy_source(trace("a = tanh(x)\nb = a*y\nc = a*z\nf = b + c*b"))
    assert repeated(source) == set()


def random_program(count: int, seed: int) -> Program:
    def function(*inputs: Any) -> Any:
        draw = random.Random(seed)
        values = list(inputs)
        for _ in range(count):
            a, b = draw.choice(values[-20:]), draw.choice(values[-20:])
            operation = draw.choice("+-*/sc")
            if operation == "s":
                values.append(derive.sin(a))
            elif operation == "c":
                values.append(derive.cos(a))
            else:
                values.append({"+": a + b, "-": a - b, "*": a * b, "/": a / b}[operation])
        return sum(values[-20:], start=values[0])

    return record(function, inputs=5)


#: What one operation costs in the sweep at most: the local partials, their products with the adjoint, and one sum or
#: sign for each operand, since a node that k lines read takes k - 1 sums. Four, but for these.
DEARER = {"asin": 5, "acos": 5, "max": 6, "min": 6, "erf": 8, "pow": 9}


def most_operations(program: Program) -> int:
    total = 0
    for line in program:
        operation, operands = line.source
        constant_power = operation.name == "pow" and not isinstance(operands[1], str)
        u_by_u = operation.name == "div" and operands[0] == operands[1]
        total += 4 if constant_power else 6 if u_by_u else DEARER.get(operation.name, 4)
    return total


def combined(count: int, seed: int, operations: str) -> Program:
    """Random operations on the last values, all of which the output reads."""

    def function(*inputs: Any) -> Any:
        draw = random.Random(seed)
        values = list(inputs)
        for _ in range(count):
            operation, (a, b) = draw.choice(operations), draw.sample(values[-20:], 2)
            values.append(a * b if operation == "*" else a / b if operation == "/" else a + b)
        while len(values) > 1:
            a, b, *values = values
            values.append(a / b if operations == "/" else a + b)
        return values[0]

    return record(function, inputs=5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("operations", ["/", "*", "*/", "+*/"])
def test_sums_products_and_quotients_take_at_most_four_times_the_operations(operations: str, seed: int) -> None:
    for counts in (
        operation_counts(reverse(combined(100, seed, operations))),
        operation_counts(reverse(random_program(300, seed))),
    ):
        assert counts.function > 60
        assert 0 < counts.gradient <= 4 * counts.function


@settings(max_examples=examples(150), deadline=None)
@given(every_function(14))
def test_no_operation_costs_more_in_the_sweep_than_is_stated(tree: t.Tree) -> None:
    program = trace_tree(tree, order=NAMES)
    counts = operation_counts(reverse(program))
    assert counts.gradient <= most_operations(program)


def test_the_sheet_takes_six_operations_and_its_sweep_eleven() -> None:
    # * | * + | - | (copy) | cos * + | * * - | /   (on paper 13, where the quotient is worked out once more: * / ^2)
    assert operation_counts(reverse(trace(SHEET))) == (6, 11)


def test_the_derivative_by_a_denominator_reuses_the_quotient_and_the_step_holds() -> None:
    program = trace("q = x/y\nr = sin(q)/(x*y)\nf = q*r + 2/y + (x/y)/(y/x)")
    derivation = reverse(program, "f")
    changed = 0
    for line in derivation.adjoint:
        after = QUOTIENT.rewrite(line, program)
        if after is not None:
            changed += 1
            bars = {name: float(k + 2) for k, name in enumerate(line.reads)}
            values = bars | evaluate(program, {"x": 1.5, "y": 0.7})
            assert tree_value(FLOATS, after.tree, values) == pytest.approx(tree_value(FLOATS, line.tree, values))
            assert "^2" not in formula(after.tree)
    assert changed == sum("^2" in formula(line.tree) for line in derivation.adjoint) > 0
    assert "**2" not in "".join(line.split("#")[0] for line in to_numpy(derivation).source.splitlines())


def test_a_node_that_only_gives_its_adjoint_a_shape_keeps_its_line() -> None:
    # r has the value of q, and sign(r) is computed as sign(q): nothing reads r but the shape of its adjoint 0
    for emit in (to_numpy, to_torch):
        emitted = emit(trace("q = x*y\nr = x*y\nf = sign(q)*sign(r)"))
        value, gradient = emitted.from_source()(np.full(3, -2.0), 3.0)
        assert [float(entry) for entry in value] == [1.0] * 3
        assert [tuple(entry.shape) for entry in gradient] == [(3,), (3,)]


def test_a_product_is_computed_once_also_in_the_other_order() -> None:
    for text in ("q = x*y\nr = y*x\nf = q + sin(r)", "q = x + y\nr = y + x\nf = q*sin(r)"):
        sign = "*" if "x*y" in text else "+"
        emitted = to_numpy(trace(text), gradient=False)
        code = [line.split("#")[0] for line in emitted.source.splitlines()]
        assert sum(f"x {sign} y" in line or f"y {sign} x" in line for line in code) == 1
    for text in ("q = x/y\nr = y/x\nf = q + sin(r)", "q = x - y\nr = y - x\nf = q*sin(r)"):
        value = to_numpy(trace(text), gradient=False).from_source()(2.0, 5.0)
        x, y = 2.0, 5.0
        assert value == pytest.approx(x / y + np.sin(y / x) if "/" in text else (x - y) * np.sin(y - x))


def test_copies_seeds_constants_and_literal_signs_are_no_operations() -> None:
    assert operation_counts(reverse(trace("x"))) == (0, 0)
    assert operation_counts(reverse(trace("x + y"))) == (1, 0)
    assert operation_counts(reverse(trace("x + -2"))) == (1, 0)
    assert operation_counts(reverse(trace("relu(2)*x"))) == (2, 1)


@pytest.mark.parametrize(("name", "emit"), [("numpy", to_numpy), ("torch", to_torch)])
def test_the_code_of_the_sheet_is_as_kept(name: str, emit: Any) -> None:
    emitted = emit(reverse(trace(SHEET)), name="sheet")
    assert emitted.source == (GOLDEN / f"sheet_{name}.txt").read_text()
    value, gradient = emitted(1.5, x2=0.5)
    assert [f"{number:.4f}" for number in numbers((value, gradient))] == ["2.0166", "3.0118", "-13.7240"]


def test_every_line_of_trace_and_sweep_is_one_named_line_that_cites_it() -> None:
    derivation = reverse(trace(SHEET))
    source = to_numpy(derivation).source
    from derive.names import python_names

    names = python_names([*derivation.primal.input_names, *derivation.primal.by_name, *derivation.names.values()])
    for line in (*derivation.primal, *derivation.adjoint):
        found = [text for text in source.splitlines() if text.strip().startswith(f"{names[line.name]} = ")]
        assert len(found) == 1
        assert found[0].endswith(f"# {line.name} = {formula(line.tree)}")
    assert source.count("  # for ") == 1  # and one that two of them share


@pytest.mark.parametrize("gradient", [True, False])
def test_the_source_is_formatted_linted_and_compiles(tmp_path: Path, gradient: bool) -> None:
    ruff = shutil.which("ruff") or shutil.which("ruff", path=str(Path(sys.executable).parent))
    for number, text in enumerate(SOURCES):
        for emit in (to_numpy, to_torch):
            emitted = emit(trace(text), gradient=gradient)
            (tmp_path / f"{emit.__name__}_{number}.py").write_text(emitted.source)
            point = [0.3 + 0.01 * k for k in range(len(emitted.inputs))]
            assert numbers(emitted.from_source()(*point)) == pytest.approx(numbers(emitted(*point)), rel=1e-12)
    if ruff is None:
        pytest.skip("ruff is not installed")
    checked = ["--line-length", "100", "--isolated", "--no-cache", str(tmp_path)]
    formatted = subprocess.run([ruff, "format", "--diff", *checked], capture_output=True, text=True)
    assert formatted.returncode == 0, formatted.stdout
    linted = subprocess.run(
        [ruff, "check", "--select", "E,F,W,I,B,UP,C4,SIM", *checked], capture_output=True, text=True
    )
    assert linted.returncode == 0, linted.stdout


def test_names_that_code_uses_itself_are_kept_apart() -> None:
    names = [
        "np",
        "torch",
        "math",
        "t1",
        "inputs",
        "arrays",
        "gradient",
        "values",
        "given",
        "lambda",
        "f_1",
        "function",
    ]
    program = trace("*".join(names) + " + sin(np*t1)/(np*t1) + tanh(np*t1)")
    point = [1.1 + 0.05 * k for k in range(len(names))]
    expected = numbers((evaluate(program, dict(zip(program.input_names, point, strict=True)))[program.outputs[0]],))
    for emit in (to_numpy, to_torch):
        emitted = emit(program)
        assert numbers(emitted.from_source()(*point))[0] == pytest.approx(expected[0])
        assert numbers(emitted(**dict(zip(names, point, strict=True))))[0] == pytest.approx(expected[0])


def test_an_input_named_like_a_node_stays_itself() -> None:
    program = trace("v_1*v_2 + v_1")
    assert numbers(to_numpy(program).from_source()(2.0, 5.0)) == [12.0, 6.0, 2.0]
    assert numbers(to_numpy(program)(v_2=5.0, v_1=2.0)) == [12.0, 6.0, 2.0]


def test_text_from_a_name_never_becomes_code() -> None:
    evil = 'a"""\nimport os\nraise SystemExit("run")\n"""\\'
    tree = t.Product((("*", t.Name(evil)), ("*", t.Call("sin", (t.Name("1 # x\r\ny"),)))))
    emitted = to_numpy(trace_tree(tree))
    module = ast.parse(emitted.source)
    assert [type(node).__name__ for node in module.body] == ["Import", "ImportFrom", "FunctionDef"]
    assert "import os" not in [line.strip() for line in emitted.source.splitlines()]
    assert numbers(emitted.from_source()(2.0, 0.0)) == [0.0, 0.0, 2.0]
    assert emitted.source.isascii()


def test_only_our_own_text_is_compiled() -> None:
    with pytest.raises(UsageError, match="only code printed by derive is compiled"):
        compiled("import os")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="cannot be the name of a function"):
        to_numpy(trace("x"), name="f():\n    import os\ndef g")
    with pytest.raises(UsageError, match="cannot be the name of a function"):
        to_numpy(trace("x"), name="lambda")


def called(node: ast.Call) -> str:
    """The bare name of what is called; of methods only lambdify counts."""
    if isinstance(node.func, ast.Name):
        return node.func.id
    return "lambdify" if isinstance(node.func, ast.Attribute) and node.func.attr == "lambdify" else ""


def test_compiling_happens_in_one_place() -> None:
    package = Path(derive.__file__).parent
    found = {
        (path.relative_to(package).as_posix(), called(node))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and called(node) in ("exec", "eval", "compile", "lambdify")
    }
    # besides, the confined child compiles the student's code that it was started to run
    assert found == {
        *(("codegen/load.py", name) for name in ("compile", "exec", "lambdify")),
        ("verification/code_child.py", "compile"),
    }


def test_several_outputs_give_one_gradient_each() -> None:
    program = trace("q = x*y\nf = q + z\ng = sin(q)")
    point = {"x": 1.5, "y": -0.5, "z": 2.0}
    expected = derive.jacobian(program, point)
    for emit in (to_numpy, to_torch):
        emitted = emit(program)
        for function in (emitted, emitted.from_source()):
            values, gradients = function(**point)
            assert len(values) == len(gradients) == 2
            found = [[float(entry) for entry in gradient] for gradient in gradients]
            assert found == [pytest.approx(list(expected[name].values())) for name in ("f", "g")]
    # the derivation of one output is code for that output alone
    value, gradient = to_numpy(reverse(program, "g"))(**point)
    assert [float(entry) for entry in gradient] == pytest.approx(list(expected["g"].values()))
    assert float(value) == pytest.approx(float(np.sin(-0.75)))


def test_code_is_made_of_reverse_sweeps() -> None:
    with pytest.raises(UsageError, match="code is made of reverse sweeps"):
        to_numpy(forward(trace("x*y")))


def test_arguments_are_named_by_the_author_and_mistakes_are_told() -> None:
    emitted = to_numpy(trace("x1*lambda", order=["x1", "lambda"]))
    assert emitted.inputs == ("x1", "lambda")
    assert numbers(emitted(2.0, **{"lambda": 3.0})) == [6.0, 3.0, 2.0]
    assert numbers(emitted(2.0, lambda_=3.0)) == [6.0, 3.0, 2.0]
    with pytest.raises(UsageError, match="lambda has no value; the inputs are x1, lambda"):
        emitted(2.0)
    with pytest.raises(UsageError, match="x2 is no input"):
        emitted(x2=1.0)
    with pytest.raises(UsageError, match="x1 is given two values"):
        emitted(2.0, x1=1.0)
    with pytest.raises(UsageError, match="takes 2 inputs"):
        emitted(1.0, 2.0, 3.0)


def test_a_program_is_shown_as_its_source() -> None:
    emitted = to_numpy(trace("relu(x)*[x > 1]"))
    assert repr(emitted) == emitted.source
    assert "&gt;" in emitted._repr_html_() and "<pre>" in emitted._repr_html_()


def test_torch_differentiates_through_the_emitted_gradient() -> None:
    torch = pytest.importorskip("torch")
    emitted = to_torch(trace("sin(x)*x^3"))
    for function in (emitted, emitted.from_source()):
        x = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
        value, (slope,) = function(x)
        assert float(torch.autograd.grad(value, x, retain_graph=True)[0]) == pytest.approx(float(slope.detach()))
        (second,) = torch.autograd.grad(slope, x)
        assert float(second) == pytest.approx(derive.hessian(trace("sin(x)*x^3"), {"x": 0.7})["x"]["x"])


def test_without_torch_the_line_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # what an import of an absent module meets
    with pytest.raises(MissingPartError, match=r"pip install torch==2\.13\.0"):
        to_torch(trace("x"))


def test_a_torch_that_does_not_load_tells_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libc10.so: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingPartError, match=r"libc10\.so.*pip install torch"):
        to_torch(trace("x"))


def test_depth_and_width_are_no_limit() -> None:
    def chain(x: Any) -> Any:
        for _ in range(2100):
            x = derive.sin(x + 1)
        return x

    deep = record(chain)
    emitted = to_numpy(deep)
    assert len(deep) > LAMBDIFY_LINES
    _, gradient = emitted(0.5)
    found = evaluate(reverse(deep).adjoint, evaluate(deep, {deep.input_names[0]: 0.5}))
    assert float(gradient[0]) == pytest.approx(found[reverse(deep).names[deep.input_names[0]]])
    wide = record(lambda *x: sum((x[0] * other for other in x[1:]), x[0]), inputs=1200)
    source = to_numpy_source(wide)
    assert max(map(len, source.splitlines())) <= 100
    assert compiled(Source(lower(wide), NUMPY))(*[1.0] * 1200)[1][0] == pytest.approx(1200.0)


def test_the_callable_of_many_lines_is_the_readable_source() -> None:
    def chain(x: Any, y: Any) -> Any:
        for _ in range(500):
            x = derive.sin(x * y + 1)
        return x

    program = record(chain)
    assert sum(1 for _ in lower(program).lines) > LAMBDIFY_LINES
    for emit in (to_numpy, to_torch):
        emitted = emit(program)
        assert numbers(emitted(0.4, 0.9)) == numbers(emitted.from_source()(0.4, 0.9))


def test_every_row_of_the_table_is_spelled_in_both_libraries() -> None:
    arguments = itertools.cycle((0.4, 0.7))
    for name, row in functions.OPERATIONS.items():
        operands = tuple(t.Name(label) for label in ("x", "y")[: row.arity])
        program = trace_tree(functions.operation_tree(row, operands))
        point = [next(arguments) for _ in program.inputs]
        expected = evaluate(program, dict(zip(program.input_names, point, strict=True)))[program.outputs[0]]
        for emit in (to_numpy, to_torch):
            emitted = emit(program, gradient=False)
            assert float(emitted(*point)) == pytest.approx(expected), name
            assert float(emitted.from_source()(*point)) == pytest.approx(expected), name
            # the same with a literal in place of a name, which torch's functions refuse as a plain number
            constant = trace_tree(
                functions.operation_tree(row, (t.Number("0.4"), t.Name("y"))[: row.arity]), order=["y"]
            )
            value = evaluate(constant, {constant.input_names[0]: 0.7})[constant.outputs[0]]
            literal = emit(constant, gradient=False)
            assert float(literal(0.7)) == pytest.approx(value), name
            assert float(literal.from_source()(0.7)) == pytest.approx(value), name
