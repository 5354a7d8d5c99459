"""One test walks the table of operations: a new row brings its own test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
import sympy

from derive import symbolic
from derive import tree as t
from derive.adjoints import reverse
from derive.arithmetic import FLOATS, violated
from derive.checks.autograd import autograd_gradient
from derive.checks.differences import at_a_kink, central_difference, complex_step
from derive.codegen.symbols import SYMBOLS
from derive.errors import DomainError
from derive.evaluate import evaluate
from derive.functions import CALLABLE, COMPARISONS, OPERATIONS, TREES, Operation, operation_tree
from derive.program import Elementary, Equation, Program

CANDIDATES = (-2.0, -1.3, -0.4, 0.3, 0.7, 1.9, 3.0)

#: SymPy's own functions for those that derive defines itself: their derivatives are SymPy's, not ours.
BUILTIN = {
    symbolic.sigmoid: lambda u: 1 / (1 + sympy.exp(-u)),
    symbolic.softplus: lambda u: sympy.log(1 + sympy.exp(u)),
    symbolic.relu: lambda u: sympy.Max(u, 0),
    symbolic.absolute: sympy.Abs,
    symbolic.signum: sympy.sign,
    symbolic.maximum: sympy.Max,
    symbolic.minimum: sympy.Min,
}


def program_of(row: Operation) -> Program:
    """The row alone, on names x, y."""
    names = ("x", "y")[: row.arity]
    return Program(names, (Equation("v", Elementary(row, names)),), ("v",)).check()


def inside(row: Operation) -> Iterator[dict[str, float]]:
    """Points at which the row has a value and all its derivatives, and stands on no kink."""
    names = ("x", "y")[: row.arity]
    for values in itertools.product(CANDIDATES, repeat=row.arity):
        if any(violated(FLOATS, requirement, values) for requirement in (*row.value_domain, *row.derivative_domain)):
            continue
        if row.name == "pow" and values[0] < 0:  # the exponent has a derivative for positive bases only
            continue
        if row.arity == 2 and values[0] == values[1] and (row.kink or row in COMPARISONS.values()):
            continue
        yield dict(zip(names, values, strict=True))


def local_partials(row: Operation, point: dict[str, float]) -> list[float]:
    operands = tuple(point.values())
    result = row.value(FLOATS, *operands)
    return [float(partial(FLOATS, *operands, result)) for partial in row.partials]


@pytest.mark.parametrize("row", OPERATIONS.values(), ids=OPERATIONS)
def test_every_partial_is_sympys_derivative(row: Operation) -> None:
    symbols = [sympy.Dummy(real=True) for _ in range(row.arity)]
    if row in COMPARISONS.values():  # an indicator is constant where it has a derivative
        assert all(local_partials(row, point) == [0.0, 0.0] for point in inside(row))
        return
    value = row.value(SYMBOLS, *symbols)
    for own, builtin in BUILTIN.items():
        value = value.replace(own, builtin)
    count = 0
    for point in inside(row):
        numbers = dict(zip(symbols, map(sympy.Float, point.values()), strict=True))
        for symbol, partial in zip(symbols, local_partials(row, point), strict=True):
            expected = sympy.diff(value, symbol).subs(numbers).doit()
            assert partial == pytest.approx(float(expected), rel=1e-12, abs=1e-15), (point, symbol)
        count += 1
    assert count >= 3


@pytest.mark.parametrize("row", OPERATIONS.values(), ids=OPERATIONS)
def test_every_partial_is_what_differences_the_complex_step_and_torch_find(row: Operation) -> None:
    program = program_of(row)
    derivation = reverse(program)
    for point in inside(row):
        partials = local_partials(row, point)
        theirs, ours = autograd_gradient(derivation, point)
        for name, partial in zip(point, partials, strict=True):
            difference = central_difference(program, "v", point, name)
            assert difference.value == pytest.approx(partial, rel=1e-7, abs=1e-8), (point, name)
            assert complex_step(program, "v", point, name).value == pytest.approx(partial, rel=1e-13, abs=1e-15)
            assert theirs[name] == pytest.approx(partial, rel=1e-12, abs=1e-15), (point, name)
            assert ours[name] == pytest.approx(partial, rel=1e-12, abs=1e-15), (point, name)


@pytest.mark.parametrize("row", OPERATIONS.values(), ids=OPERATIONS)
def test_the_formula_of_a_partial_has_its_value(row: Operation) -> None:
    """A rule runs on trees and on numbers; both must mean the same."""
    from derive.evaluate import tree_value

    names = ("x", "y")[: row.arity]
    for point in inside(row):
        scope = {**point, "v": row.value(FLOATS, *point.values())}
        assert float(tree_value(FLOATS, operation_tree(row, tuple(map(t.Name, names))), scope)) == scope["v"]
        for partial, number in zip(row.partials, local_partials(row, point), strict=True):
            tree = t.tree_of(partial(TREES, *map(t.Name, names), t.Name("v")))
            assert float(tree_value(FLOATS, tree, scope)) == pytest.approx(number, rel=1e-12), (point, tree)


@pytest.mark.parametrize(("name", "agreed"), [("relu", 0.0), ("abs", 0.0), ("sign", 0.0)])
def test_at_a_kink_the_derivative_is_torchs(name: str, agreed: float) -> None:
    program = program_of(OPERATIONS[name])
    theirs, ours = autograd_gradient(reverse(program), {"x": 0.0})
    assert theirs == ours == {"x": agreed}
    assert local_partials(OPERATIONS[name], {"x": 0.0}) == [agreed]
    assert OPERATIONS[name].kink == f"{name}'(0) = 0"
    assert at_a_kink(program, {"x": 0.0})


@pytest.mark.parametrize("name", ["max", "min"])
def test_a_tie_goes_to_the_first_operand_where_torch_shares_it(name: str) -> None:
    program = program_of(OPERATIONS[name])
    theirs, ours = autograd_gradient(reverse(program), {"x": 2.0, "y": 2.0})
    assert ours == {"x": 1.0, "y": 0.0}
    assert theirs == {"x": 0.5, "y": 0.5}
    assert OPERATIONS[name].kink == f"a tie of {name} goes to its first operand"


OUTSIDE = [
    ("div", (1.0, 0.0)), ("log", (0.0,)), ("log", (-1.0,)), ("sqrt", (-1.0,)), ("asin", (1.5,)), ("acos", (-1.5,)),
    ("pow", (-1.0, 0.5)), ("pow", (0.0, -1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values"), OUTSIDE)
def test_outside_the_domain_the_row_has_no_value(name: str, values: tuple[float, ...]) -> None:
    program = program_of(OPERATIONS[name])
    with pytest.raises(DomainError, match="has no value"):
        evaluate(program, dict(zip(("x", "y"), values, strict=False)))


@pytest.mark.parametrize(("name", "value"), [("sqrt", 0.0), ("asin", 1.0), ("acos", -1.0)])
def test_at_the_edge_of_the_domain_there_is_a_value_and_no_derivative(name: str, value: float) -> None:
    program = program_of(OPERATIONS[name])
    values = evaluate(program, {"x": value})
    with pytest.raises(DomainError, match="has no derivative"):
        evaluate(reverse(program).adjoint, values)


def test_zero_to_the_zero_is_one_and_powers_of_zero_have_their_derivative() -> None:
    def at(text: str, x: float) -> tuple[float, float]:
        from derive.tracing import trace

        derivation = reverse(trace(text))
        values = evaluate(derivation.primal, {"v_0": x})
        return values["v_1"], float(evaluate(derivation.adjoint, values)["vbar_0"])

    assert at("x^0", 0.0) == (1.0, 0.0)
    assert at("x^1", 0.0) == (0.0, 1.0)
    assert at("x^2", 0.0) == (0.0, 0.0)
    assert at("x^3", -2.0) == (-8.0, 12.0)


def test_every_callable_function_is_a_row_with_sympy_constructor() -> None:
    assert set(CALLABLE) == set(symbolic.FUNCTIONS)
    promised = "sin cos tan asin acos atan sinh cosh tanh exp log sqrt abs sign max min relu sigmoid softplus erf"
    assert set(promised.split()) == set(CALLABLE) - {"copy"}


def test_every_row_has_a_partial_for_each_operand() -> None:
    assert {row.name for row in OPERATIONS.values() if len(row.partials) != row.arity} == set()
