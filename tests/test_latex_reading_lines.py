"""LaTeX as students write it, line by line, and what must not be read: each with the sentence that says why."""

from __future__ import annotations

import re

import pytest

from derive.errors import ReadingError
from derive.reading.latex.rows import echo_statement, read_equation, read_work
from derive.reading.latex.spelling import canonical
from derive.reading.latex.vocabulary import Vocabulary
from tests.latex_lines import CONVOLUTION, LINES, MATRICES, MLP, SCALARS


def said(latex: str, vocabulary: Vocabulary) -> str:
    rows = read_work(rf"\[ {latex} \]", ".tex", vocabulary)
    assert [row.error for row in rows] == [None] * len(rows), latex
    return " | ".join(echo_statement(statement) for row in rows for statement in row.statements)


@pytest.mark.parametrize(("vocabulary", "latex", "text"), LINES, ids=[latex[:40] for _, latex, _ in LINES])
def test_a_line_says_what_it_says(vocabulary: Vocabulary, latex: str, text: str) -> None:
    assert said(latex, vocabulary) == text


@pytest.mark.parametrize(("vocabulary", "latex", "text"), LINES, ids=[latex[:40] for _, latex, _ in LINES])
def test_spaces_and_growing_brackets_say_nothing(vocabulary: Vocabulary, latex: str, text: str) -> None:
    if r"\left" not in latex and r"\big" not in latex:
        latex = latex.replace("(", r"\left(").replace(")", r"\right)")
    assert said(re.sub(r"(?<![{:+\\])=(?!})", r" \\! = \\; % a remark \n", latex), vocabulary) == text


def refusal(latex: str, vocabulary: Vocabulary) -> ReadingError:
    rows = read_work(rf"\[ {latex} \]", ".tex", vocabulary)
    errors = [row.error for row in rows if row.error is not None]
    assert errors, f"{latex} was read: {[echo_statement(each) for row in rows for each in row.statements]}"
    return errors[0]


@pytest.mark.parametrize(
    ("latex", "words", "at"),
    [
        # two readings
        (r"y = g(1-x)", "product or call", "g"),
        (r"y = 1/2x", "two readings", "x"),
        (r"y = \sin^{-1} x", "arcsin", r"\sin"),
        (r"y = f^{-1}(x)", "two readings", "f"),
        (r"y = \log x y", "two readings", "x y"),
        (r"y = \ln x/2", "two readings", "x/2"),
        (r"y = 3{,}5", "3.5 or 35", "3{"),
        (r"y = 0{,}500", "0.500", "0{"),
        (r"y = x^10", "braces around all", "0"),
        (r"y = x 2", "directly behind a factor", "2"),
        # what nobody can know
        (r"y = x + \dots + \theta", "not read", r"\dots"),
        (r"y = \sum x_i", "index below sum is missing", r"\sum"),
        (r"y = \sum_{i=1} x", "upper limit", r"\sum"),
        (r"y = \sum_i^n x", "start of this sum", r"\sum"),
        (r"y = \sum_i", "nothing stands behind", r"\sum"),
        (r"y = \sum_{i \in S} x", "over a set", "S"),
        (r"y = x!", "factorial", "!"),
        (r"y = \frac{d}{dx}", "what is differentiated", r"\frac"),
        (r"y = \frac{\partial^2 y}{\partial x}", "order 2 above", r"\partial x"),
        (r"y = \partial x", "part of a derivative", r"\partial"),
        (r"y = \left.\frac{dy}{dx}\right|_{x=0}", "evaluation bar", r"\left."),
        (r"y = \mathrm{sotfmax}(x)", "did you mean softmax", r"\mathrm"),
        (r"y = \exp", "write its argument", r"\exp"),
        (r"y = \max(x", "never closed", "("),
        (r"y = x)", "closes nothing", ")"),
        (r"y = (x]", "cannot close", "]"),
        (r"y = \frac{x}{y", "never closed", "{y"),
        (r"y = \frac1", "row ends", None),
        (r"y = \left(x + 1", "never closed", "("),
        (r"y = x + + 2", "found +", "+ 2"),
        (r"y = ", "row ends", None),
        (r"y = ()", "empty", "()"),
        (r"y = x_{1:3}", ": is no comparison", ":"),
        (r"y = 3, 5", "no decimal point", "5"),
    ],
)
def test_what_is_not_read_is_named_at_its_place(latex: str, words: str, at: str | None) -> None:
    error = refusal(latex, Vocabulary(SCALARS.names, functions=frozenset("f")))
    assert words in error.message
    assert "\n" not in error.message
    if at is not None:
        assert error.column - 1 == rf"\[ {latex}".index(at)
    assert error.text == rf"\[ {latex} \]"


def test_a_declared_name_beats_every_standard_meaning() -> None:
    plain = Vocabulary({"x": 0, "y": 0})
    names = ("d", "e", "I", "T", "i", "pi", "D", "sigma", "E", "N", "S", "O", "Q", "beta", "gamma", "zeta")
    every = Vocabulary({"x": 0, "y": 0, **dict.fromkeys(names, 0)})
    assert said(r"y = \frac{dy}{dx}", plain) == "y = dy/dx"
    assert said(r"y = \frac{dy}{dx}", every) == "y = (d y)/(d x)"
    assert said(r"y = \sigma(x)", plain) == "y = sigmoid(x)"
    assert said(r"y = \sigma(x)", every) == "y = sigma x"
    assert said(r"y = 2e-3", plain) == "y = 2e-3"
    assert said(r"y = 2e-3", every) == "y = 2 e - 3"
    assert said(r"y = x^T + T", every) == "y = x^T + T"  # a transpose above, a name elsewhere
    assert said(r"y = D e I i \pi", every) == "y = D e I i pi"


def test_different_names_stay_different() -> None:
    """H045: f' and f, W and w, a bar and none, a layer and none."""
    functions = Vocabulary(
        {"W": 2, "w": 1, "x": 0, "a": 1, "v_5": 0, "v_5_bar": 0}, functions=frozenset("f"), families=frozenset("a")
    )
    for left, right in (
        (r"f'(x)", r"f(x)"),
        ("W", "w"),
        (r"\bar{v}_5", "v_5"),
        ("a^{(1)}", "a"),
        ("a^{(1)}", "a^{(2)}"),
    ):
        assert said(f"x = {left}", functions) != said(f"x = {right}", functions)


def test_a_name_is_the_same_in_every_spelling() -> None:
    for spellings in (
        ("theta", r"\theta", r"\boldsymbol{\theta}"),
        ("u_hat", r"\hat u", r"\hat{u}", r"\widehat{u}", r"\hat{\mathbf u}"),
        ("vbar_3", r"\bar v_3", r"\bar{v}_{3}", r"\overline{v_3}", "v_3_bar"),
        ("v_-1", "v_{-1}", "v_m1"),
        ("a_1", "a_{1}", "a_1 "),
        ("K_xy", "K_{xy}"),
        ("W^[1]", "W^{[1]}", r"\mathbf{W}^{[1]}"),
        ("P^{q+1}", "P^{q + 1}"),
        ("dP", r"\mathrm{dP}"),
        ("loss", r"\mathrm{loss}", r"\text{loss}"),
    ):
        assert len({canonical(spelling) for spelling in spellings}) == 1, spellings
    distinct = (
        r"\hat u",
        r"\tilde u",
        r"\bar u",
        "u",
        "u'",
        "u_1",
        "u^2",
        "u^{[1]}",
        "u^{(1)}",
        "U",
        r"\mathcal U",
        r"\Delta u",
    )
    assert len({canonical(spelling) for spelling in distinct}) == len(distinct)
    for spelling in distinct:
        assert canonical(canonical(spelling)) == canonical(spelling)


@pytest.mark.parametrize(
    "key", ["", "x + y", r"\frac{x}{y}", "2", "x_1 y_2", r"\sin(x)", "(x)", r"\input{x}", "{", "^2"]
)
def test_what_is_no_name_is_refused(key: str) -> None:
    with pytest.raises(ReadingError):
        canonical(key)


def test_the_longest_declared_name_wins() -> None:
    names = Vocabulary(
        {"u": 2, "u_x": 1, "W": 2, "W^[1]": 2, "tau": 0, "tau^2": 0, "P": 2, "dP": 2, "v": 1, "Delta v": 1}
    )
    assert said(r"u_{x,i} = u_{ij} u_x", names) == "u_x[i] = u[i, j] u_x"
    assert said(r"W^{[1]}_{ij} = W_{ij}^{[1]}", names) == "W^[1][i, j] = W^[1][i, j]"
    assert said(r"\tau^2 = \tau^3", names) == "tau^2 = tau^3"
    assert said(r"dP_{ij} = P_{ij}", names) == "dP[i, j] = P[i, j]"
    assert said(r"\Delta v_i = v_i", names) == "Delta v[i] = v[i]"
    read = read_equation(r"\tau^2 = \tau^3", names)
    assert (type(read.head).__name__, type(read.links[0].tree).__name__) == ("Name", "Power")


def test_letters_in_a_row_are_a_product_unless_declared() -> None:
    assert said("y = ab", Vocabulary(dict.fromkeys("yab", 0))) == "y = a b"
    assert said("y = ab", Vocabulary({**dict.fromkeys("yab", 0), "ab": 0})) == "y = ab"
    assert said("y = W_{ab}", Vocabulary({"y": 0, "W": 2})) == "y = W[a, b]"


def test_a_new_name_on_the_left_is_known_in_all_rows() -> None:
    rows = read_work("$$\\begin{aligned} y &= D(1 - x) \\\\ D &= 2x \\\\ g(x) &= D + \\mathrm{diff} \\\\"
                     " \\mathrm{diff}_i &= g(x) \\end{aligned}$$", ".md", Vocabulary({"x": 0, "y": 0}))  # fmt: skip
    assert [row.error for row in rows] == [None] * 4
    assert [echo_statement(row.statements[0]) for row in rows] == [
        "y = D (1 - x)", "D = 2 x", "g(x) = D + diff", "diff[i] = g(x)",
    ]  # fmt: skip


def test_five_notations_of_one_gradient_are_five_readings_of_it() -> None:
    """The weights' gradient: by index, as a matrix, as a chain, by nabla, under a name of its own."""
    lines = (
        r"\frac{\partial L}{\partial w_{ij}^{[l]}} = \delta_i^{[l]} a_j^{[l-1]}",
        r"\frac{\partial L}{\partial W^{[l]}} = \delta^{[l]} (a^{[l-1]})^T",
        r"\frac{\partial L}{\partial w_{ij}^{[l]}} = \sum_k \frac{\partial L}{\partial z_k^{[l]}}"
        r" \frac{\partial z_k^{[l]}}{\partial w_{ij}^{[l]}}",
        r"\nabla_{W^{[l]}} L = \delta^{[l]} \otimes a^{[l-1]}",
        r"dW^{[l]} = \delta^{[l]} a^{[l-1]\top}",
    )
    readings = [said(line, MLP) for line in lines]
    assert len(set(readings)) == 5
    assert [reading.split(" = ")[0] for reading in readings] == [
        "dL/d(w[l, i, j])", "dL/d(W[l])", "dL/d(w[l, i, j])", "dL/d(W[l])", "dW[l]",
    ]  # fmt: skip


def test_vocabularies_are_not_changed_by_reading() -> None:
    before = dict(CONVOLUTION.names)
    read_work(r"\[ Q = 1 \\ R = 2 \]", ".tex", CONVOLUTION)
    assert dict(CONVOLUTION.names) == before
    assert "R" not in MATRICES.names
