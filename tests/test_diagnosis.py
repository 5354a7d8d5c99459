"""What is said of a wrong row holds: every formula that is shown is read back and judged, at all sizes."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from derive import tree as t
from derive.reading.latex.rows import read_equation, read_work
from derive.tree import Tree
from derive.verification.diagnosis import scratch
from derive.verification.expected import expected
from derive.verification.library import catalogue_names
from derive.verification.report import Line
from derive.verification.slip_context import Context
from derive.verification.slip_parts import more, narrowed, other_index
from derive.verification.slip_search import Search
from derive.verification.slip_text import Words
from derive.verification.spellings import of_work
from derive.verification.values import is_literal
from derive.verification.verdicts import Judged
from tests.slip_cases import in_turn
from tests.test_verification_works import named, verifier, works


def only(problem: str, work: str) -> Line:
    """The one wrong row of a work."""
    return next(line for line in verifier(problem).verify(work, ".tex").lines if line.verdict.verdict == "wrong")


@pytest.mark.parametrize("work", [r"dZ_2 = P - Y + [N = 3]", r"dZ_2 = (P - Y) (1 + [N = 3])"])
def test_a_slip_holds_at_sizes_where_a_condition_was_never_met(work: str) -> None:
    """1/N undone leaves [N = 3], which is 0 at the first sizes."""
    line = only("two-layer-softmax", work)
    for slip in line.slips:
        if slip.name != "no known pattern":
            assert "N = 3" not in slip.repair
    judged = verifier("two-layer-softmax").verify(line.expected or "", ".tex")
    assert judged.verdict == "correct"


#: y is a vector, n a number.
MEAN = r"""
loss = "L"
equations = ['y = A x', 'L = \frac{1}{n} y^T y']
[names]
A = { shape = ["n", "m"] }
x = { shape = ["m"] }
"""


@pytest.mark.parametrize("work", [r"\frac{\partial L}{\partial y} = n y", r"L = n y^T y", r"L = \frac{2}{n} y^T y"])
def test_no_repair_transposes_a_number(work: str) -> None:
    for slip in only(MEAN, work).slips:
        assert "n^T" not in slip.repair and "2^T" not in slip.repair and "L^T" not in slip.repair


def test_numbers_are_told_from_arrays_by_name() -> None:
    model = verifier(MEAN).judging.models[0]
    context = Context(model, t.Name("L"), t.Name("y"))
    read = {text: read_equation(text, verifier(MEAN).problem.vocabulary).head for text in ("n", "n L", "y", "A x")}
    assert [name for name, tree in read.items() if tree is not None and context.is_number(tree)] == ["n", "n L"]
    for tree in read.values():
        assert tree is not None
        assert bool(context.ill_formed(t.Transpose(tree))) is context.is_number(tree)


@pytest.mark.parametrize("factor", [r"\frac{2}{3}", r"\frac{2}{n}", r"\frac{1}{m}"])
def test_the_size_that_is_meant_is_the_one_at_all_sizes(factor: str) -> None:
    """n/3 is 2/m wherever n m is 6."""
    line = only("linear-regression", rf"\frac{{\partial L}}{{\partial w}} = {factor} X^T (\hat y - y)")
    assert [slip.name for slip in line.slips] == [
        "factor 2 of a square missing" if factor == r"\frac{1}{m}" else "another size"
    ]
    assert line.expected is not None and "m" in line.expected and "n" not in line.expected


# --- formulas that are shown ------------------------------------------------------------------------------------------


def always(head: Tree, right: Tree, read_head: Tree, read_right: Tree) -> bool:
    """The reading is judged below."""
    return True


def shown_rows(work: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What a work defines, and its right rows as they would be shown: as they stand, and by the problem's equations."""
    judging = verifier(work.get("toml") or work["problem"]).judging
    rows = read_work(work["work"], work.get("suffix", ".tex"), judging.problem.vocabulary)
    words = Words(judging.problem, of_work(judging.problem, rows))
    # what is added up over several rows has no right side of its own
    heads = Counter(statement.head for row in rows for statement in row.statements)
    defining: list[str] = []
    found: list[str] = []

    def look(judged: Judged) -> None:
        verdict = judged.verdict
        statement, link, head = verdict.statement, verdict.link, verdict.head
        if verdict.evidence == "definition":
            defining.append(judged.row.text)
        if verdict.verdict != "correct" or verdict.evidence in ("carried", "definition", "partial sum"):
            return
        if statement is None or link is None or head is None or link.relation != "=" or is_literal(link.tree):
            return
        if heads[head] > 1:
            return
        conditions = judging.head[1] if statement.head is None and judging.head is not None else statement.conditions
        with scratch(judging.models):
            answer = expected(Search(judging, head, link.tree, conditions))
        sides = [(head, link.tree)] + ([] if answer is None else [(answer.head, answer.right)])
        for left, right in sides:
            said = words.row(left, right, conditions, always)
            assert said is not None, judged.row.text
            found.append(said)

    judging.judge(rows, look)
    return defining, found


RIGHT = [work for file in ("sheet002", "sheet003", "sheet004", "correct", "points", "wrong") for work in works(file)]
#: What no printer says yet: the prime of a function with an index, as sheet 002 writes it.
UNSAID = ("sheet002 mlp 0",)


@pytest.mark.parametrize("work", in_turn([each for each in RIGHT if named(each) not in UNSAID], named))
def test_the_right_formula_of_a_right_row_reads_back_and_is_right(work: dict[str, Any]) -> None:
    defining, found = shown_rows(work)
    if found:
        report = verifier(work.get("toml") or work["problem"]).verify("\n".join([*defining, *found]), ".tex")
        judged = [line.verdict.verdict for line in report.lines[len(defining) :]]
        assert dict(zip(found, judged, strict=True)) == dict.fromkeys(found, "correct")


@pytest.mark.parametrize("problem", in_turn(catalogue_names(), str))
def test_what_is_expected_of_every_derivative_of_the_catalogue_reads_back(problem: str) -> None:
    own = verifier(problem)
    judging, loss = own.judging, own.problem.loss
    if loss is None:
        return
    words = Words(own.problem, of_work(own.problem, ()))
    for name, quantity in own.problem.quantities.items():
        if quantity.kind not in ("scalar", "tensor") or name == loss:
            continue
        letters = tuple(t.Name(letter) for letter in ("i", "j", "k", "l")[: len(quantity.shape or ())])
        indices = ((t.Name(quantity.family),) if quantity.family else ()) + letters
        for variable in (t.Subscript(name, indices) if indices else t.Name(name),):
            head = t.Derivative(t.Name(loss), variable)
            with scratch(judging.models):
                answer = expected(Search(judging, head, t.Number("7"), ()))
                shown = None if answer is None else words.row(answer.head, answer.right, (), always)
            if answer is not None:
                assert shown is not None
                assert own.verify(shown, ".tex").verdict == "correct", shown


@pytest.mark.parametrize("work", in_turn(works("wrong"), named))
def test_what_is_shown_of_a_wrong_work_is_right(work: dict[str, Any]) -> None:
    report = verifier(work["problem"]).verify(work["work"], work.get("suffix", ".tex"))
    for line in report.lines:
        if line.expected is not None and line.verdict.carried_from is None:
            defining = [each.judged.row.text for each in report.lines if each.verdict.evidence == "definition"]
            again = verifier(work["problem"]).verify("\n".join([*defining, line.expected]), ".tex")
            assert again.lines[-1].verdict.verdict == "correct", line.expected


def without_braces(text: str) -> str:
    return re.sub(r"[{}\s]", "", text)


SPELLED = r"""
loss = "L"
equations = [
    '\vec r_1 = A \mathbf{x}',
    '\tau^2 = \vec r_1^T \vec r_1',
    '\boldsymbol{\mu}_{\text{new}} = \vec r_1 + \mathbf x^*',
    '\hat{\mathbf y} = \tanh(\boldsymbol\mu_{\text{new}})',
    'L = \tau^2 + (\tau^2)^2 + \|\hat{\mathbf y}\|^2 + \tilde c^2',
]
[names]
A = { shape = ["n", "m"] }
'\mathbf{x}' = { shape = ["m"] }
'\mathbf x^*' = { shape = ["n"] }
'\tilde c' = { shape = [] }
"""


@pytest.mark.parametrize(
    ("work", "shown"),
    [
        (r"\vec r_1 = A^T \mathbf x", r"\vec r_1 = A \mathbf x"),
        (r"\tau^2 = \vec r_1 \vec r_1^T", r"\tau^2 = \vec r_1^\top \vec r_1"),
        (r"\frac{\partial L}{\partial \tilde c} = \tilde c", r"\frac{\partial L}{\partial \tilde c} = 2 \tilde c"),
        (r"\frac{\partial L}{\partial \tau^2} = 1 + \tau^2", "1 + 2"),
        (r"\boldsymbol\mu_{\text{new}} = \vec r_1 - \mathbf x^*", r"\vec r_1 + \mathbf x^*"),
        (r"L = \tau^2 + \|\hat{\mathbf y}\|^2 + \tilde c^2", r"(\tau^2)^2"),
    ],
)
def test_names_are_spelled_as_the_student_spells_them(work: str, shown: str) -> None:
    line = only(SPELLED, work)
    assert without_braces(shown) in without_braces(line.expected or "")
    assert verifier(SPELLED).verify(line.expected or "", ".tex").verdict == "correct"


# --- sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "work", "named_in_it"),
    [
        ("griewank", r"\bar v_4 = \bar v_5 - \bar v_6 v_5", (r"$\bar v_6 v_5$", r"$-\bar v_6 v_5$")),
        ("griewank", r"\bar v_1 = \bar v_2 + \bar v_4", (r"$\cos(v_1)$",)),
        ("mlp", r"\frac{\partial L}{\partial w_{ij}^{[l]}} = \delta_i^{[l]} a_j^{[l]}", ("$l - 1$", "$a_j^{[l-1]}$")),
        ("mlp-matrix", r"dW^{[L]} = \frac{1}{m} dZ^{[L]} A^{[L-1]T}", (r"$\frac{1}{m}$",)),
        ("softmax-cross-entropy", r"\frac{\partial L}{\partial z_i} = p_i", ("$-y_i$",)),
    ],
)
def test_a_sentence_names_what_is_wrong_in_the_row(problem: str, work: str, named_in_it: tuple[str, ...]) -> None:
    sentence = only(problem, work).slips[0].sentence
    for part in named_in_it:
        assert part in sentence


def test_a_sentence_speaks_the_notation_of_the_work() -> None:
    plain = verifier("griewank").verify("v_1 = v_-1*v_0\n", ".txt").lines[0].slips[0].sentence
    assert "v_-1/v_0" in plain and "$" not in plain and "v_m1" not in plain
    latex = only("griewank", r"v_1 = v_{-1} v_0").slips[0].sentence
    assert "v_{-1}" in latex and "v_m1" not in latex


def test_the_part_that_differs_is_the_smallest() -> None:
    vocabulary = verifier("griewank").problem.vocabulary

    def tree(text: str) -> Tree:
        head = read_equation(f"${text}$", vocabulary).head
        assert head is not None
        return head

    assert narrowed(tree(r"x_1 + \sin(v_1)"), tree(r"x_1 + \sin(v_2)")) == (tree("v_1"), tree("v_2"))
    assert narrowed(tree("x_1 - x_2"), tree("x_1 + x_2")) == (tree("-x_2"), tree("x_2"))
    assert narrowed(tree("x_1 + x_2"), tree("v_1 + v_2")) == (tree("x_1 + x_2"), tree("v_1 + v_2"))
    assert more(tree("x_1 v_1"), tree("x_1 v_2 v_1")) == tree("v_2")
    assert more(tree("x_1"), tree("x_1 - v_2")) == tree("-v_2")
    assert more(tree("x_1 v_1"), tree("x_1 v_2")) is None
    entries = (t.Subscript("a", (t.Name("i"), t.Name("l"))), t.Subscript("a", (t.Name("i"), t.Name("k"))))
    assert other_index(*entries) == (t.Name("l"), t.Name("k"))


def test_a_sum_that_nobody_bounds_is_not_charged_where_a_size_of_the_problem_makes_it_right() -> None:
    """No array of this row says how far i and j run, and H W terms make it true."""
    report = verifier("gradcam").verify(r"\alpha_{ck} = \frac{1}{H W} \sum_{i,j} \frac{w_{ck}}{H W}", ".tex")
    assert report.verdict != "wrong"


@pytest.mark.parametrize(
    ("problem", "work", "name", "part"),
    [
        (
            "convolution-dilation",
            r"\frac{\partial L}{\partial V_{ab}} = d \sum_{k,l} G_{a-dk,b-dl} K_{kl}",
            "constant factor too many",
            "$d$",
        ),
        ("attention", r"dK = \sqrt{d} \, dS^T Q", "multiplied where it is divided", r"\frac"),
        (
            "linear-regression",
            r"\frac{\partial L}{\partial b} = \frac{2}{m^2} \sum_i (\hat y_i - y_i)",
            "mean taken twice",
            "1}{m}",
        ),
        ("griewank", r"\frac{\partial y}{\partial x_2} = -\bar v_1 \frac{x_1}{x_2^2}", "path missing", "v_3"),
        (
            "convolution",
            r"\frac{\partial Z_{ij}}{\partial K_{kl}} = V_{kl}",
            "another index",
            "V_{i+k,j+l}",
        ),
        (
            "optimisers",
            r"w_t = (1 - \lambda) w_{t-1} - \eta g_t",
            "constant factor missing",
            r"\eta",
        ),
    ],
)  # fmt: skip
def test_the_name_is_that_of_the_thing_in_the_row(problem: str, work: str, name: str, part: str) -> None:
    line = only(problem, work)
    assert line.slips[0].name == name
    assert part in line.slips[0].sentence
