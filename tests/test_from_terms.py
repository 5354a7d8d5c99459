"""A term as SymPy expression has the value of the term."""

import itertools

import numpy as np
import pytest
import sympy

from derive.errors import UsageError
from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.reading.from_terms import sympy_of_term
from derive.symbolic import Guard, maximum

ARRAYS = {
    "x": np.array([0.3, -1.2, 0.7]),
    "A": np.array([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0], [2.0, 1.0, 4.0]]),
    "y": np.array([2, 0, 1]),
    "c": 0.4,
}


def number(expr, known):
    """The meaning of an expression, spelled out; sums are written out term by term."""
    if expr in known:
        return known[expr]
    match expr:
        case sympy.Sum() | sympy.Product():
            ranges = [(k, range(int(number(low, known)), int(number(up, known)) + 1)) for k, low, up in expr.limits]
            parts = [
                number(expr.function, {**known, **dict(zip([k for k, _ in ranges], place, strict=True))})
                for place in itertools.product(*(span for _, span in ranges))
            ]
            return sum(parts) if isinstance(expr, sympy.Sum) else float(np.prod(parts))
        case sympy.Indexed():
            place = tuple(int(number(index, known)) for index in expr.indices)
            array = ARRAYS[str(expr.base.label)]
            return array[place] if all(0 <= at < size for at, size in zip(place, array.shape, strict=True)) else 0.0
        case Guard():
            places = {symbol: sympy.Integer(value) for symbol, value in known.items() if symbol.is_integer}
            return float(all(bool(each.xreplace(places)) for each in expr.args))
        case maximum():
            return max(number(part, known) for part in expr.args)
    if expr.is_number:
        return float(expr)
    parts = [sympy.Float(number(part, known)) if not part.is_Integer else part for part in expr.args]
    return float(expr.func(*parts))


@pytest.mark.parametrize(
    "right",
    [
        "sum(j) A[i,j]*x[j] - c/2",
        "sum(j,k) A[i,j]*A[j,k]*x[k]^2",
        "sin(x[i])*exp(c*x[i]) + max(x[i], c)",
        "prod(j) (1 + x[j]^2) + i*x[i]",
        "mean(j) A[i,j]",
        "[0 <= i - 1 < 3]*x[i-1] + A[i,0]",
        "x[y[i]]",
        "x[floor(i/2)]",
        "[mod(i, 2) = 0]*x[i]",
    ],
)
def test_the_expression_has_the_value_of_the_term(right):
    program = read_equations(f"x : 3\nA : 3 x 3\nc : scalar\ny : 3\nz : 3\nz[i] = {right}")
    (equation,) = program.equations
    expected = values(program, {name: ARRAYS[name] for name in program.input_names}, {})["z"]
    (index,) = equation.lhs.indices
    c = sympy.Symbol("c", real=True)
    assert str(equation.lhs) == "z[i]"
    for place in range(3):
        assert number(equation.rhs, {index: place, c: ARRAYS["c"]}) == pytest.approx(expected[place], rel=1e-12)


def test_bound_indices_are_fresh_and_sizes_positive():
    (equation,) = read_equations("x : n\nz = sum(k) x[k]").equations
    ((bound, lower, upper),) = equation.rhs.limits
    assert isinstance(bound, sympy.Dummy)
    assert (lower, str(upper)) == (0, "n - 1")
    assert next(iter(upper.free_symbols)).is_positive


def test_what_sympy_lacks_is_named():
    (equation,) = read_equations("z = max(k) x[k]").equations
    with pytest.raises(UsageError, match="max over an index"):
        sympy_of_term(equation.term)
