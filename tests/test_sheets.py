"""Exercises from one source: variants differ and are of equal length, keys are proved, sheets hold no answers."""

from __future__ import annotations

import json
import re
from functools import lru_cache

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.document import Asked, Display, Document, Line, Prose
from derive.errors import UsageError
from derive.html.page import to_html
from derive.latex.document import to_latex
from derive.latex.formulas import formula
from derive.notebook import to_notebook
from derive.reading.reader import read
from derive.sheets import traces
from derive.sheets.catalogue import EXERCISES, find_exercise
from derive.sheets.drawing import Drawn, Draws, variants
from derive.sheets.exercise import Variant, key, sheet
from derive.sheets.making import Order, WrongKey, check_key, make
from derive.sheets.sane import LARGEST, adjoints_of, values_of
from derive.sheets.scalars import Scalars
from derive.textpage import to_text
from derive.verification.checking import Verifier
from derive.verification.problems import read_problem
from derive.verification.report import Report

NAMES = sorted(EXERCISES)
SEEDS = st.integers(-(10**30), 10**30)


@lru_cache
def worked(name: str, count: int = 3, seed: int = 1) -> tuple[Variant, ...]:
    exercise = EXERCISES[name]
    return tuple(exercise.work(drawn) for drawn in variants(name, exercise.draw, count, seed))


def sheet_of(name: str, place: int = 0) -> Document:
    return sheet(EXERCISES[name], worked(name)[place], place + 1, 1)


def key_of(name: str, place: int = 0) -> Document:
    return key(EXERCISES[name], worked(name)[place], place + 1, 1)


def answers_of(variant: Variant) -> list[str]:
    """What a student writes behind the equals signs."""
    return [" = ".join(formula(side) for side in question.sides) for question in variant.questions]


def judged(work: str, variant: Variant, suffix: str) -> Report:
    return Verifier(read_problem(variant.problem)).verify(work, suffix)


def filled_latex(text: str, answers: list[str]) -> str:
    """The student's file with an answer in each marked place."""
    pieces = re.split(r"(% answer \d+\n\\\[\n.*=)\n", text)
    assert len(pieces) == 2 * len(answers) + 1
    for place, answer in enumerate(answers):
        pieces[2 * place + 1] += f"\n  {answer}\n"
    return "".join(pieces)


def filled_notebook(text: str, answers: list[str]) -> str:
    notebook = nbformat.reads(text, as_version=4)
    places = [cell for cell in notebook.cells if "given" not in cell.metadata.get("tags", [])]
    for cell, answer in zip(places, answers, strict=True):
        assert cell.source.endswith("=\n$$")
        cell.source = cell.source.removesuffix("$$") + answer + "\n$$"
    return str(nbformat.writes(notebook))


# --- what is drawn ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=3, deadline=None)
@given(SEEDS)
def test_variants_differ_in_what_is_given_and_in_their_answers(name: str, seed: int) -> None:
    drawn = list(variants(name, EXERCISES[name].draw, 12, seed))
    assert len({each.values for each in drawn}) == len({each.answers for each in drawn}) == 12


@pytest.mark.parametrize("name", NAMES)
def test_variants_are_of_equal_length_with_answers_for_hand(name: str) -> None:
    found = worked(name)
    assert len({len(variant.questions) for variant in found}) == 1
    assert len({tuple(variant.operations.items()) for variant in found}) == 1
    assert len({tuple(variant.answers.values()) for variant in found}) == len(found)
    for variant in found:
        for answer in variant.answers.values():
            assert not re.fullmatch(r"-?[0-9.e+-]+", answer) or abs(float(answer)) <= 2 * LARGEST
            assert len(answer) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_a_variant_does_not_depend_on_how_many_there_are(name: str) -> None:
    draw = EXERCISES[name].draw
    assert list(variants(name, draw, 5, 7)) == list(variants(name, draw, 9, 7))[:5]
    assert list(variants(name, draw, 2, 7)) != list(variants(name, draw, 2, 8))


def test_where_there_are_too_few_variants_their_number_is_told() -> None:
    with pytest.raises(UsageError, match="coin has only 2 different variants at seed 5; ask for fewer"):
        list(variants("coin", lambda draws: Drawn((found := draws.below(2),), found), 3, 5))


def test_variants_with_the_same_answers_are_one() -> None:
    with pytest.raises(UsageError, match="constant has only 1 different"):
        list(variants("constant", lambda draws: Drawn((draws.below(10**6),), "the same"), 2, 5))


@pytest.mark.parametrize(
    ("operation", "operands", "is_for_hand"),
    [
        ("div", (3.0, 0.5), True),
        ("div", (3.0, -0.5), True),
        ("div", (3.0, 0.39), False),
        ("div", (3.0, -0.01), False),
        ("exp", (2.4,), True),
        ("exp", (2.6,), False),
        ("log", (0.31,), True),
        ("log", (0.29,), False),
        ("log", (-1.0,), False),
        ("mul", (5.0, 5.9), True),
        ("mul", (5.0, 6.1), False),
        ("sub", (1.5, 1.44), True),
        ("sub", (1.5, 1.46), False),
    ],
)
def test_lines_that_are_not_for_working_out_by_hand_are_drawn_again(
    operation: str, operands: tuple[float, ...], is_for_hand: bool
) -> None:
    names = ("x_1", "x_2")[: len(operands)]
    found = values_of([("v_1", operation, names)], dict(zip(names, operands, strict=True)))
    assert (found is not None) == is_for_hand


@pytest.mark.parametrize("name", ["griewank", "mlp-by-hand", "momentum", "chain-rule"])
def test_no_two_values_of_a_variant_are_the_same(name: str) -> None:
    for variant in worked(name):
        forward = {answer for left, answer in variant.answers.items() if "bar" not in left}
        copied = 1 if name == "momentum" else 0  # the first velocity is the first gradient
        assert len(forward) == sum("bar" not in left for left in variant.answers) - copied


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_screening_in_doubles_is_what_the_engine_says(seed: int) -> None:
    drawn = next(variants("griewank", traces.draw, 1, seed))
    nodes, at = drawn.values
    point = dict(zip(traces.INPUTS, map(float, at), strict=True))
    values = values_of(nodes, point)
    assert values is not None
    variant = traces.work(drawn)
    found = {question.left: float(str(answer)) for question, answer in zip(variant.questions, [
        each.replace(" ", "") for each in variant.answers.values()], strict=True)}  # fmt: skip
    adjoints = adjoints_of(nodes, values)
    for name, _, _ in nodes:
        assert found[t.Name(name)] == pytest.approx(values[name], abs=6e-5)
    for name in (*traces.INPUTS, *(node[0] for node in nodes[:-1])):
        letter, _, rest = name.partition("_")
        assert found[t.Name(f"{letter}bar_{rest}")] == pytest.approx(adjoints[name], abs=6e-5)


def test_draws_are_those_of_their_name_alone() -> None:
    one, other = Draws("a", 1), Draws("a", 2)
    first = [one.between(-5, 5) for _ in range(200)]
    assert set(first) == set(range(-5, 6))
    again = Draws("a", 1)
    assert first == [again.between(-5, 5) for _ in range(200)]
    assert first[:20] != [other.between(-5, 5) for _ in range(20)]
    assert {Draws("d", k).decimal(-2, 2) for k in range(60)} == {"-0.2", "-0.1", "0.1", "0.2"}
    assert sorted(Draws("s").shuffled(range(9))) == list(range(9))


# --- sheet, key and problem -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_key_is_proved_row_by_row(name: str) -> None:
    for place, variant in enumerate(worked(name)):
        document = key_of(name, place)
        works = [(to_latex(document), ".tex"), (to_notebook(document), ".ipynb")]
        for work, suffix in works[: 1 if place else 2]:
            report = judged(work, variant, suffix)
            assert [line.verdict.verdict for line in report.lines] == ["correct"] * len(variant.questions)


@pytest.mark.parametrize("name", NAMES)
def test_a_filled_sheet_is_right_and_a_wrong_answer_is_named_by_its_number(name: str) -> None:
    variant, text = worked(name)[0], to_latex(sheet_of(name))
    answers = answers_of(variant)
    assert judged(filled_latex(text, answers), variant, ".tex").verdict == "correct"
    for place in {0, len(answers) - 1}:
        wrong = [*answers]
        wrong[place] += " + 1"
        report = judged(filled_latex(text, wrong), variant, ".tex")
        assert (report.verdict, report.first_wrong, len(report.lines)) == ("wrong", place + 1, len(answers))


@pytest.mark.parametrize("name", NAMES)
def test_a_filled_notebook_is_judged_as_well(name: str) -> None:
    variant, text = worked(name)[1], to_notebook(sheet_of(name, 1))
    answers = answers_of(variant)
    assert judged(filled_notebook(text, answers), variant, ".ipynb").verdict == "correct"
    answers[1] += " + 1"
    assert judged(filled_notebook(text, answers), variant, ".ipynb").first_wrong == 2


def test_a_blank_row_is_not_read_and_the_others_are() -> None:
    variant = worked("softmax")[0]
    answers = answers_of(variant)
    answers[3] = ""
    verdicts = [
        line.verdict.verdict
        for line in judged(filled_latex(to_latex(sheet_of("softmax")), answers), variant, ".tex").lines
    ]
    assert verdicts[3] == "unread"
    assert verdicts.count("correct") == len(answers) - 1


@pytest.mark.parametrize("name", NAMES)
def test_a_sheet_holds_none_of_its_answers(name: str) -> None:
    for place, variant in enumerate(worked(name)):
        document = sheet_of(name, place)
        given = to_latex(Document("", variant.given))
        shown = [
            to_latex(document),
            to_notebook(document),
            to_text(document),
            to_html(document).partition("</head>")[2],
        ]
        numbers = {number for answer in variant.answers.values() for number in re.findall(r"\d+\.\d{2,}", answer)}
        for text in shown:
            found = set(re.findall(r"(?<![\d.])\d+\.\d+", text))
            assert not {number for number in numbers & found if number not in given}
        for question in variant.questions:
            for sides in (question.sides, question.sides[-1:]):
                complete = " = ".join(formula(side) for side in (question.left, *sides))
                assert complete not in shown[0].replace("&", "")
        frames = "".join(
            f"% answer {number}\n\\[\n  {formula(question.left)} =\n  \\tag{{{number}}}\n\\]\n"
            for number, question in enumerate(variant.questions, 1)
        )
        body = shown[0].partition("\\begin{document}")[2]
        outside = re.sub(r"^% begin given$.*?^% end given$", "", body, flags=re.DOTALL | re.MULTILINE)
        outside = re.sub(r"^\\answerroom\{\d+mm\}\n", "", outside[outside.index("% answer 1") :], flags=re.MULTILINE)
        assert "".join(outside.replace("\\end{document}", "").split()) == "".join(frames.split())
        assert [block for block in document.blocks if isinstance(block, Asked) and block.sides] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_same_order_gives_the_same_bytes(name: str) -> None:
    order = Order(name, 2, 3, ("tex", "html", "ipynb"), check=False)
    first, again = list(make(order)), list(make(order))
    assert first == again
    assert first[0].files.keys() == set(order.names)
    assert first[0].files != first[1].files


def test_a_wrong_key_is_not_handed_out() -> None:
    variant = worked("softmax")[0]
    document = Document("", (Prose(("Words.",)), Asked(1, t.Name("L"), (t.Number("7"),))))
    with pytest.raises(WrongKey, match=r"variant 4 of softmax: row 1 of its key is wrong") as caught:
        check_key(EXERCISES["softmax"], document, variant.problem, 4)
    assert caught.value.exit_code == 1


def test_a_name_that_is_nearly_right_is_offered() -> None:
    assert find_exercise("MLP_by_hand").name == "mlp-by-hand"
    with pytest.raises(UsageError, match="did you mean griewank"):
        find_exercise("griewnak")


def test_scalars_have_their_gradients_as_formulas_and_numbers() -> None:
    scalars = Scalars({"z": "w*x + b", "L": "z^2/2"}, {"w": "1.5", "x": "2", "b": "0.25"}, "L")
    assert scalars.value("z") == read("3.25")
    assert scalars.adjoint("w") == read("6.5")
    left, right = scalars.gradient("w")
    assert (formula(left), formula(right)) == (r"\bar{w}", r"\bar{z} \, x")


# --- asked lines in every medium --------------------------------------------------------------------------------------

GIVEN = Display((Line(t.Relation((t.Name("x"), read("2")))),))
ASKED = (Asked(1, t.Name("vbar_3"), room=3), Asked(2, t.Name("y"), (read("x + 1"), read("3"))))
BLANK = Document("T", (Prose(("Given: ", read("3"), ".")), GIVEN, *ASKED))


def test_a_line_that_is_asked_for_has_its_left_side_and_room() -> None:
    latex = to_latex(BLANK)
    assert "% answer 1\n\\[\n  \\bar{v}_3 =\n  \\tag{1}\n\\]\n\\answerroom{24mm}" in latex
    assert latex.index("% begin given") < latex.index("x &= 2") < latex.index("% end given") < latex.index("% answer 1")
    assert "(1) vbar_3 = ____" in to_text(BLANK)
    page = to_html(BLANK)
    assert page.count('class="room"') == 1 and page.count("<br>") == 2
    cells = nbformat.reads(to_notebook(BLANK), as_version=4).cells
    assert [cell.metadata["tags"] for cell in cells[-2:]] == [["answer-1"], ["answer-2"]]
    assert all(cell.metadata["tags"] == ["given"] for cell in cells[:-2])
    nbformat.validate(json.loads(to_notebook(BLANK)))


PROBLEM = "equations = ['y = x + 1']\n[names]\nx = { shape = [] }\n"


@pytest.mark.parametrize(
    ("work", "rows"),
    [
        ("% begin given\n\\[ x = 2 \\]\n% end given\n\\[ y = x + 1 \\]", ["y"]),
        ("\\[ x = 2 \\]\n% end given\n\\[ y = x + 1 \\]", ["x", "y"]),
        ("% begin given\n\\[ x = 2 \\]\n\\[ y = x + 1 \\]", ["x", "y"]),
        # the end of the first is gone: only the second hides anything
        ("% begin given\n\\[ x = 2 \\]\n\\[ y = x \\]\n% begin given\n\\[ x = 3 \\]\n% end given", ["x", "y"]),
        ("\\[ y = x + 1 \\] % begin given\n\\[ x = 2 \\]\n% end given", ["y", "x"]),
    ],
)
def test_marks_hide_what_is_given_and_nothing_else(work: str, rows: list[str]) -> None:
    report = Verifier(read_problem(PROBLEM)).verify(work, ".tex")
    assert [line.judged.row.text.split(" =")[0] for line in report.lines] == rows
