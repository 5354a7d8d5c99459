"""Conventions: what a course has agreed on, read from key=value, and what formulas look like then."""

from __future__ import annotations

from dataclasses import fields
from itertools import combinations

import pytest

from derive import tree as t
from derive.conventions import KEYS, LOSS, PLAIN, Conventions, Notation, conventions_help, read_conventions
from derive.errors import UsageError
from derive.gradients import gradients
from derive.html.mathml import formula as mathml
from derive.integers import Index, IntegerEntry, Size, integer
from derive.latex.formulas import formula as latex
from derive.plain import formula
from derive.program import Equation
from derive.reading.equations import read_equations
from derive.runs import runs
from derive.subjects import mlp
from derive.terms import Opaque, Term, delta, entry, guard, multiply, total, within
from derive.writing import shapes_of, tree_of_equation, tree_of_term

LAYERED = ("a", "z", "w", "b", "n", "f", "a_bar", "z_bar", "w_bar", "b_bar")


def seen(tree: t.Tree) -> set[str]:
    """What is to be seen in every medium."""
    drawn = "".join(f"{run.text}{run.scripts}{run.accents}" for run in runs(tree))
    return {latex(tree), mathml(tree), drawn}


# --- laws -------------------------------------------------------------------------------------------------------------


def test_kroneckers_delta_the_error_delta_the_loss_and_the_last_layer_never_print_alike() -> None:
    """Whatever the indices: one or two, letters or numbers."""
    i, j = Index("i", 3), Index("j", 3)
    for commas in (True, False):
        conventions = Conventions(error="delta", commas=commas)
        notation = conventions.notation(loss="L", adjoints={"z": "z_bar"}, signals=["z"])
        terms: list[Term] = [
            delta(i, j),
            entry("z_bar", i, j),
            entry("L"),
            multiply(1, entry("n", integer(Size("L")))),
        ]
        trees = [tree_of_term(term, notation, free=[i, j]) for term in terms]
        assert isinstance(trees[3], t.Subscript)
        trees[3] = trees[3].indices[0]  # the last layer, where it stands in n[L]
        for one, other in combinations(trees, 2):
            assert seen(one).isdisjoint(seen(other))


def test_an_array_of_the_users_own_called_delta_keeps_kroneckers_away() -> None:
    i, j = Index("i", 3), Index("j", 3)
    tree = tree_of_term(multiply(entry("delta", i, j), delta(i, j)), free=[i, j])
    assert latex(tree) == r"\delta_{i,j} \, [i = j]"
    beside = PLAIN.beside(["delta_3"])
    assert latex(tree_of_term(delta(i, j), beside, free=[i, j])) == "[i = j]"
    assert latex(tree_of_term(delta(i, j), free=[i, j])) == r"\delta_{i,j}"


def test_a_notation_changes_no_plain_text_but_that_of_partial_derivatives_and_of_counting_from_one() -> None:
    found = gradients(read_equations("V : H\nK : 3\nZ[i] = sum(k) V[i+k]*K[k]\nC = sum(i) Z[i]^2"))
    notation = Conventions(error="delta", commas=False, layer="()").notation(
        loss="", adjoints=found.names, signals=["Z"], layered=["Z"]
    )
    for line in found.lines:
        assert formula(tree_of_equation(line.equation, notation)) == formula(tree_of_equation(line.equation))


def test_every_key_is_a_field_and_its_first_value_the_default() -> None:
    assert [key.name for key in KEYS] == [each.name for each in fields(Conventions)]
    for key in KEYS:
        assert len(key.sentences) == len(key.values) > 1
        assert next(iter(key.values.values())) == getattr(Conventions(), key.name)
        for written, value in key.values.items():
            assert getattr(read_conventions([f"{key.name}={written}"]), key.name) == value
            assert f"{key.name}={written}" in dict(conventions_help())


# --- the sheets -------------------------------------------------------------------------------------------------------


def test_the_equations_of_backpropagation_look_as_on_the_sheet() -> None:
    """INF265, project 1, (4) to (7)."""
    found = mlp.backpropagation()
    conventions = Conventions(error="delta", commas=False, index=1)
    notation = conventions.notation(layered=LAYERED, loss="C", adjoints=found.gradients.names, signals=["z"])
    lines = (found.weights, found.last, found.hidden, found.biases)
    assert [latex(tree_of_equation(line, notation)) for line in lines] == [
        r"\frac{\partial \mathcal{L}}{\partial w_{ij}^{[l]}} = \delta_i^{[l]} \, a_j^{[l - 1]}",
        r"\delta_i^{[L]} = \partial_2 e_i(y_i, a_i^{[L]}) \, f^{[L]\prime}(z_i^{[L]})",
        r"\delta_i^{[l]} = \left(\sum_{k=1}^{n^{[l + 1]}} \delta_k^{[l + 1]} \, w_{ki}^{[l + 1]}\right) \,"
        r" f^{[l]\prime}(z_i^{[l]})",
        r"\frac{\partial \mathcal{L}}{\partial b_i^{[l]}} = \delta_i^{[l]}",
    ]


def test_the_convolution_and_its_first_derivatives_look_as_on_the_sheet() -> None:
    """Deep Neural Networks, assignment 11, question 2."""
    program = read_equations("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]")
    found, notation = gradients(program), Conventions(commas=False).notation(loss="L")
    written = {
        latex(tree_of_equation(step.after, notation, shapes=shapes_of(program)))
        for step in found["K"].partials[0].steps
    }
    assert (
        r"\frac{\partial Z_{ij}}{\partial K_{mn}} = \sum_{k,l} V_{i + k,\,j + l} \, \delta_{k,m} \, \delta_{l,n}"
        in written
    )
    assert r"\frac{\partial Z_{ij}}{\partial K_{mn}} = V_{i + m,\,j + n}" in written


# --- one setting after another ----------------------------------------------------------------------------------------

i, j, k, l, m = Index("i", 5), Index("j", 5), Index("k", 3), Index("l", 4, 1), Index("m", 9)  # noqa: E741

t_ = Index("t", integer(i) + 1)

FROM_ONE: dict[str, tuple[Term, str]] = {
    "a lone index stays": (entry("K", i, j), "K_{i,j}"),
    "a sum of two loses one": (entry("V", 2 * integer(i) + k), "V_{2 i + k - 2}"),
    "a difference gains one": (entry("K", integer(m) - i), "K_{m - i + 1}"),
    "a number grows": (entry("x", integer(0)), "x_1"),
    "delta": (delta(i, k), r"\delta_{i,k}"),
    "compound delta": (delta(2 * integer(i) + k, m), r"\delta_{2 i + k - 2,\,m}"),
    "guard of a place": (guard(within(integer(i) + k - 1, 5)), r"[1 \le i + k - 2 \le 5]"),
    "guard of a difference": (guard(within(integer(m) - i, 3)), r"[0 \le m - i < 3]"),
    "limits": (total([t_], entry("a", 2 * integer(t_))), r"\sum_{t=1}^i a_{2 t - 1}"),
    "the layer stays": (entry("w", l, i), "w_i^{[l]}"),
    "the size of a layer": (entry("b", integer(IntegerEntry("n", (integer(l),), 1))), "b_{n^{[l]} + 1}"),
    "a label stays": (entry("T", integer(IntegerEntry("y", (integer(i),), 0)), j), "T_{y_i,j}"),
}


@pytest.mark.parametrize("name", FROM_ONE)
def test_indices_count_from_one_in_print(name: str) -> None:
    term, printed = FROM_ONE[name]
    notation = Notation(base=1, layered=frozenset("wn"))
    assert latex(tree_of_term(term, notation, free=[i, j, k, l, m])) == printed


def test_the_values_of_a_domain_are_the_same_seen_from_one() -> None:
    """1 <= i + k - 2 <= 5 for the indices of a reader who counts from 1 is 0 <= i + k - 1 < 5 for ours."""
    held = read_equations("X : 9\nY : 5\nY[i] = sum(k) [0 <= i + k - 1 < 5]*[0 <= k < 3]*X[i+k]").equations[0]
    tree = tree_of_equation(held, Notation(base=1, limits=True))
    assert formula(tree) == "Y[i] = sum(k) [1 <= k < 4]*[1 <= i + k - 2 <= 5]*X[i + k - 1]"


def test_layers_and_functions_have_their_layer_above() -> None:
    f = Opaque("f", (integer(l),), (entry("z", l, i),), (1,))
    bracket, paren = (Notation(layered=frozenset("fz"), layer=each) for each in ("[]", "()"))
    assert latex(tree_of_term(f, bracket, free=[l, i])) == r"f^{[l]\prime}(z_i^{[l]})"
    assert latex(tree_of_term(f, paren, free=[l, i])) == r"f^{(l)\prime}(z_i^{(l)})"
    assert formula(tree_of_term(f, paren, free=[l, i])) == "f'[l](z[l, i])"
    square = tree_of_term(multiply(1, entry("z", l, i)), bracket, free=[l, i])
    assert latex(t.Power(square, t.Number("2"))) == "(z_i^{[l]})^2"


def test_several_error_signals_have_their_own_letters() -> None:
    notation = Conventions(error="delta").notation(
        adjoints={"z_1": "zbar_1", "z_2": "zbar_2", "s": "s_bar"}, signals=["z_1", "z_2", "s"]
    )
    printed = [latex(tree_of_term(entry(name), notation)) for name in ("zbar_1", "zbar_2", "s_bar")]
    assert printed == [r"\delta_1", r"\delta_2", r"\delta_s"]


def test_adjoints_stand_first_where_that_is_asked_for() -> None:
    notation = Conventions().notation(adjoints={"y": "y_bar"})
    term = multiply(2, entry("x", i), entry("y_bar", i))
    assert formula(tree_of_term(term, notation, free=[i])) == "2*y_bar[i]*x[i]"
    assert formula(tree_of_term(term, free=[i])) == "2*x[i]*y_bar[i]"


def test_the_loss_is_a_script_letter_and_the_last_layer_is_not() -> None:
    notation = Conventions().notation(loss="L", layered="a")
    equation = Equation(entry("L"), entry("a", integer(Size("L"))))
    assert latex(tree_of_equation(equation, notation)) == r"\mathcal{L} = a^{[L]}"
    assert notation.symbols == {"L": LOSS}


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED = {
    ("kernal=convolution",): "no convention is called 'kernal'; did you mean kernel?",
    ("colour=red",): "no convention is called 'colour'; there are weights, layout, kernel, reduction, half, index, "
                     "layer, commas, limits, error",
    ("kernel",): "the convention kernel has no value; write kernel=correlation or kernel=convolution",
    ("kernel=flipped",): "the convention kernel=flipped is not known; write kernel=correlation or kernel=convolution",
    ("half=yes",): "the convention half=yes is not known; write half=false or half=true",
    ("index=0", "index=1"): "the convention index is given as 0 and as 1; give it once",
}  # fmt: skip


@pytest.mark.parametrize("given", REFUSED)
def test_what_is_no_convention_is_refused_with_what_there_is(given: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        read_conventions(given)
    assert caught.value.message == REFUSED[given]


def test_blanks_do_not_matter() -> None:
    assert read_conventions(["weights = x W", "half=true", "half = true"]) == Conventions(weights="xW", half=True)
