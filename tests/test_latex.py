"""LaTeX: what is printed means what the tree means, compiles, stays out of the margin, and obeys no user."""

from __future__ import annotations

import ast
import math
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.document import Cell, Display, Document, Line, Prose, Row, Table, with_names
from derive.latex.breaking import broken, width, words_width
from derive.latex.code import comments_above
from derive.latex.document import to_latex
from derive.latex.escaping import escape
from derive.latex.formulas import formula, name
from derive.pdf import compile_latex, overfull_boxes
from derive.plain import formula as plain
from derive.reading.reader import read
from derive.tree import Tree
from tests.sheet_document import EVERYTHING, HOSTILE, TRACE
from tests.trees import expressions, relations

GOLDEN = Path(__file__).parent / "golden"

# --- laws -------------------------------------------------------------------------------------------------------------


def balanced(latex: str) -> bool:
    depth = growing = 0
    for token in re.findall(r"\\[A-Za-z]+|\\.|[{}]", latex):
        depth += (token == "{") - (token == "}")
        growing += (token == r"\left") - (token == r"\right")
        if depth < 0 or growing < 0:
            return False
    return depth == growing == 0


@given(expressions | relations, st.booleans(), st.none() | st.integers(1, 4))
def test_braces_and_growing_brackets_are_balanced(tree: Tree, inline: bool, limit: int | None) -> None:
    assert balanced(formula(tree, inline=inline, limit=limit))


@given(expressions | relations, st.floats(8, 40))
def test_every_line_of_a_broken_formula_is_balanced_and_fits(tree: Tree, available: float) -> None:
    for line in broken(formula(tree, inline=True), available):
        assert balanced(line)
        assert width(line) <= available


def _arithmetic() -> st.SearchStrategy[Tree]:
    leaves = st.sampled_from("abc").map(t.Name) | st.sampled_from(("2", "0.5", "3")).map(t.Number)

    def compound(parts: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        signed = st.lists(st.tuples(st.sampled_from("+-"), parts), min_size=1, max_size=3)
        joined = st.lists(st.tuples(st.sampled_from("**/"), parts), min_size=1, max_size=4)
        return st.one_of(
            st.builds(t.Negative, parts),
            st.builds(lambda first, rest: t.Sum((("+", first), *rest)), parts, signed),
            st.builds(lambda first, rest: t.Product((("*", first), *rest)), parts, joined),
            st.builds(t.Power, parts, st.sampled_from(("2", "3")).map(t.Number)),
            st.builds(lambda f, u: t.Call(f, (u,)), st.sampled_from(("sin", "cos", "abs")), parts),
        )

    return st.recursive(leaves, compound, max_leaves=14)


VALUES = {"a": 1.7, "b": -0.6, "c": 2.3}


def value(tree: Tree) -> float:
    match tree:
        case t.Number(text=text):
            return float(text)
        case t.Name(text=text):
            return VALUES[text]
        case t.Negative(body=body):
            return -value(body)
        case t.Sum(terms=terms):
            return sum(value(term) if sign == "+" else -value(term) for sign, term in terms)
        case t.Product(factors=factors):
            result = 1.0
            for sign, factor in factors:
                result = result / value(factor) if sign == "/" else result * value(factor)
            return result
        case t.Power(base=base, exponent=exponent):
            return value(base) ** value(exponent)
        case t.Call(function=function, arguments=(argument,)):
            return {"sin": math.sin, "cos": math.cos, "abs": abs}[function](value(argument))
    raise TypeError(tree)


class Reader:
    """The value of printed LaTeX, read as a person reads it: products and quotients from left to right."""

    def __init__(self, latex: str) -> None:
        spaces = r"\\left|\\right|\\,|\\!| "
        self.tokens = [x for x in re.findall(r"\\[A-Za-z]+|\\.|[0-9.]+|\S", latex) if not re.fullmatch(spaces, x)]

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def take(self, expected: str | None = None) -> str:
        token = self.tokens.pop(0)
        assert expected in (None, token), (expected, token)
        return token

    def sum(self) -> float:
        total = -self.product() if self.peek() == "-" and self.take() else self.product()
        while self.peek() in ("+", "-"):
            total += self.product() if self.take() == "+" else -self.product()
        return total

    def product(self) -> float:
        total = self.power()
        while self.peek() and self.peek() not in ("+", "-", ")", "}", r"\rvert"):
            if self.peek() == "/":
                self.take()
                total /= self.power()
            else:
                if self.peek() == r"\cdot":
                    self.take()
                total *= self.power()
        return total

    def power(self) -> float:
        base = self.atom()
        if self.peek() == "^":
            self.take()
            base **= self.group() if self.peek() == "{" else float(self.take())
        return base

    def atom(self) -> float:
        token = self.take()
        if token == r"\frac":
            upper = self.group()
            return upper / self.group()
        if token in (r"\sin", r"\cos"):
            return getattr(math, token[1:])(self.atom())
        if token in ("(", r"\lvert"):
            inner = self.sum()
            self.take(")" if token == "(" else r"\rvert")
            return inner if token == "(" else abs(inner)
        return VALUES[token] if token in VALUES else float(token)

    def group(self) -> float:
        self.take("{")
        inner = self.sum()
        self.take("}")
        return inner


@settings(max_examples=400)
@given(_arithmetic(), st.booleans())
def test_a_printed_formula_has_the_value_of_its_tree(tree: Tree, inline: bool) -> None:
    try:
        expected = value(tree)
    except (ZeroDivisionError, OverflowError):
        return
    reader = Reader(formula(tree, inline=inline))
    assert reader.sum() == pytest.approx(expected, rel=1e-9)
    assert not reader.tokens


@given(_arithmetic())
def test_no_minus_sign_follows_another_sign(tree: Tree) -> None:
    assert not re.search(r"[-+/] ?-|\\cdot -|\\, -", formula(tree))


@given(st.text(max_size=60))
def test_words_leave_no_sign_that_latex_obeys(text: str) -> None:
    printed = escape(text)
    assert balanced(printed)
    known = r"\\(?:text\w+|ensuremath|allowbreak|bar|hat|dot|tilde|[a-zA-Z]+(?=[}{])|[{}$&#_%-])"
    assert "\\" not in re.sub(known, "", printed)
    assert not re.search(r"(?<!\\)[$&#_%]", re.sub(r"\\ensuremath\{[^{}]*\}", "", printed))


def test_deep_formulas_need_no_recursion() -> None:
    tree: Tree = t.Name("x")
    for _ in range(3_000):
        tree = t.Call("sin", (tree,))
    assert formula(tree).count(r"\sin") == 3_000


# --- the look of formulas ---------------------------------------------------------------------------------------------

NAMES = {
    "v_-1": "v_{-1}",
    "vbar_3": r"\bar{v}_3",
    "vbar_-1": r"\bar{v}_{-1}",
    "x1": "x_1",
    "x12": "x_{12}",
    "theta": r"\theta",
    "u_hat": r"\hat{u}",
    "loss": r"\mathrm{loss}",
    "loss_bar": r"\overline{\mathrm{loss}}",
    "f.2": "f_{.2}",
    "vbardot_1": r"\dot{\bar{v}}_1",
    "omicron": "o",
}


@pytest.mark.parametrize(("plain", "latex"), NAMES.items())
def test_names_are_set_as_mathematics(plain: str, latex: str) -> None:
    assert name(plain) == latex


FORMULAS = {
    "vbar_3*v_3 - vbar_1*(v_-1/v_0^2)": r"\bar{v}_3 \, v_3 - \bar{v}_1 \, \frac{v_{-1}}{v_0^2}",
    "vbar_3*v_3 - vbar_1*v_-1/v_0^2": r"\bar{v}_3 \, v_3 - \frac{\bar{v}_1 \, v_{-1}}{v_0^2}",
    "1.4924*1.3513": r"1.4924 \cdot 1.3513",
    "-2.8437*1.6487": r"-2.8437 \cdot 1.6487",
    "1.5*(-2)": r"1.5 \cdot (-2)",
    "1.3513*cos(3)": r"1.3513 \cdot \cos(3)",
    "2*sin(x)": r"2 \sin(x)",
    "2*x": "2 x",
    "a - (-b)": "a - (-b)",
    "(a + b)*(a - b)": r"(a + b) \cdot (a - b)",
    "x*(1 - x)": r"x \, (1 - x)",
    "f*(1 - x)": r"f \cdot (1 - x)",
    "sin(x)^2": r"(\sin(x))^2",
    "sqrt(x + 1)": r"\sqrt{x + 1}",
    "log(x)": r"\ln(x)",
    "abs(u/w)": r"\left\lvert \frac{u}{w} \right\rvert",
    "sigmoid(z)": r"\sigma(z)",
    "relu(z)": r"\operatorname{relu}(z)",
    "e^(-x)": "e^{-x}",
    "u^(-1/2)": "u^{-1/2}",
    "a/b/c": r"\frac{\frac{a}{b}}{c}",
    "a/b/c/d": "((a/b)/c)/d",
    "a/b*c": r"\frac{a}{b} \, c",
    "sum(k,l) V[i+k,j+l]*K[k,l]": r"\sum_{k,l} V_{i + k,\,j + l} \, K_{k,l}",
    "[0 <= m-i < P]*x": r"[0 \le m - i < P] \, x",
    "(A^T B)^T": r"(A^\top B)^\top",
    "a = b = 3": "a = b = 3",
    "2.5e-07*x": r"2.5 \cdot 10^{-7} \, x",
}


@pytest.mark.parametrize(("plain", "latex"), FORMULAS.items())
def test_formulas_look_as_in_a_textbook(plain: str, latex: str) -> None:
    assert formula(read(plain, declared=("A", "B", "e", "f", "K", "V"))) == latex


def test_prose_has_no_fractions() -> None:
    assert formula(read("(a + b)/(c*d)"), inline=True) == r"(a + b)/(c \, d)"
    assert formula(t.Derivative(t.Name("y"), t.Name("x_1")), inline=True) == r"\partial y/\partial x_1"


def test_a_long_product_is_elided_on_request() -> None:
    product = t.Product(tuple(("*", t.Name(f"x{k}")) for k in range(1, 1001)))
    assert formula(product, limit=3) == r"x_1 \, x_2 \cdots x_{1000}"
    assert formula(t.Sum(product.factors[:0] + (("+", t.Name("a")),) * 9), limit=3) == r"a + a + \cdots + a"


def test_a_notation_prints_other_names() -> None:
    assert formula(read("zbar_3*x"), notation={"zbar_3": "delta_3"}) == r"\delta_3 \, x"


def test_names_of_nodes_are_found_in_words() -> None:
    assert with_names("exp v_0 is v_3, not v_3x") == ("exp ", t.Name("v_0"), " is ", t.Name("v_3"), ", not v_3x")


# --- documents --------------------------------------------------------------------------------------------------------


def test_the_sheets_solution_is_the_golden_one() -> None:
    assert to_latex(TRACE, standalone=True) == (GOLDEN / "sheet_trace.tex").read_text(encoding="utf-8")


def test_a_fragment_is_a_body_that_names_its_packages() -> None:
    fragment = to_latex(TRACE, standalone=False)
    assert fragment.startswith("% Reverse mode on paper\n% needs: amsmath, amssymb, array, booktabs")
    assert r"\begin{document}" not in fragment
    assert r"\usepackage" not in fragment


def test_the_same_document_gives_the_same_text() -> None:
    assert to_latex(EVERYTHING, standalone=True) == to_latex(EVERYTHING, standalone=True)


def test_a_users_commands_come_out_as_text() -> None:
    for standalone in (True, False):
        text = to_latex(EVERYTHING, standalone=standalone)
        code = text[text.index("x = 1\n") :].split("\n\\end{lstlisting", 1)[1]
        words = text[: text.index("x = 1\n")] + code[code.index("x}\n") :]
        for command in (r"\input{", r"\write", "$x$", "100% ", "_a_"):
            assert command not in words
        assert text.count(r"\begin{document}") == standalone


@given(expressions, st.integers(30, 90))
def test_a_comment_too_long_for_its_line_stands_above_it_and_the_code_is_the_same(tree: Tree, columns: int) -> None:
    text = plain(tree).replace("\n", " ")
    code = (
        f'def f(x):\n    """# no comment: {text}"""\n    y = x  # {text}\n    return (\n        y,  # {text}\n    )\n'
    )
    moved = comments_above(code, columns)
    assert ast.dump(ast.parse(moved)) == ast.dump(ast.parse(code))
    for line in moved.split("\n"):
        assert len(line) <= columns or "  # " not in line.lstrip() or '"""' in line
    comments = [line.partition("#")[2].strip() for line in moved.split("\n") if "#" in line and '"""' not in line]
    assert "".join("".join(comments).split()) == 2 * "".join(text.split())
    assert comments_above(code, 10_000) == code


def test_what_is_no_python_is_printed_as_it_is() -> None:
    assert comments_above("a = 'open  # " + 90 * "x", 40) == "a = 'open  # " + 90 * "x"


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;:()?+=-", min_size=1, max_size=60))
@settings(max_examples=8, deadline=None)
def test_the_width_of_words_is_what_tex_measures_or_a_little_more(text: str) -> None:
    box = rf"\newbox\b\setbox\b\hbox{{{escape(text)}}}\typeout{{WIDTH \the\wd\b}}"
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{lmodern}"
    source = rf"{head}\begin{{document}}{box}x\end{{document}}"
    measured = float(re.search(r"WIDTH ([0-9.]+)pt", compile_latex(source).log)[1]) / 10.0  # type: ignore[index]
    assert measured - 0.01 <= words_width(text) <= 1.25 * measured + 1.5


def test_code_cannot_close_its_own_listing() -> None:
    text = to_latex(EVERYTHING, standalone=True)
    assert r"\begin{lstlistingx}" in text
    assert text.index(r"\end{lstlisting} \end{document}") < text.index(r"\end{lstlistingx}")


# --- compiled ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def compiled_log() -> Callable[[str], list[str]]:
    """Compile a source, and answer the boxes that stick out."""
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    return lambda source: overfull_boxes(compile_latex(source, timeout=120).log)


def _drawn(strategy: st.SearchStrategy[Tree], count: int) -> list[Tree]:
    """Trees of a strategy, the same in each run."""
    found: list[Tree] = []

    @settings(max_examples=count, database=None, derandomize=True, deadline=None)
    @given(strategy)
    def collect(tree: Tree) -> None:
        found.append(tree)

    collect()
    return found


@pytest.mark.tex
def test_random_formulas_compile_and_stay_out_of_the_margin(compiled_log: Callable[[str], list[str]]) -> None:
    trees = _drawn(expressions | relations, 200)
    halves = Display(tuple(Line(tree) for tree in trees)), Prose(tuple(x for tree in trees for x in (tree, ", ")))
    rows = tuple(Row((Cell(t.Name("v_1")), Cell("=", relation=True), Cell(tree))) for tree in trees)
    document = Document("Random formulas", (*halves, Table("All of them", "rcl", rows)))
    assert len(trees) > 100
    assert compiled_log(to_latex(document, standalone=True)) == []


@pytest.mark.tex
def test_hostile_words_and_long_formulas_stay_out_of_the_margin(compiled_log: Callable[[str], list[str]]) -> None:
    assert compiled_log(to_latex(EVERYTHING, standalone=True)) == []
    factors = t.Product(tuple(("*", t.Name(f"x{k}")) for k in range(1, 1001)))
    terms = t.Sum(tuple(("+", t.Product((("*", t.Number("2")), ("*", t.Name(f"y{k}"))))) for k in range(150)))
    bracketed = t.Call("exp", (t.Product((("*", terms), ("/", t.Name("z")))),))
    trees = (factors, terms, bracketed, t.Power(t.Name("e"), terms), t.Name("a" * 190))
    equations = tuple(Line(t.Relation((t.Name("y"), tree)), "a reason that takes its time", "1") for tree in trees)
    rows = tuple(Row(tuple(Cell(tree) for tree in trees)) for _ in range(2))
    numbers = Table("Many", "r" * 20, tuple(Row((Cell(t.Number("1234.5678")),) * 20) for _ in range(40)))
    blocks = (Display(equations), Table(HOSTILE, "lllll", rows), numbers, Prose(("W" * 300, factors)))
    assert compiled_log(to_latex(Document("Long", blocks), standalone=True)) == []


@pytest.mark.tex
def test_a_long_trace_runs_over_pages(compiled_log: Callable[[str], list[str]]) -> None:
    row = Row((Cell(read("v_1")), Cell("=", relation=True), Cell(read("a/b"))))
    source = to_latex(Document("Long", (Table("Trace", "rcl", (row,) * 120),)), standalone=True)
    assert r"\begin{longtable}" in source
    assert compiled_log(source) == []


@pytest.mark.tex
def test_any_character_compiles(compiled_log: Callable[[str], list[str]]) -> None:
    picked = random.Random(3).sample([k for k in range(32, 0x3000) if not 0xD800 <= k < 0xE000], 1500)
    every = [*range(32, 0x250), *range(0x2000, 0x2100), *range(0x300, 0x3D0), *picked, 0x1F600]
    words = [" ".join("a" + chr(k) for k in every[j : j + 50]) for j in range(0, len(every), 50)]
    assert compiled_log(to_latex(Document("Signs", tuple(Prose((word,)) for word in words)), standalone=True)) == []
