"""What the project prints in LaTeX it also reads, to the same tree; hostile text is refused, never run, and soon."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.cli.solve import _document
from derive.errors import LimitError, ReadingError
from derive.latex.formulas import formula as latex
from derive.latex.style import name
from derive.reading.latex.interpret import Interpreter
from derive.reading.latex.lexer import scan
from derive.reading.latex.parser import parse
from derive.reading.latex.rows import echo_statement, read_equation, read_work
from derive.reading.latex.source import Source
from derive.reading.latex.spelling import canonical, plain_name, printable
from derive.reading.latex.vocabulary import Vocabulary
from derive.reading.reader import read
from derive.subjects.catalogue import BY_NAME, ENTRIES, find
from derive.tree import Tree
from derive.words import FUNCTIONS
from tests.latex_forms import normal, word
from tests.latex_fuzz import mutants, nonsense, vocabularies
from tests.thorough import examples
from tests.trees import NAMES, expressions


def sides(text: str, vocabulary: Vocabulary) -> list[Tree]:
    """The sides of a printed formula, read."""
    source = Source(text)
    (chain,) = parse(source, scan(source, 0, len(text)))
    return [Interpreter(source, vocabulary).total(side) for side in chain.sides]


# --- laws -------------------------------------------------------------------------------------------------------------

PRINTED = tuple(name for name in NAMES if name != "x1")  # x_1 is printed for the name x1 and for the entry x[1]
VOCABULARY = Vocabulary(dict.fromkeys(map(plain_name, (*PRINTED, "w")), None))


def is_readable(tree: Tree, bound: Sequence[str] = ()) -> bool:
    """Whether print shows it uniquely: no index bound twice, and no product alone in a subscript, V_{i j}."""
    if isinstance(tree, t.Reduction):
        if len(set(tree.bound)) < len(tree.bound) or set(tree.bound) & set(bound):
            return False
        bound = (*bound, *tree.bound)
    if isinstance(tree, t.Subscript) and any(isinstance(index, t.Product) for index in tree.indices):
        return False
    return all(is_readable(child, bound) for child in t.children(tree))


def _renamed(node: Tree) -> Tree:
    match node:
        case t.Name(text="x1"):
            return t.Name("w")
        case t.Subscript(array="x1"):
            return replace(node, array="w")
    return node


trees = expressions.map(lambda tree: t.transformed(tree, _renamed)).filter(is_readable)


@settings(max_examples=examples(400), deadline=None)
@given(trees, st.booleans())
def test_what_is_printed_reads_back(tree: Tree, inline: bool) -> None:
    (again,) = sides(latex(tree, inline=inline), VOCABULARY)
    assert normal(again) == normal(tree)


@settings(max_examples=examples(200), deadline=None)
@given(trees)
def test_what_was_read_prints_to_what_reads_the_same(tree: Tree) -> None:
    (once,) = sides(latex(tree), VOCABULARY)
    (twice,) = sides(latex(t.transformed(once, _printable)), VOCABULARY)
    assert normal(twice) == normal(once)


def _printable(node: Tree) -> Tree:
    match node:
        case t.Name(text=text):
            return t.Name(printable(text))
        case t.Subscript(array=array):
            return replace(node, array=printable(array))
    return node


@settings(max_examples=examples(200), deadline=None)
@given(trees)
def test_every_node_stands_somewhere_in_its_source(tree: Tree) -> None:
    text = latex(tree)
    (again,) = sides(text, VOCABULARY)
    for node in t.walk(again):
        if node.at is not None:
            assert node.at.line == 1
            assert 1 <= node.at.column < node.at.end <= len(text) + 1


@pytest.mark.parametrize(
    "key", [r"\Delta v", "W^{[1]}", "P^{q+1}", r"\tau^2", "x'", "v_{-1}", r"\hat W^{(2)}", "K_{xy}"]
)
def test_declared_names_are_printed_as_they_are_read(key: str) -> None:
    assert canonical(name(printable(canonical(key)))) == canonical(key)


def test_the_law_sees_a_difference() -> None:
    (product,) = sides(r"x \, (y + \theta)", VOCABULARY)
    (sum_,) = sides(r"x \, y + \theta", VOCABULARY)
    assert normal(product) != normal(sum_)


# --- the worked solutions ---------------------------------------------------------------------------------------------

DEFAULTS = {parameter.name: parameter.default for entry in ENTRIES for parameter in entry.parameters}


def formulas(block: object) -> Iterator[Tree]:
    """Every tree in a document."""
    if isinstance(block, t.Operators):
        yield block  # type: ignore[misc]
    elif dataclasses.is_dataclass(block):
        for each in dataclasses.fields(block):
            yield from formulas(getattr(block, each.name))
    elif isinstance(block, (tuple, list)):
        for each in block:
            yield from formulas(each)


def vocabulary_of(trees: Sequence[Tree]) -> Vocabulary:
    """The names, functions, families and indices that occur, as a problem would declare them."""
    names: dict[str, int | None] = {}
    functions, families, indices = set(), set(), set()
    for node in (node for tree in trees for node in t.walk(tree)):
        match node:
            case t.Name(text=text, symbol=symbol):
                names.setdefault(word(text, symbol))
            case t.Subscript(array=array, symbol=symbol, indices=at, layer=layer):
                own = word(array, symbol)
                names[own] = max(names.get(own) or 0, len(at) - bool(layer))
                if layer:
                    families.add(own)
            case t.Call(function=function, layer=layer):
                if function and function not in FUNCTIONS:
                    functions.add(word(function))
                if layer:
                    families.add(word(function))
            case t.Reduction(bound=bound):
                indices.update(map(word, bound))
    for index in indices:
        names.pop(index, None)
    return Vocabulary(names, frozenset(indices), frozenset(functions), frozenset(families))


@pytest.mark.parametrize("solution", BY_NAME)
def test_every_formula_of_a_solution_reads_back(solution: str) -> None:
    found = list(formulas(_document(find(solution), DEFAULTS)))
    assert found
    vocabulary = vocabulary_of(found)
    for tree in dict.fromkeys(found):
        written = tree.sides if isinstance(tree, t.Relation) else (tree,)
        for inline in (False, True):
            text = latex(tree, inline=inline)
            assert [normal(side) for side in sides(text, vocabulary)] == [normal(side) for side in written], text


# --- two surfaces, one tree -------------------------------------------------------------------------------------------


@settings(max_examples=examples(200), deadline=None)
@given(trees)
def test_the_plain_notation_and_latex_say_the_same(tree: Tree) -> None:
    from derive.plain import formula

    plain = t.transformed(read(formula(tree), declared=(*PRINTED, "w", "i", "j", "k")), _renamed)
    (again,) = sides(latex(tree), VOCABULARY)
    assert normal(again) == normal(plain)


# --- hostile text -----------------------------------------------------------------------------------------------------


def errors(text: str, suffix: str = ".tex", vocabulary: Vocabulary = VOCABULARY) -> list[ReadingError]:
    return [row.error for row in read_work(text, suffix, vocabulary) if row.error is not None]


@pytest.mark.parametrize(
    "text",
    [
        r"\input{/etc/passwd}", r"\include{x} = 1", r"x = \openin5=x", r"\write18{touch X}", r"\immediate\write18{x}",
        r"\begin{input}{/etc/passwd}\end{input}", r"\csname input\endcsname", r"x = ^^5cinput{a}", r"\catcode`\@=11",
        r"\def\x{\x}\x", r"\newcommand{\y}{x} = 1", r"\loop x \repeat", r"\directlua{os.execute('x')}", r"\special{x}",
        r"\includegraphics{x}", r"\href{JavaScript:alert(1)}{x} = 1", r"x = \htmlData{a=b}{c}", r"x = \eval(1)",
    ],
)  # fmt: skip
def test_h065_commands_outside_the_list_are_refused_at_their_place(text: str) -> None:
    (error,) = errors(text)
    assert error.column == (text.index("^^") if "^^" in text else text.index("\\")) + 1
    assert error.text == text


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "# only a comment", "% nothing", "\ufeff"])
def test_h024_empty_work_has_no_rows(text: str) -> None:
    assert read_work(text, ".txt", VOCABULARY) == ()
    with pytest.raises(ReadingError):
        read_equation(text, VOCABULARY)


@pytest.mark.parametrize(
    "text",
    [
        "x = __import__('os').system('touch X')", "x = ().__class__.__base__", "x = open('/etc/passwd').read()",
        'x = S("1")', "x = lambda y: y", "x = (y := 2)", "x = [i for i in y]", "x = None", "x = yield 1",
        "x = __class__",
    ],
)  # fmt: skip
def test_h025_h026_python_is_refused(text: str) -> None:
    plain = Vocabulary({"x": 0, "y": 0})
    rows = read_work(text, ".txt", plain)
    assert rows
    assert all(row.error is not None for row in rows), [echo_statement(each) for row in rows for each in row.statements]


@pytest.mark.parametrize("text", ["x = 1e999999999", r"\theta = 10^{999999}", r"x = 9^{9^{9}}", r"x = y^{100000000}",
                                  r"\theta = " + "9" * 5000])  # fmt: skip
def test_h030_h031_giants_are_refused_soon(text: str) -> None:
    start = time.process_time()
    (error,) = errors(text)
    assert isinstance(error, LimitError)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("text", ["x = 0x10", "x = 1_000", "x = nan", "x = \u0663", "x = \uff58"])
def test_h032_odd_numbers_are_refused(text: str) -> None:
    assert len(errors(text, ".txt")) == 1


@pytest.mark.parametrize(
    "text",
    [
        r"\theta = " + "(" * 100_000, r"\theta = " + "{" * 20_000, r"\theta = " + "-" * 60_000 + "x",
        r"\theta = " + "(" * 300 + "x" + ")" * 300, r"\theta = " + r"\sqrt{" * 200 + "x" + "}" * 200,
        r"\theta = " + r"\sin(" * 200 + "x" + ")" * 200, r"\theta = " + r"\hat" * 2000 + "x",
        r"\theta = " + r"\sin " * 1000 + "x", r"\theta = " + r"\frac{d}{dx}" * 300 + "x",
        r"\theta = x" + "^{x" * 200 + "}" * 200, r"\theta = x" + "_{x" * 200 + "}" * 200, r"\theta = x" + "'" * 3000,
        r"\theta = " + r"\nabla" * 1500 + "x", r"\theta = " + "|" * 3000 + "x" + "|" * 3000,
        r"\theta = " + r"\begin{matrix}" * 300 + "x" + r"\end{matrix}" * 300, r"\theta = " + r"\sum_i" * 1000 + "x",
    ],
)  # fmt: skip
def test_h033_h071_depth_is_limited_and_never_a_crash(text: str) -> None:
    start = time.process_time()
    assert errors(text)
    assert time.process_time() - start < 2


def test_h033_long_sums_are_read() -> None:
    text = r"\theta = " + " + ".join(["x"] * 2_000)
    assert errors(text) == []
    (error,) = errors(r"\theta = " + " + ".join(["x"] * 20_000))
    assert isinstance(error, LimitError)


def test_h046_an_undeclared_name_before_a_parenthesis_has_two_readings() -> None:
    for text in ("$y = g(1-g)$", "y = g(1 - g)"):
        (error,) = errors(text, ".txt", Vocabulary({"y": 0}))
        assert "product or call" in error.message


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x00", "\x07", "\ud800", "\u2066"])
def test_h048_hidden_characters_are_refused_by_code_point_and_never_shown(character: str) -> None:
    for text in (f"x = y{character}", rf"\theta = y{character}"):
        (error,) = errors(text, ".txt")
        assert f"U+{ord(character):04X}" in error.message
        assert character not in error.text + error.message


def test_h048_white_space_of_all_kinds_passes() -> None:
    rows = read_work("\ufeff\\theta = x\r\n\\theta\u00a0=\ty\r\\theta = \u2003 x\n", ".txt", VOCABULARY)
    assert [row.error for row in rows] == [None] * 3
    assert [row.at.line for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(("text", "like"), [("\\theta = \u0430", "looks like a"), ("\\theta = \u03bf", "omicron"),
                                            ("x = \u0435", "looks like e")])  # fmt: skip
def test_h049_letters_that_look_like_others_are_refused(text: str, like: str) -> None:
    (error,) = errors(text, ".txt")
    assert like in error.message
    assert error.column == len(text)


def test_h050_a_giant_line_is_refused_before_any_work() -> None:
    start = time.process_time()
    with pytest.raises(LimitError):
        read_work("x" * 10_000_000, ".tex", VOCABULARY)
    (error,) = errors(r"\theta = " + "x + " * 20_000 + "y")
    assert isinstance(error, LimitError)
    assert time.process_time() - start < 1


def test_h056_an_index_is_not_bound_twice() -> None:
    matrices = Vocabulary({"A": 2, "c": 0})
    for text in (r"$c = \sum_i \sum_i A_{ii}$", r"$c = \sum_{i,i} A_{ii}$"):
        (error,) = errors(text, ".md", matrices)
        assert "bound" in error.message
    assert errors(r"$c = \sum_i A_{ii} + \sum_i A_{ii}$", ".md", matrices) == []


def test_h063_seven_sums_are_refused() -> None:
    text = "c = " + "".join(rf"\sum_{letter} " for letter in "hijklmn") + "c"
    (error,) = errors(f"${text}$", ".md", Vocabulary({"c": 0}))
    assert isinstance(error, LimitError)


@pytest.mark.parametrize("text", [r"x = \frac{1", r"x = \left(y", r"x = \frac1", r"x = {y", r"x = \sqrt", r"x = y^"])
def test_h068_what_is_not_closed_is_refused(text: str) -> None:
    assert len(errors(text)) == 1


def test_h068_tex_takes_single_digits_as_arguments() -> None:
    (once,) = sides(r"\frac12x", VOCABULARY)
    (again,) = sides(r"\frac{1}{2}x", VOCABULARY)
    assert once == again


def test_other_rows_come_whatever_one_row_holds() -> None:
    rows = read_work("\\theta = x\n\\theta = \\input{y}\n\\theta = (x\n\\theta = y\n", ".tex", VOCABULARY)
    # an open bracket goes on in the next line, which is why the last two are one row
    assert [row.error is None for row in rows][:2] == [True, False]
    rows = read_work("$$\\theta = x \\\\ \\theta = \\input{y} \\\\ \\theta = (x \\\\ \\theta = y$$", ".md", VOCABULARY)
    assert [row.error is None for row in rows] == [True, False, False, True]


# --- fuzzing ----------------------------------------------------------------------------------------------------------


def check(text: str, suffix: str, vocabulary: Vocabulary) -> None:
    """Reading ends in rows, or in a ReadingError with a place; nothing else is ever raised."""
    try:
        rows = read_work(text, suffix, vocabulary)
    except ReadingError:
        return
    for row in rows:
        assert row.at.line >= 1
        assert (row.error is None) == bool(row.statements)
        for statement in row.statements:
            assert echo_statement(statement)
        if row.error is not None:
            assert row.error.line >= 1
            assert row.error.column >= 1
            assert "\n" not in row.error.message
            row.error.text.encode()


@settings(max_examples=examples(300), deadline=None)
@given(st.text(max_size=60), st.sampled_from((".tex", ".md", ".txt", ".ipynb")))
def test_any_text_is_read_or_refused(text: str, suffix: str) -> None:
    check(text, suffix, VOCABULARY)


@pytest.mark.parametrize("seed", range(3))
def test_nonsense_and_mutants_are_read_or_refused(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(300):
        check(nonsense(source), source.choice((".tex", ".md", ".txt")), source.choice(vocabularies))
        check(mutants(source), source.choice((".tex", ".md", ".txt")), source.choice(vocabularies))


@pytest.mark.slow
def test_a_hundred_thousand_inputs() -> None:
    source = random.Random(2026)
    for _ in range(50_000):
        check(nonsense(source), source.choice((".tex", ".md", ".txt")), source.choice(vocabularies))
        check(mutants(source), source.choice((".tex", ".md", ".txt")), source.choice(vocabularies))


@pytest.mark.parametrize(
    "text", [r"$$W_{ \mathbf 1 b^\top12} = W_{1,2}$$", "$$x = \\begin{bm\natrix}$$", "$$x = y^{(-x)^\\top}$$"]
)
def test_what_the_fuzzer_found(text: str) -> None:
    for vocabulary in vocabularies:
        check(text, ".md", vocabulary)
