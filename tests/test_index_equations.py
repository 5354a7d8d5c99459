"""Index equations of any rank: extents from the subscripts, and one clear sentence where they are not settled."""

import math

import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.errors import DeriveError, ProgramError, ReadingError, WorkLimitError
from derive.plain import formula
from derive.reading.equations import read_equations
from derive.reading.expressions import to_sympy
from derive.reading.from_sympy import tree_from_sympy
from derive.reading.reader import read
from derive.symbolic import Guard
from tests.trees import numbers


def shape(program, name):
    return tuple(str(extent) for extent in program.by_name[name].lhs.base.shape)


def test_a_correlation_has_the_largest_output_that_is_inside():
    program = read_equations("V : H x W\nK : P x Q\nZ[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]")
    assert shape(program, "Z") == ("H - P + 1", "-Q + W + 1")
    assert program.input_names == ("V", "K")
    (equation,) = program.equations
    total = equation.rhs
    assert isinstance(total, sympy.Sum)
    assert {str(upper) for _, _, upper in total.limits} == {"P - 1", "Q - 1"}
    assert formula(equation.tree) == "sum(k, l) V[i + k, j + l]*K[k, l]"
    assert formula(equation.written) == "Z[i, j] = sum(k, l) V[i + k, j + l]*K[k, l]"


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2))
def test_an_extent_is_the_largest_for_which_every_read_is_inside(entries, kernel, stride, dilation, offset):
    def inside(rows):
        return all(stride * i + dilation * k + offset < entries for i in range(rows) for k in range(kernel))

    largest = max(rows for rows in range(entries + 1) if inside(rows))
    text = f"V : {entries}\nK : {kernel}\nz[i] = sum(k) V[{stride}*i + {dilation}*k + {offset}]*K[k]"
    if largest:
        assert shape(read_equations(text), "z") == (str(largest),)
    else:
        with pytest.raises(ReadingError, match="V is too small"):
            read_equations(text)


def test_a_descending_read_is_inside_as_well():
    assert shape(read_equations("x : n\nz[i] = x[n-1-i]"), "z") == ("n",)


def test_layers_link_their_extents():
    program = read_equations(
        "W : m x n\nz[i] = sum(j) W[i,j]*x[j] + b[i]\na[i] = tanh(z[i])\nL = mean(i) (a[i] - y[i])^2/2"
    )
    assert shape(program, "a") == ("m",)
    assert program.outputs == ("L",)
    assert program.input_names == ("W", "x", "b", "y")
    assert {name: str(target.base.shape) for name, target in zip(program.input_names, program.inputs, strict=True)} == {
        "W": "(m, n)",
        "x": "(n,)",
        "b": "(m,)",
        "y": "(m,)",
    }
    m = sympy.Symbol("m", integer=True, positive=True)
    assert m in program.by_name["L"].rhs.free_symbols


def test_lines_may_stand_in_any_order():
    program = read_equations("L = sum(i) a[i]\na[i] = exp(x[i])")
    assert [equation.name for equation in program] == ["a", "L"]
    assert program.remarks


def test_a_guarded_read_constrains_no_extent():
    program = read_equations("Z : H\nV : H\nZ[i] = sum(k) [0 <= i+k-1 < H]*V[i+k-1]*K[k]")
    assert shape(program, "Z") == ("H",)
    assert any(isinstance(piece, Guard) for piece in sympy.preorder_traversal(program.by_name["Z"].rhs))


def test_zero_padding_may_read_a_shorter_array():
    assert shape(read_equations("Z : 5\na : 3\nZ[i] = [i < 3]*a[i]"), "Z") == ("5",)


def test_a_recurrence_reads_its_own_earlier_entries():
    program = read_equations("s[t] = [t >= 1]*c*s[t-1] + u[t]")
    assert program.inputs[0] == "c"
    assert program.by_name["s"].reads == ("c", "s", "u")


def test_integer_arrays_and_whole_numbers_may_stand_in_subscripts():
    program = read_equations("T : 5 x 2\nz[i,j] = T[y[i],j]")
    assert shape(program, "z")[1] == "2"
    program = read_equations("p : scalar\nz[i] = x[i+p]")
    assert shape(program, "z") == ("n_x1 - p",)
    assert shape(read_equations("B : 6 x n\nz[i] = B[0,i] - B[5,i]"), "z") == ("n",)


def test_the_upstream_names_are_the_outputs():
    assert read_equations("upstream Z = G\nZ[i] = 2*x[i]\nw[i] = x[i]").outputs == ("Z",)
    assert read_equations("Z[i] = 2*x[i]\nw[i] = x[i]").outputs == ("Z", "w")


@pytest.mark.parametrize(
    ("text", "place", "piece"),
    [
        ("z[i] = W[i,k]*x[k]", (1, 12), "index k on the right of z[i] is neither on the left nor bound"),
        ("z[i,i] = x[i]", (1, 1), "index i stands twice on the left of z[i, i]"),
        ("z[i] = sum(i) x[i]", (1, 8), "index i is bound already"),
        ("z[i] = sum(j) sum(j) W[i,j]", (1, 15), "index j is bound already"),
        ("z[i] = sum(j,j) W[i,j]", (1, 8), "index j stands twice here"),
        ("W : m x n\nu : p\nz[i] = sum(j) W[i,j]*u[j]", (3, 15), "n on axis 2 of W and p on axis 1 of u"),
        ("z : 3\nx : 4\nz[i] = x[i]", (3, 8), "3 on axis 1 of z and 4 on axis 1 of x"),
        ("z[i] = 3", (1, 1), "the extent of i is not settled; declare the shape, as in z : m"),
        ("z[i,j] = sum(k) V[i+j+k]*K[k]", (1, 1), "as in z : m x n"),
        ("z[i] = sum(k) 2*x[i]", (1, 8), "the extent of k is not settled"),
        ("z[i] = x[i,j]*x[i]", (1, 12), "index j"),
        ("z[i] = x[i] + x[i,i]", (1, 15), "x has 1 axis elsewhere, and 2 axes here"),
        ("x : m\nz[i] = 2*x", (2, 10), "x is an array; write its entries, as in x[i]"),
        ("W : m\nz[i] = W[i,i]", (2, 8), "W has 1 axis elsewhere"),
        ("x : n\nz[n] = x[n]", (2, 1), "n is a value or a size"),
        ("z[i] = x[i/2]*u[i]", (1, 10), "an index is a whole number"),
        ("z[i] = x[i^2]*u[i]", (1, 10), "an index is a whole number"),
        ("z[i] = x[0.5]*u[i]", (1, 10), "0.5 is none"),
        ("z[i] = max(k) x[i,k]", (1, 8), "max over an index"),
        ("z[i] = x[i]*norm(u[i])", (1, 8), "norm of a whole array"),
        ("V : m\nU : n\nz[i] = V[i+1] + U[i+2]", (3, 8), "whichever is less; declare the shape of z"),
    ],
)
def test_what_is_not_settled_is_refused_with_its_place(text, place, piece):
    with pytest.raises(ReadingError) as caught:
        read_equations(text, file="task.txt")
    assert piece in caught.value.message
    assert (caught.value.line, caught.value.column, caught.value.file) == (*place, "task.txt")


def test_a_declared_output_that_reads_outside_is_refused_with_the_numbers():
    text = "V : 8 x 8\nK : 3 x 3\nZ : 4 x 6\nZ[i,j] = sum(k,l) V[2*i+k,j+l]*K[k,l]"
    with pytest.raises(ProgramError, match=r"2\*i \+ k reaches 8, V has rows 0\.\.7 \(i in 0\.\.3, k in 0\.\.2\)"):
        read_equations(text)


# --- SymPy, object by object ------------------------------------------------------------------------------------------

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


@settings(max_examples=120, deadline=None)
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
