"""Formulas in MathML: well-formed, in the author's order, and with the brackets that the value needs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction
from itertools import chain

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from derive import tree as t
from derive.html.mathml import formula
from derive.names import anatomy
from derive.reading.reader import read
from derive.runs import FUNCTIONS, LETTERS, REDUCTIONS
from derive.tree import Tree
from tests.trees import expressions, relations

CHILDREN = {"msub": 2, "msup": 2, "msubsup": 3, "mfrac": 2, "mover": 2, "munder": 2, "mi": 0, "mn": 0, "mo": 0}
INVISIBLE = dict.fromkeys(map(ord, "\u2061\u2062"))


def parsed(tree: Tree, **options: bool) -> ET.Element:
    return ET.fromstring(formula(tree, **options))


def text_of(tree: Tree, **options: bool) -> str:
    """What can be seen, from left to right and from top to bottom."""
    return "".join(parsed(tree, **options).itertext()).translate(INVISIBLE)


# --- laws -------------------------------------------------------------------------------------------------------------


@given(expressions | relations, st.booleans(), st.booleans())
def test_every_formula_is_well_formed_and_its_elements_have_as_many_children_as_they_need(tree, display, inline):
    root = parsed(tree, display=display, inline=inline)
    assert root.tag == "math"
    for element in root.iter():
        assert element.tag in CHILDREN or element.tag in ("math", "mrow", "msqrt")
        if element.tag in CHILDREN:
            assert len(element) == CHILDREN[element.tag]


def leaves(tree: Tree) -> list[str]:
    """Letters, words and numbers in the author's order, as they are to be seen."""
    below = [leaf for part in t.children(tree) for leaf in leaves(part)]
    match tree:
        case t.Number(text=text):
            mantissa, _, exponent = text.lower().partition("e")
            power = ["10", exponent.lstrip("+-0")] if exponent else []
            return power if power and mantissa == "1" else [mantissa, *power]
        case t.Name(text=text):
            return name_leaves(text)
        case t.Call(function=function):
            return ([] if function in ("abs", "norm", "sqrt") else [FUNCTIONS.get(function, function)]) + below
        case t.Subscript(array=array):
            return name_leaves(array) + below
        case t.Reduction(operator=operator, bound=bound):
            word = [] if operator in REDUCTIONS else [operator]
            return word + list(chain.from_iterable(map(name_leaves, bound))) + below
        case t.Derivative(of=of, by=by):
            return ["∂", *leaves(of), "∂", *leaves(by)]
    return below


def name_leaves(name: str) -> list[str]:
    parts = anatomy(name)
    return [LETTERS.get(part, part).lstrip("-") for part in (parts.base, *parts.subscripts)]


@given(expressions | relations, st.booleans())
def test_letters_and_numbers_stand_in_the_authors_order(tree, inline):
    tokens = [
        (element.text or "").lstrip("−")
        for element in parsed(tree, inline=inline).iter()
        if element.tag in ("mi", "mn") or (element.tag == "mo" and (element.text or "").isalpha())
    ]
    assert tokens == leaves(tree)


def _grown(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    factor = st.tuples(st.sampled_from(("*", "/", "")), parts)
    term = st.tuples(st.sampled_from("+-"), parts)
    return st.one_of(
        st.builds(t.Negative, parts),
        st.builds(lambda a, more: t.Sum((("+", a), *more)), parts, st.lists(term, min_size=1, max_size=3)),
        st.builds(lambda a, more: t.Product((("*", a), *more)), parts, st.lists(factor, min_size=1, max_size=3)),
        st.builds(t.Power, parts, st.sampled_from("23").map(t.Number)),
        st.builds(lambda f, a: t.Call(f, (a,)), st.sampled_from(("sin", "abs", "sqrt")), parts),
    )


VALUES = {"x": Fraction(2), "y": Fraction(-3), "v_0": Fraction(5, 7), "v_-1": Fraction(11)}
scalars = st.recursive(
    st.sampled_from("235").map(t.Number) | st.sampled_from(tuple(VALUES)).map(t.Name), _grown, max_leaves=9
)


def value(tree: Tree) -> Fraction:
    """Exact; sin and sqrt stand for any function, here two that tell their operands apart."""
    below = [value(part) for part in t.children(tree)]
    match tree:
        case t.Number():
            return tree.value
        case t.Name(text=text):
            return VALUES[text]
        case t.Negative():
            return -below[0]
        case t.Sum(terms=terms):
            return sum((-u if sign == "-" else u for (sign, _), u in zip(terms, below, strict=True)), Fraction(0))
        case t.Product(factors=factors):
            total = Fraction(1)
            for (operator, _), u in zip(factors, below, strict=True):
                total = total / u if operator == "/" else total * u
            return total
        case t.Power():
            return below[0] ** int(below[1])
        case t.Call(function=function):
            return {"abs": abs, "sin": lambda u: 3 * u + 1, "sqrt": lambda u: 7 * u + 2}[function](below[0])
    raise TypeError(tree)


PLAIN = {"−": "-", "\u2062": "*", "⋅": "*", "\u2061": ""}


def tokens(element: ET.Element) -> list[str]:
    """The drawing as a line of the plain notation: a fraction bar, a root and a raised part group what they span."""
    inner = [list(tokens(child)) for child in element]
    match element.tag:
        case "mo":
            if element.text == "|":
                return ["abs", "("] if element.get("form") == "prefix" else [")"]
            return [PLAIN.get(element.text or "", element.text or "")]
        case "mi" | "mn":
            return [(element.text or "").replace("−", "-")]
        case "msub":
            return [f"{inner[0][0]}_{inner[1][0]}"]
        case "msup":
            return [*inner[0], "^", "(", *inner[1], ")"]
        case "msubsup":
            return [f"{inner[0][0]}_{inner[1][0]}", "^", "(", *inner[2], ")"]
        case "mfrac":
            return ["(", "(", *inner[0], ")", "/", "(", *inner[1], ")", ")"]
        case "msqrt":
            return ["sqrt", "(", *inner[0], ")"] if len(inner) == 1 else ["sqrt", "(", *chain.from_iterable(inner), ")"]
    return list(chain.from_iterable(inner))


def closely(line: list[str]) -> list[str]:
    """The reading in which factors side by side belong together: a/b c is a/(b c).

    Brackets around everything that a looser sign parts, as the first Fortran compiler made its precedence.
    """
    wider = {"+": ["))", "+", "(("], "-": ["))", "-", "(("], "/": [")", "/", "("], "(": ["((("], ")": [")))"]}
    whole = ["(("]
    for k, token in enumerate(line):
        if token == "-" and (k == 0 or line[k - 1] in "(+-"):
            whole.append("0")  # a sign of its own
        whole += wider.get(token, [token])
    return [*whole, "))"]


@given(scalars, st.booleans())
def test_a_drawn_formula_has_one_value_however_its_factors_are_read(tree, inline):
    try:
        expected = value(tree)
    except ZeroDivisionError:
        assume(False)
    drawn = list(filter(None, tokens(parsed(tree, inline=inline))))
    assert value(read("".join(drawn), declared=tuple(VALUES))) == expected
    assert value(read("".join(closely(drawn)), declared=tuple(VALUES))) == expected


@given(st.text(max_size=30))
def test_a_users_text_never_becomes_markup(text):
    root = parsed(t.Call(text, (t.Name(text), t.Subscript(text, (t.Number(text),)))))
    assert {element.tag for element in root.iter()} <= {*CHILDREN, "math", "mrow"}


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("vbar_3*v_3 - vbar_1*v_-1/v_0^2", "v¯3v3−v¯1v−1v02"),
        ("(sin(x1/x2) + x1/x2)*(x - y)", "(sin(x1x2)+x1x2)⋅(x−y)"),
        ("2*3", "2⋅3"),
        ("-(a + b)", "−(a+b)"),
        ("a - (b - c)", "a−(b−c)"),
        ("log(theta)*asin(x)", "ln(θ)arcsin(x)"),
        ("2.5e-05*x", "2.5⋅10−5x"),
        ("[0 <= m-i < P]", "[0≤m−i<P]"),
        ("sum(k,l) V[i+k,j+l]*K[k,l]", "∑k,lVi+k,j+lKk,l"),
        ("(sum(k) a[k])*b", "(∑kak)b"),
        ("a*(sum(k) b[k])*c", "a(∑kbk)c"),
        ("abs(x)^2", "|x|2"),
        ("a = b = 3", "a=b=3"),
    ],
)
def test_the_signs_of_a_formula_are_those_of_a_textbook(written, seen):
    assert text_of(read(written)) == seen


@pytest.mark.parametrize(
    ("written", "seen"),
    [("a*b/c", "ab/c"), ("a/b*c", "(a/b)c"), ("a/(b*c)", "a/(bc)"), ("a/b/c", "(a/b)/c"), ("(a+b)/c", "(a+b)/c")],
)
def test_in_a_line_of_prose_a_quotient_is_a_stroke(written, seen):
    assert text_of(read(written), inline=True) == seen


def test_an_accented_letter_with_a_negative_subscript_is_one_script_element():
    (script,) = parsed(t.Name("vbar_-1"))
    assert script.tag == "msub"
    assert [child.tag for child in script] == ["mover", "mn"]
    assert script[1].text == "−1"


def test_an_exponent_stands_above_the_subscript_not_behind_it():
    (script,) = parsed(read("v_0^2"))
    assert script.tag == "msubsup"


def test_brackets_grow_around_a_fraction_and_around_nothing_lower():
    assert {mo.get("stretchy") for mo in parsed(read("sin(x)*(a + b)")).iter("mo") if mo.text in "()"} == {"false"}
    assert {mo.get("stretchy") for mo in parsed(read("sin(x/y)")).iter("mo") if mo.text in "()"} == {"true"}


def test_capital_greek_letters_stand_upright_and_small_ones_slanted():
    assert parsed(t.Name("Gamma"))[0].get("mathvariant") == "normal"
    assert parsed(t.Name("gamma"))[0].get("mathvariant") is None


@pytest.mark.parametrize("wrap", [t.Negative, lambda a: t.Call("sin", (a,)), lambda a: t.Power(a, t.Number("2"))])
def test_depth_is_no_limit(wrap):
    tree: Tree = t.Name("x")
    for _ in range(3000):
        tree = wrap(tree)
    assert formula(tree).count(">x<") == 1


def test_a_product_of_a_thousand_factors_is_one_row():
    tree = t.Product(tuple(("*", t.Name(f"x_{k}")) for k in range(1000)))
    assert len(parsed(tree)) == 1999
