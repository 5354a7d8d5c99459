"""Terms written as trees: the text reads back to the same values, and looks as a textbook sets it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derive import terms
from derive import tree as t
from derive.conventions import Notation
from derive.evaluation import Environment, value_of, values
from derive.gradients import Gradients, gradients
from derive.html.mathml import formula as mathml
from derive.integers import Index, Integer, IntegerEntry, Size, extreme, floor, integer
from derive.latex.formulas import formula as latex
from derive.plain import formula
from derive.program import Equation, Program
from derive.program_text import text_of
from derive.reading.equations import read_equations
from derive.runs import runs
from derive.terms import (
    Chain,
    Comparison,
    Divides,
    Entry,
    Guard,
    Opaque,
    Term,
    Winner,
    delta,
    entry,
    multiply,
    power,
    within,
)
from derive.terms import total as reduced
from derive.writing import shapes_of, tree_of_equation, tree_of_term
from tests.index_terms import free, index_terms
from tests.test_latex import balanced
from tests.thorough import examples

N, M = Size("n"), Size("m")
AXES = {"A": (N, M), "B": (M,), "c": ()}
THOROUGH = settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))


# --- terms that the plain notation has words for ----------------------------------------------------------------------


@st.composite
def subscripts(draw: Any, scope: Sequence[Index], size: Size) -> Integer:
    """a*i + b*j + c, a quotient or an extreme; an index stands alone only where the axis is its own."""
    alone = [integer(index) for index in scope if index.stop == integer(size)]
    if alone and draw(st.booleans()):
        return draw(st.sampled_from(alone))
    first, second = (draw(st.sampled_from([1, 2, -1])) * integer(draw(st.sampled_from(scope))) for _ in range(2))
    sum_ = first + second + draw(st.integers(-1, 2))
    found = {0: floor(sum_, 2), 1: extreme("max", [sum_, integer(1)])}.get(draw(st.integers(0, 5)), sum_)
    if not found.indices:  # a guarded read at a plain number is refused where the number is outside
        found = integer(scope[0]) + 2
    return found if found.index is None else found + 1


@st.composite
def reads(draw: Any, scope: Sequence[Index]) -> Term:
    name = draw(st.sampled_from(list(AXES)))
    places = tuple(draw(subscripts(scope, size)) for size in AXES[name])
    inside = [within(place, size) for place, size in zip(places, AXES[name], strict=True)]
    bare = all(place.index is not None for place in places)
    factors = [Entry(name, places)] if bare else [terms.guard(*inside), Entry(name, places)]
    return multiply(*draw(st.permutations(factors)))


@st.composite
def bodies(draw: Any, scope: Sequence[Index], depth: int = 3) -> Term:
    def below(around: Sequence[Index] = scope) -> Term:
        return draw(bodies(around, depth - 1))

    if depth == 0:
        leaf = draw(st.integers(0, 4))
        if leaf == 0:
            return terms.Number(Fraction(draw(st.integers(-9, 9)), draw(st.sampled_from([1, 2, 10, 3, 50000]))))
        return terms.whole(draw(subscripts(scope, N))) if leaf == 1 else draw(reads(scope))
    one, two = draw(subscripts(scope, N)), draw(subscripts(scope, M))
    match draw(st.integers(0, 10)):
        case 0 | 1:
            return terms.add(below(), multiply(draw(st.sampled_from([1, -1, -2, Fraction(-1, 3)])), below()))
        case 2:
            return multiply(below(), draw(st.sampled_from([-1, 3, Fraction(2, 3), Fraction(9, 10)])), below())
        case 3:
            return multiply(below(), delta(one, two))
        case 4:
            return multiply(below(), Guard((Divides(integer(draw(st.integers(2, 3))), one), Chain((two, one), ("<",)))))
        case 5:
            return multiply(Guard((Comparison((below(), terms.Number(Fraction(1, 4))), (">=",)),)), below())
        case 6:
            return terms.Apply(draw(st.sampled_from(["tanh", "relu", "abs", "sigmoid"])), (below(),))
        case 7:
            bounded = terms.add(1, power(terms.Apply("tanh", (below(),)), 2))
            exponent = draw(st.sampled_from([-1, 2, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2)]))
            return multiply(power(bounded, exponent), below())
    bound = [Index(draw(st.sampled_from("ijk")), draw(st.sampled_from([N, M, 2, 3]))) for _ in range(2)]
    bound = bound[: draw(st.integers(1, 2))]
    return reduced(bound, below([*scope, *bound]), draw(st.sampled_from(["sum", "sum", "sum", "max", "min"])))


def program_over(term: Term, indices: Sequence[Index]) -> Program:
    own = {Size("n"): "i", Size("m"): "j"}
    inputs = tuple(entry(name, *(Index(own[axis], axis) for axis in axes)) for name, axes in AXES.items())
    return Program(inputs, (Equation(entry("Y", *indices), term),), ("Y",), upstream={"Y": "Y_bar"})


def environment(seed: int) -> tuple[dict[str, Any], dict[str, int]]:
    rng = np.random.default_rng(seed)
    sizes = {"n": int(rng.integers(1, 5)), "m": int(rng.integers(1, 5))}
    shapes = {name: tuple(sizes[axis.name] for axis in axes) for name, axes in AXES.items()}
    return {name: rng.integers(-4, 5, size=shape) / 2 for name, shape in shapes.items()}, sizes


@THOROUGH
@given(st.data(), st.integers(0, 10**6))
def test_the_text_of_a_program_reads_back_to_the_same_values(data: st.DataObject, seed: int) -> None:
    indices = [Index("i", N), Index("j", M)]
    program = program_over(data.draw(bodies(indices)), indices)
    text = text_of(program)
    back = read_equations(text)
    arrays, sizes = environment(seed)
    expected, found = (values(each, arrays, sizes)["Y"] for each in (program, back))
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-9), text


#: What a course differentiates: unit and larger strides, remainders, dilation, padding, normalisation, attention.
COURSE = {
    "V : 6 x 5\nZ[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]\nK : 3 x 2": {},
    "V : H\nK : P\nZ[i] = sum(k) V[2*i+k]*K[k]": {"H": 8, "P": 3},
    "V : 9\nK : 3\nZ[i] = sum(k) V[i+2*k]*K[k]": {},
    "V : 12\nK : 3\nZ[i] = sum(k) V[2*i+4*k]*K[k]": {},
    "V : H\nK : 3\nZ : H\nZ[i] = sum(k) [0 <= i+k-1 < H]*V[i+k-1]*K[k]": {"H": 6},
    "z : n\np[i] = exp(z[i])/sum(k) exp(z[k])\ny : n\nC = -sum(i) y[i]*log(p[i])": {"n": 4},
    "X : m x n\nmu[j] = 1/m*sum(i) X[i,j]\ns[j] = 1/m*sum(i) (X[i,j] - mu[j])^2\n"
    "Y[i,j] = g[j]*(X[i,j] - mu[j])/sqrt(s[j] + 1e-5) + b[j]": {"m": 3, "n": 2},
    "Q : n x d\nK : n x d\nV : n x e\nS[i,j] = sum(k) Q[i,k]*K[j,k]/sqrt(d)\n"
    "A[i,j] = exp(S[i,j])/sum(k) exp(S[i,k])\nO[i,c] = sum(j) A[i,j]*V[j,c]": {"n": 3, "d": 2, "e": 4},
}  # fmt: skip


def numbers(program: Program, sizes: Mapping[str, int], seed: int = 0) -> dict[str, Any]:
    """Positive numbers for every input."""
    rng = np.random.default_rng(seed)

    shapes = shapes_of(program)

    def extent(size: Integer) -> int:
        return int(value_of(terms.whole(size), [], Environment(dict(sizes))))

    return {name: rng.uniform(0.5, 1.5, tuple(map(extent, shapes[name]))) for name in program.input_names}


def programs_of(found: Gradients) -> list[Program]:
    """The gathered adjoints, and those with limits in the place of guards."""
    gathered = found.adjoint
    ranged = tuple(line.ranged or line.equation for line in found.lines)
    return [gathered, Program(gathered.inputs, ranged, gathered.outputs)]


@pytest.mark.parametrize(("text", "sizes"), COURSE.items())
def test_the_text_of_gradients_reads_back_to_the_same_values(text: str, sizes: dict[str, int]) -> None:
    for program in programs_of(gradients(read_equations(text))):
        arrays = numbers(program, sizes)
        written = text_of(program)
        back = read_equations(written)
        read = {name: numbers for name, numbers in arrays.items() if name in back.heads}
        expected, found = values(program, arrays, sizes), values(back, read, sizes)
        for name in program.outputs:
            assert np.allclose(found[name], expected[name], rtol=1e-12, atol=1e-12), written


def visible_names(tree: t.Tree, around: frozenset[str], taken: frozenset[str]) -> None:
    for part in (tree.body,) if isinstance(tree, t.Reduction) else t.children(tree):
        inside = around
        if isinstance(tree, t.Reduction):
            assert len(set(tree.bound)) == len(tree.bound)
            assert around.union(taken).isdisjoint(tree.bound)
            inside = around.union(tree.bound)
        visible_names(part, inside, taken)


@THOROUGH
@given(st.data())
def test_no_two_visible_indices_share_a_name(data: st.DataObject) -> None:
    """Nor does a bound one have the name of an array or a size. All bound indices of these terms are called k."""
    indices = [Index("k", N), Index("k", M)]
    term = data.draw(index_terms(indices))
    visible_names(tree_of_term(term, free=indices), frozenset(("k", "l")), terms.reads(term))


@THOROUGH
@given(st.data(), st.booleans())
def test_any_term_can_be_written(data: st.DataObject, notation: bool) -> None:
    """Winners, ragged domains and indices from 1 on have a text too, though none that reads back."""
    indices = free()
    chosen = Notation(base=1, tight=True, limits=True, layered=frozenset("A")) if notation else Notation()
    tree = tree_of_term(data.draw(index_terms(indices)), chosen, free=indices)
    assert formula(tree)
    assert balanced(latex(tree))
    assert balanced(latex(tree, inline=True))
    children = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "munderover": 3}
    for element in ET.fromstring(mathml(tree)).iter():
        assert len(element) == children.get(element.tag, len(element))
    assert "".join(run.text for run in runs(tree))


# --- how it looks -----------------------------------------------------------------------------------------------------

i, j, k, m = Index("i", N), Index("j", M), Index("k", 3), Index("m", N)
p, q = Index("p", N), Index("q", M)
I, J, K = integer(i), integer(j), integer(k)  # noqa: E741

LOOKS: dict[str, tuple[Term, str, str]] = {
    "number first": (multiply(entry("a"), -2, entry("b")), "-2*a*b", r"-2 a \, b"),
    "sign of a whole number": (multiply(2, terms.whole(-I), entry("x")), "-2*i*x", r"-2 i \, x"),
    "quotient": (multiply(entry("a"), power(entry("b"), -1), entry("c")), "a*c/b", r"\frac{a \, c}{b}"),
    "mean": (multiply(power(terms.whole(N), -1), reduced([i], entry("x", i))), "1/n*sum(i) x[i]",
             r"\frac{1}{n} \sum_i x_i"),
    "extents": (power(terms.whole(integer(M) * N), -1), "1/(m*n)", r"\frac{1}{m \, n}"),
    "roots": (multiply(3, power(entry("s"), Fraction(-1, 2)), power(entry("t"), Fraction(1, 2))),
              "3*sqrt(t)/sqrt(s)", r"\frac{3 \sqrt{t}}{\sqrt{s}}"),
    "half": (multiply(Fraction(1, 2), power(terms.add(entry("y"), -entry("t")), 2)), "1/2*(y - t)^2",
             r"\frac{1}{2} \, (y - t)^2"),
    "decimal": (terms.add(entry("s"), Fraction(1, 100000)), "s + 1e-5", r"s + 10^{-5}"),
    "signs": (terms.add(-entry("y"), entry("p")), "p - y", "p - y"),
    "subscripts": (entry("V", 2 * I + K - 1, J - K), "V[2*i + k - 1, j - k]", r"V_{2 i + k - 1,\,j - k}"),
    "positive first": (entry("K", 1 - I + J), "K[j - i + 1]", "K_{j - i + 1}"),
    "nothing else": (entry("K", 1 - I), "K[1 - i]", "K_{1 - i}"),
    "guard before what it keeps inside": (
        multiply(entry("g", i), entry("K", integer(m) - I), terms.guard(within(integer(m) - I, 3))),
        "g[i]*[0 <= m - i < 3]*K[m - i]", r"g_i \, [0 \le m - i < 3] \, K_{m - i}"),
    "delta": (delta(m, I), "[m = i]", r"\delta_{m,i}"),
    "compound delta": (delta(2 * I + K, J), "[2*i + k = j]", r"\delta_{2 i + k,\,j}"),
    "remainder": (Guard((Divides(integer(2), I - K),)), "[mod(i - k, 2) = 0]", r"[2 \mid i - k]"),
    "floor": (entry("K", floor(I - J, 2)), "K[floor((i - j)/2)]", r"K_{\lfloor (i - j)/2 \rfloor}"),
    "limits": (reduced([Index("t", extreme("min", [I + 1, 3]), extreme("max", [0, I - 3]))], entry("a")),
               "sum(t) [max(0, i - 3) <= t < min(i + 1, 3)]*a", r"\sum_{t=\max(0, i - 3)}^{\min(i, 2)} a"),
    "largest": (reduced([k], entry("x", 2 * I + K), "max"), "max(k) [0 <= k < 3]*x[2*i + k]",
                r"\max_{0 \le k < 3} x_{2 i + k}"),
    "winner": (Winner("max", (p, q), entry("A", p, q), (I, K)), "[argmax(p, q) A[p, q] = (i, k)]",
               r"[\operatorname*{arg\,max}_{p,q} A_{p,q} = (i, k)]"),
    "second derivative": (Opaque("f", (), (entry("z"),), (2,)), "f''(z)", r"f^{\prime\prime}(z)"),
    "by the second argument": (Opaque("e", (I,), (entry("y", i), entry("a", i)), (0, 1)), "d_2 e[i](y[i], a[i])",
                               r"\partial_2 e_i(y_i, a_i)"),
    "compound partial": (terms.Partial(reduced([i], entry("x", i)), entry("x", m)), "d(sum(i) x[i])/d(x[m])",
                         r"\frac{\partial}{\partial x_m} \left(\sum_i x_i\right)"),
    "label": (entry("T", IntegerEntry("y", (I,), 0), j), "T[y[i], j]", "T_{y_i,j}"),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKS)
def test_terms_look_as_in_a_textbook(name: str) -> None:
    term, plain, printed = LOOKS[name]
    tree = tree_of_term(term, free=(i, j, m))
    assert formula(tree) == plain
    assert latex(tree) == printed


def test_a_sum_inside_a_sum_takes_the_next_letter() -> None:
    outer, inner = Index("k", N), Index("k", N)
    term = reduced([outer], multiply(entry("a", outer), power(reduced([inner], entry("l", outer, inner)), 2)))
    assert formula(tree_of_term(term)) == "sum(k) a[k]*(sum(m) l[k, m])^2"


def test_a_sum_over_a_part_of_an_axis_says_so_where_shapes_are_known() -> None:
    part = Index("k", 3)
    equation = Equation(entry("s"), reduced([part], entry("x", part)))
    assert formula(tree_of_equation(equation, shapes={"x": (integer(9),)})) == "s = sum(k) [0 <= k < 3]*x[k]"
    assert formula(tree_of_equation(equation, shapes={"x": (integer(3),)})) == "s = sum(k) x[k]"
    later = Index("k", 9, 2)
    equation = Equation(entry("s"), reduced([later], entry("x", later)))
    assert formula(tree_of_equation(equation, shapes={"x": (integer(9),)})) == "s = sum(k) [2 <= k < 9]*x[k]"
    assert formula(tree_of_equation(equation)) == "s = sum(k) [2 <= k < 9]*x[k]"
