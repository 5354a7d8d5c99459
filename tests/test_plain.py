"""Printing in the plain notation: what is printed reads back, with the brackets that grouping needs and no others."""

import pytest
from hypothesis import given, settings

from derive import tree as t
from derive.errors import DeriveError
from derive.plain import formula
from derive.reading.reader import read
from tests.thorough import examples
from tests.trees import NAMES, expressions, relations

INDICES = ("i", "j", "k")
DECLARED = (*NAMES, *INDICES)


@settings(max_examples=examples(600), deadline=None)
@given(expressions | relations)
def test_what_is_printed_reads_back_to_the_same_tree(tree):
    assert read(formula(tree), declared=DECLARED) == tree


@settings(max_examples=examples(200), deadline=None)
@given(expressions)
def test_printing_is_stable(tree):
    printed = formula(tree)
    assert formula(read(printed, declared=DECLARED)) == printed


@settings(max_examples=examples(150), deadline=None)
@given(expressions)
def test_no_pair_of_brackets_can_be_left_out(tree):
    """Without any one pair that groups, the text reads otherwise or not at all."""
    printed = formula(tree)
    opened: list[int] = []
    for place, character in enumerate(printed):
        if character == "(":
            opened.append(place)
        elif character == ")":
            start = opened.pop()
            if start and (printed[start - 1].isalnum() and printed[start - 1] not in "0123456789"):
                continue  # the brackets of a call or of bound names
            if printed[start + 1] == "-":
                continue  # a*(-2) could do without, but nobody writes a*-2
            without = printed[:start] + " " + printed[start + 1 : place] + " " + printed[place + 1 :]
            try:
                again = read(without, declared=DECLARED)
            except DeriveError:  # a refusal proves that the pair was needed
                continue
            assert again != tree, f"{printed} and {without} read the same"


@pytest.mark.parametrize(
    "text",
    [
        "v_-1/v_0",
        "v_2 + v_4",
        "v_5*v_4",
        "vbar_3*v_3 - vbar_1*(v_-1/v_0^2)",
        "-x^2",
        "2^-x",
        "2^3^2",
        "(2^3)^2",
        "a - (b - c)",
        "(a + b) + c",
        "a/(b*c)",
        "a/b/c",
        "a/(b/c)",
        "2 x y",
        "-(a*b)",
        "-a*b",
        "a*(-b)",
        "-(-x)",
        "sum(k, l) V[i + k, j + l]*K[k, l]",
        "a[i]/sum(k) a[k]",
        "-sum(i) x[i]*y[i]",
        "(sum(i) x[i])*y",
        "sum(i) (-x[i])",
        "[0 <= m - i < P]",
        "[i = j]*x",
        "u^T A v",
        "(A B)^T",
        "A .* B ./ C @ D",
        "x.^2",
        "(max(u, v)) w",
        "max(u, v)*w",
        "x^(T)",
        "x^(y^T)",
        "y = v_6 = 2.0167",
        "(sin(x1/x2) + x1/x2 - exp(x2))*(x1/x2 - exp(x2))",
    ],
)
def test_style(text):
    assert formula(read(text)) == text


def test_a_name_declared_as_a_variable_stays_a_factor():
    declared = ("x", "sum", "T")
    for text in ("x (1 - x)", "(sum) (1 - x)", "x^(T)", "x^sum"):
        assert formula(read(text, declared=declared)) == text


def test_a_derivative_is_printed_as_a_quotient():
    partial = t.Derivative(t.Name("v_6"), t.Name("v_5"))
    assert formula(t.Product((("*", t.Name("vbar_6")), ("*", partial)))) == "vbar_6*(dv_6/dv_5)"


def test_depth_is_no_limit():
    tree: t.Tree = t.Name("x")
    for _ in range(20_000):
        tree = t.Call("sin", (tree,))
    assert formula(tree).count("sin") == 20_000
