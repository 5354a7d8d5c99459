"""Trees as SymPy expressions, object by object: exact, with the value of what was written."""

import math

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.errors import DeriveError, ProgramError, WorkLimitError
from derive.plain import formula
from derive.reading.expressions import to_sympy
from derive.reading.from_sympy import tree_from_sympy
from derive.reading.reader import read
from derive.symbolic import Guard, fresh, names_read
from tests.thorough import examples
from tests.trees import numbers

x, y = sympy.symbols("x y", real=True)


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("x - y/2", x - y / 2),
        ("-x^2", -(x**2)),
        ("2^-x", sympy.Integer(2) ** -x),
        ("0.1 x", x / 10),
        ("1e-3", sympy.Rational(1, 1000)),
        ("pi*e", sympy.pi * sympy.E),
        ("ln(x)", sympy.log(x)),
        ("[x < y]*x", Guard(x < y) * x),
        ("E*I*S*N*Q*O", sympy.Mul(*sympy.symbols("E I S N Q O", real=True))),
    ],
)
def test_an_expression_is_built_exactly(text, expression):
    assert to_sympy(read(text)) == expression


def test_declared_names_are_no_constants():
    built = to_sympy(read("pi*e", declared=("pi", "e")), declared=("pi", "e"))
    assert {symbol.name for symbol in built.free_symbols} == {"pi", "e"}


def test_a_bound_index_is_fresh_and_has_the_extent_of_its_axis():
    built = to_sympy(read("sum(k) x[k]*x[j]"), shapes={"x": ("n",)}, symbols={"j": sympy.Symbol("j", integer=True)})
    ((bound, lower, upper),) = built.limits
    assert isinstance(bound, sympy.Dummy)
    assert (lower, str(upper)) == (0, "n - 1")
    with pytest.raises(ProgramError, match="the extent of k is not known"):
        to_sympy(read("sum(k) x[k]"))
    with pytest.raises(ProgramError, match="index k has two extents: 2"):
        to_sympy(read("sum(k) x[k]*y[k]"), shapes={"x": (2,), "y": (3,)})


def test_whole_array_notation_is_refused():
    for text in ("A @ B", "A^T", "norm(A)", "x = y", "max(A)"):
        with pytest.raises(ProgramError):
            to_sympy(read(text))


def test_a_huge_power_of_constants_is_not_worked_out():
    with pytest.raises(WorkLimitError):
        to_sympy(read("(10^10000)^10000"))


def test_depth_is_no_limit_for_building():
    tree: t.Tree = t.Name("x")
    for _ in range(150):
        tree = t.Sum((("+", t.Number("1")), ("-", t.Product((("*", tree), ("*", tree))))))  # shared, not copied
    assert isinstance(tree, t.Sum)
    deep: t.Tree = t.Name("x")
    for _ in range(300):
        deep = t.Call("sin", (deep,))
    assert to_sympy(deep).has(sympy.sin)


leaves = numbers | st.sampled_from(("x", "y")).map(t.Name)


def compound(parts):
    pairs = st.lists(st.tuples(st.sampled_from("+-"), parts), min_size=1, max_size=2)
    factors = st.lists(st.tuples(st.sampled_from("*/"), parts), min_size=1, max_size=2)
    return st.one_of(
        st.builds(t.Negative, parts),
        st.builds(lambda first, rest: t.Sum((("+", first), *rest)), parts, pairs),
        st.builds(lambda first, rest: t.Product((("*", first), *rest)), parts, factors),
        st.builds(lambda base: t.Power(base, t.Number("2")), parts),
        st.builds(lambda f, u: t.Call(f, (u,)), st.sampled_from(("sin", "exp", "tanh", "relu", "abs")), parts),
        st.builds(lambda u, w: t.Call("max", (u, w)), parts, parts),
    )


scalar = st.recursive(leaves, compound, max_leaves=8)


def value_of(tree, values):
    """The meaning of a scalar tree in floats, spelled out."""
    match tree:
        case t.Number():
            return float(tree.value)
        case t.Name(text=text):
            return values[text]
        case t.Negative(body=body):
            return -value_of(body, values)
        case t.Sum(terms=terms):
            return sum((1 if sign == "+" else -1) * value_of(term, values) for sign, term in terms)
        case t.Product(factors=factors):
            total = 1.0
            for sign, factor in factors:
                total = total / value_of(factor, values) if sign == "/" else total * value_of(factor, values)
            return total
        case t.Power(base=base):
            return value_of(base, values) ** 2
        case t.Call(function=name, arguments=arguments):
            functions = {"sin": math.sin, "exp": math.exp, "tanh": math.tanh, "abs": abs, "max": max}
            functions["relu"] = lambda u: max(u, 0.0)
            return functions[name](*(value_of(argument, values) for argument in arguments))
    raise AssertionError(tree)


@settings(max_examples=examples(120), deadline=None)
@given(scalar)
def test_the_built_expression_and_its_tree_have_the_value_of_what_was_written(tree):
    values = {"x": 0.7, "y": -1.3}
    try:
        expected = value_of(tree, values)
        built = to_sympy(tree)
        again = value_of_sympy(to_sympy(tree_from_sympy(built)), values)
    except (ZeroDivisionError, OverflowError, DeriveError):
        assume(False)
    assume(math.isfinite(expected) and abs(expected) < 1e8)
    got = value_of_sympy(built, values)
    assert got == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert again == pytest.approx(expected, rel=1e-6, abs=1e-6)


def value_of_sympy(expression, values):
    """The meaning of a SymPy expression in floats, spelled out."""
    if isinstance(expression, sympy.Symbol):
        return values[expression.name]
    if not expression.args:
        return float(expression)
    arguments = [value_of_sympy(argument, values) for argument in expression.args]
    if isinstance(expression, sympy.Add):
        return sum(arguments)
    if isinstance(expression, sympy.Mul):
        return math.prod(arguments)
    if isinstance(expression, sympy.Pow):
        return arguments[0] ** arguments[1]
    functions = {"absolute": abs, "maximum": max, "relu": lambda u: max(u, 0.0)}
    name = expression.func.__name__
    return (functions.get(name) or getattr(math, name))(*arguments)


i, m = (sympy.Symbol(name, integer=True) for name in "im")
H, P = (sympy.Symbol(name, integer=True, positive=True) for name in "HP")


def indexed(name, shape, *indices):
    return sympy.IndexedBase(sympy.Symbol(name, real=True), shape=shape)[indices]


def test_fresh_indices_are_equal_to_no_other():
    assert fresh(i) != i
    assert fresh(i) != fresh(i)
    assert (fresh(i).name, fresh(i).is_integer) == ("i", True)


def test_names_read_are_values_and_arrays_in_a_fixed_order():
    k = sympy.Symbol("k", integer=True)
    inner = indexed("T", (H,), indexed("s", (H,), i))
    expr = sympy.Sum(indexed("W", (H, P), i, k) * inner * x, (k, 0, P - 1)) + y * i
    assert set(names_read(expr)) == {"W", "T", "s", "x", "y"}
    assert names_read(expr) == names_read(expr.copy())


def test_fresh_indices_are_printed_under_names_of_their_own():
    vector = indexed("x", (H,), i)
    other = fresh(i)
    total = sympy.Sum(vector.base[other] * vector.base[i], (other, 0, H - 1))
    assert formula(tree_from_sympy(total)) == "sum(i_1) x[i]*x[i_1]"


def test_a_guard_is_printed_as_a_chain():
    guard = Guard(sympy.LessThan(0, m - i), sympy.StrictLessThan(m - i, P))
    assert formula(tree_from_sympy(guard * indexed("x", (H,), i))) == "[0 <= m - i < P]*x[i]"
