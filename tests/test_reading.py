"""Reading the plain notation: precedence, positions, and one clear sentence for everything that has two readings."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive import words
from derive.arithmetic import FLOATS
from derive.errors import DeriveError, ReadingError
from derive.evaluate import tree_value
from derive.plain import formula
from derive.reading import grammar
from derive.reading.points import read_point
from derive.reading.reader import read
from derive.words import nearest
from tests.thorough import examples

x, y, a, b, c, i, j = (t.Name(name) for name in "xyabcij")


def product(*factors):
    return t.Product(tuple(("*", factor) if not isinstance(factor, tuple) else factor for factor in factors))


def plus(first, *more):
    return t.Sum((("+", first), *(("+", term) for term in more)))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("-x^2", t.Negative(t.Power(x, t.Number("2")))),
        ("2^-x", t.Power(t.Number("2"), t.Negative(x))),
        ("a/b/c", product(a, ("/", b), ("/", c))),
        ("2^3^2", t.Power(t.Number("2"), t.Power(t.Number("3"), t.Number("2")))),
        ("x**2", t.Power(x, t.Number("2"))),
        ("-a*b", product(t.Negative(a), b)),
        ("a - -b", t.Sum((("+", a), ("-", t.Negative(b))))),
        ("2x", product(t.Number("2"), ("", x))),
        ("2 x y", product(t.Number("2"), ("", x), ("", y))),
        ("2(x+1)", product(t.Number("2"), ("", plus(x, t.Number("1"))))),
        ("(a+b)(c+x)", product(plus(a, b), ("", plus(c, x)))),
        ("a + b + c", plus(a, b, c)),
        ("a + (b + c)", plus(a, plus(b, c))),
        ("(a*b)*c", product(product(a, b), c)),
        (
            "A @ B .* C ./ D",
            t.Product((("*", t.Name("A")), ("@", t.Name("B")), (".*", t.Name("C")), ("./", t.Name("D")))),
        ),
        ("x.^2", t.Power(x, t.Number("2"), elementwise=True)),
        ("2.*x", t.Product((("*", t.Number("2")), (".*", x)))),
        ("u^T A", product(t.Transpose(t.Name("u")), ("", t.Name("A")))),
        ("(a b)^T", t.Transpose(product(a, ("", b)))),
        ("x^Tx", t.Power(x, t.Name("Tx"))),
        ("v_-1/v_0", product(t.Name("v_-1"), ("/", t.Name("v_0")))),
        ("v_1-1", t.Sum((("+", t.Name("v_1")), ("-", t.Number("1"))))),
        ("v_1a + f.2_bar", plus(t.Name("v_1a"), t.Name("f.2_bar"))),
        ("ln(x)", t.Call("log", (x,))),
        ("arctan(x)", t.Call("atan", (x,))),
        ("max(x, y)", t.Call("max", (x, y))),
        ("max(x)", t.Call("max", (x,))),
        ("sum(x) - y", t.Sum((("+", t.Call("sum", (x,))), ("-", y)))),
        ("sin^2(x)", t.Power(t.Call("sin", (x,)), t.Number("2"))),
        ("sin^2 x + 1", plus(t.Power(t.Call("sin", (x,)), t.Number("2")), t.Number("1"))),
        ("a = b = 3", t.Relation((a, b, t.Number("3")))),
        ("1e-3*x", product(t.Number("1e-3"), x)),
        ("2e", product(t.Number("2"), ("", t.Name("e")))),
        ("pi(x+1)", product(t.Name("pi"), ("", plus(x, t.Number("1"))))),
    ],
)
def test_a_text_has_one_reading(text, tree):
    assert read(text) == tree


def test_an_index_equation_is_one_tree():
    V = t.Subscript("V", (plus(i, t.Name("k")), plus(j, t.Name("l"))))
    K = t.Subscript("K", (t.Name("k"), t.Name("l")))
    Z = t.Subscript("Z", (i, j))
    expected = t.Relation((Z, t.Reduction("sum", ("k", "l"), product(V, K))))
    assert read("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]") == expected


def test_a_reduction_takes_the_rest_of_its_term():
    A, u = t.Subscript("A", (i, j)), t.Subscript("u", (j,))
    total = t.Reduction("sum", ("j",), product(A, u))
    assert read("sum(j) A[i,j]*u[j] + c") == plus(total, c)
    assert read("a/sum(j) u[j] A[i,j]") == product(a, ("/", t.Reduction("sum", ("j",), product(u, ("", A)))))
    assert read("max(-sum(j) u[j], a)") == t.Call("max", (t.Negative(t.Reduction("sum", ("j",), u)), a))


def test_brackets_with_a_comparison_are_an_indicator():
    assert read("[0 <= i-j < a]") == t.Indicator((t.Number("0"), t.Sum((("+", i), ("-", j))), a), ("<=", "<"))
    assert read("x [i = j]") == product(x, ("", t.Indicator((i, j), ("=",))))
    assert read("x[i]") == t.Subscript("x", (i,))
    assert read("x[[i = j]]") == t.Subscript("x", (t.Indicator((i, j), ("=",)),))


def test_positions_are_those_of_the_source():
    tree = read("x1 * (y +\n  sin(z))")
    assert isinstance(tree, t.Product)
    total = tree.factors[1][1]
    assert isinstance(total, t.Sum)
    assert tree.factors[0][1].at == t.Span(1, 1, 3)
    assert total.terms[0][1].at == t.Span(1, 7, 8)
    assert total.terms[1][1].at == t.Span(2, 3, 9)


def test_positions_do_not_change_with_spaces_of_other_widths():
    assert read("\ufeffx\u00a0+\ty\r\n") == plus(x, y)


@pytest.mark.parametrize("name", ["E", "I", "N", "S", "Q", "O", "beta", "gamma", "zeta", "lambda", "i", "C", "GF"])
def test_names_of_other_libraries_are_ordinary_names(name):
    assert read(f"{name}*x") == product(t.Name(name), x)


@pytest.mark.parametrize(
    ("text", "column", "piece"),
    [
        ("x(1-x)", 1, "write x*(1-x)"),
        ("y + x (1 - x)", 5, "write x*(1 - x)"),
        ("1/2x", 4, "write (1/2)*x or 1/(2*x)"),
        ("a / b c", 7, "write (a/b)*c or a/(b*c)"),
        ("a/b/c x", 7, "write (.../c)*x or .../(c*x)"),
        ("sin^-1(x)", 1, "1/sin(x) for the quotient or asin(x)"),
        ("sin x", 1, "write sin(x)"),
        ("sin^2 x y", 1, "write sin(...)^2"),
        ("x^2^T", 4, "(x^2)^T or x^(2^T)"),
        ("foo(x)", 1, "the function foo is unknown"),
        ("sni(x)", 1, "did you mean sin?"),
        ("2 3", 3, "write 2*3"),
        ("x 2", 3, "x^2 for a power"),
        ("sin(x, y)", 1, "sin takes 1 argument, not 2"),
        ("x +", 4, "the line ends where a number, a name"),
        ("x * / y", 5, "found /, where a number"),
        ("x = y =", 8, "the line ends"),
        ("(x + y", 1, "this ( is never closed"),
        ("x + y)", 6, "this ) closes nothing"),
        ("(x + y]", 7, "cannot close the ( in column 1"),
        ("1,5", 2, "write 1.5"),
        ("x < y", 3, "[i < j]"),
        ("x == y", 3, "write ="),
        ("+x", 1, "leave it out"),
        ("a.b", 2, "a*b for a product"),
        ("1.", 2, "write 1.0"),
        ("[1, 2]", 1, "a subscript stands behind a name"),
        ("[i = j, k = l]", 7, "a closing bracket or a comparison"),
        ("(a+b)[i]", 6, "a bracket has no subscript"),
        ("x[]", 2, "empty"),
        ("f'", 2, "f_prime"),
        ("|x|", 1, "abs(x)"),
        (r"\frac", 1, "LaTeX"),
    ],
)
def test_what_has_no_single_reading_is_refused_with_what_to_write(text, column, piece):
    with pytest.raises(ReadingError) as caught:
        read(text)
    assert piece in caught.value.message
    assert (caught.value.line, caught.value.column, caught.value.text) == (1, column, text)


def test_a_declared_name_before_a_bracket_is_a_factor():
    assert read("x(1-x)", declared={"x"}) == product(x, ("", t.Sum((("+", t.Number("1")), ("-", x)))))
    assert read("u^T", declared={"T"}) == t.Power(t.Name("u"), t.Name("T"))
    assert read("mean*x", declared={"mean"}) == product(t.Name("mean"), x)
    assert read("nan + inf", declared={"nan", "inf"}) == plus(t.Name("nan"), t.Name("inf"))


def test_an_error_names_the_file():
    with pytest.raises(ReadingError) as caught:
        read("x +", file="task.txt")
    assert caught.value.file == "task.txt"


def test_no_message_mentions_the_grammar():
    for text in ("x ++", "sin(", "x[i", "a b = = c", "[i =]", "sum(i) *", "x^", "2 *)"):
        with pytest.raises(ReadingError) as caught:
            read(text)
        assert not any(word in caught.value.message for word in ("LPAR", "RPAR", "NAME", "Token", "$END", "SUBSCRIPT"))


def test_the_grammar_has_no_conflict():
    """Strict mode raises where Lark would otherwise choose silently between two readings."""
    lark = pytest.importorskip("lark")
    lark.Lark(grammar.GRAMMAR, parser="lalr", lexer=grammar._parser().options.lexer, strict=True)


def test_nearest_offers_what_was_meant():
    assert nearest("tanhh", ["tan", "tanh", "sin"]) == "tanh"
    assert nearest("X", ["x", "y"]) == "x"
    assert nearest("q", ["x", "y"]) is None


def test_a_product_of_two_thousand_factors_is_one_node():
    tree = read("*".join(f"x{k}" for k in range(2000)))
    assert isinstance(tree, t.Product)
    assert len(tree.factors) == 2000


WORDS = [
    *"xyij()[],=+-*/^@.!'#\n<>:T",
    "**",
    ".*",
    "sin",
    "max",
    "sum",
    "sum(i)",
    "2",
    "1.5",
    "1e3",
    "v_-1",
    "<=",
    "!=",
    "^T",
]


@settings(max_examples=examples(1500), deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.sampled_from(["", " "]))
def test_any_soup_of_tokens_is_read_or_refused(words, between):
    text = between.join(words)
    try:
        tree = read(text, declared=("x",))
    except DeriveError as error:
        assert error.message
        return
    assert read(formula(tree), declared=("x",)) == tree


@settings(max_examples=examples(500), deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        read(text)
    except DeriveError as error:
        assert error.message.isprintable()


def test_H028_an_undeclared_name_is_refused_and_the_nearest_offered():
    with pytest.raises(ReadingError, match="wieght is no input; did you mean weight") as caught:
        read_point("alpha=2,wieght=1", ("alpha", "weight", "x"))
    assert caught.value.column == 9


@pytest.mark.parametrize("name", sorted(words.INSTEAD))
def test_a_function_without_a_name_here_is_answered_with_a_formula_of_its_value(name: str) -> None:
    """What the message tells to write is read, and is the function: held against Python's and its inverse."""
    with pytest.raises(ReadingError, match="write ") as caught:
        read(f"3/{name}(x)")
    advice = read(caught.value.message.partition("write ")[2])
    assert caught.value.column == 3
    x = 0.75
    expected = {
        "log10": math.log10, "lg": math.log10, "log2": math.log2, "lb": math.log2, "log1p": math.log1p,
        "expm1": math.expm1, "exp2": lambda u: 2**u, "exp10": lambda u: 10**u, "square": lambda u: u * u,
        "sec": lambda u: 1 / math.cos(u), "csc": lambda u: 1 / math.sin(u), "cot": lambda u: math.cos(u) / math.sin(u),
        "sech": lambda u: 1 / math.cosh(u), "csch": lambda u: 1 / math.sinh(u),
        "coth": lambda u: math.cosh(u) / math.sinh(u),
    }[name](x)  # fmt: skip
    assert tree_value(FLOATS, advice, {"x": x}) == pytest.approx(expected, rel=1e-14)
    inside = read("3/" + caught.value.message.partition("write ")[2])  # pasted where the call stood
    assert tree_value(FLOATS, inside, {"x": x}) == pytest.approx(3 / expected, rel=1e-14)
