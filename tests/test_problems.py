"""Problems: what names, equations, upstream gradients, aliases and values of a file mean, and what is refused."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive import tree as t
from derive.errors import DeriveError, ReadingError, UsageError
from derive.verification.domains import Classes, Plain, Range
from derive.verification.library import catalogue_names, catalogue_text
from derive.verification.matching import message, suggest
from derive.verification.problem_checks import defined
from derive.verification.problems import Problem, load_problem, problem_names, read_problem
from tests.test_problem_files import ISSUE


def problem(*equations: str, names: str = "", rest: str = "") -> Problem:
    listed = ", ".join(f"'{equation}'" for equation in equations)
    return read_problem(f"{rest if '[' not in rest else ''}\nequations = [{listed}]\n"
                        f"{rest if '[' in rest else ''}\n[names]\n{names}")  # fmt: skip


# --- what is read -----------------------------------------------------------------------------------------------------


def test_the_example_of_the_command_is_a_problem() -> None:
    read = read_problem(ISSUE, "affine.toml")
    assert (read.title, read.loss, read.file) == ("Affine layer, samples as rows", "C", "affine.toml")
    assert [defined(each) for each in read.equations] == ["Y"] and read.lines == (3,)
    assert read.upstream == {"Y": t.Name("H")}
    assert {name: each.shape for name, each in read.quantities.items()} == {
        "X": ("s", "n"),
        "A": ("n", "p"),
        "B": ("p",),
    }
    names = problem_names(read).names
    assert names["X"] == names["A"] == 2 and names["B"] == 1 and names["C"] == names["s"] == names["p"] == 0
    assert {"Y", "H"} <= set(names)


@pytest.mark.parametrize("name", catalogue_names())
def test_every_problem_of_the_catalogue_is_read(name: str) -> None:
    read = load_problem(name)
    assert read.title and read.equations and all(defined(each) for each in read.equations)
    for quantity in read.quantities.values():
        if quantity.kind in ("scalar", "tensor") and quantity.shape is not None:
            assert read.vocabulary.names[quantity.name] == len(quantity.shape)
    known = set(read.vocabulary.names) | read.vocabulary.functions
    assert {defined(each) for each in read.equations} <= known
    assert read.loss is None or read.vocabulary.names[read.loss] == 0


@pytest.mark.parametrize("name", catalogue_names())
def test_the_order_of_names_says_nothing(name: str) -> None:
    text = catalogue_text(name)
    head, _, below = text.partition("[names]\n")
    names, mark, rest = below.partition("\n[")
    lines = names.splitlines()
    random.Random(name).shuffle(lines)
    other = read_problem(head + "[names]\n" + "\n".join(lines) + mark + rest)
    read = read_problem(text)
    assert (other.quantities, other.equations, other.vocabulary) == (read.quantities, read.equations, read.vocabulary)


@pytest.mark.parametrize(
    ("plain", "latex", "name"),
    [("theta", "\\theta", "theta"), ("u_hat", "\\hat u", "u_hat"), ("a_1", "a_{1}", "a_1"), ("x1", "x_1", "x_1"),
     ("v_3_bar", "\\bar v_{3}", "v_3_bar"), ("lambda", "\\lambda", "lambda"), ("dP", "dP", "dP")],
)  # fmt: skip
def test_a_key_in_either_spelling_is_the_same_name(plain: str, latex: str, name: str) -> None:
    for key in (plain, latex):
        assert list(problem(names=f"'{key}' = {{ shape = [] }}").quantities) == [name]
    with pytest.raises(ReadingError, match="same name"):
        problem(names=f"'{plain}' = {{}}\n'{latex} ' = {{}}")


@pytest.mark.parametrize("name", ["E", "I", "N", "S", "Q", "O", "beta", "gamma", "zeta", "pi", "e", "i", "d", "T"])
def test_a_declaration_wins_over_every_standard_meaning(name: str) -> None:
    read = problem(f"y = 2 {name}", names=f"{name} = {{ shape = [] }}")
    assert name in t.names_in(read.equations[0].links[0].tree) and read.quantities[name].shape == ()


def test_left_sides_need_no_declaration_and_families_follow_from_their_index() -> None:
    read = problem(
        "z_i^{[l]} = \\sum_j w_{ij}^{[l]} a_j^{[l-1]}", "a_i^{[l]} = \\tanh(z_i^{[l]})",
        names='l = { kind = "index", domain = "1..L" }\nw = { shape = ["n[l]", "n_{l-1}"], role = "sequence over l" }\n'
        "'a^{[l]}' = { shape = [\"n^{[l]}\"], role = \"sequence over l\" }",
    )  # fmt: skip
    assert {"w", "a", "z", "n"} <= read.vocabulary.families and read.vocabulary.indices == {"l"}
    assert read.quantities["w"].shape == ("n[l]", "n[l-1]") and read.quantities["a"].shape == ("n[l]",)
    assert read.vocabulary.names["z"] == 1 and read.vocabulary.names["L"] == 0
    head = read.equations[0].head
    assert isinstance(head, t.Subscript) and head.array == "z" and head.indices == (t.Name("l"), t.Name("i"))


def test_a_family_may_be_named_with_its_index_and_the_index_left_undeclared() -> None:
    read = problem(names="'u_t' = { shape = ['n'], role = 'sequence over t' }")
    assert read.quantities["u"].family == "t" and read.quantities["u"].key == "u_t"
    assert read.quantities["t"].domain == Range(t.Number("1"), t.Name("T"))


def test_an_index_letter_tells_tensors_apart() -> None:
    read = problem(names="'V_i' = { shape = ['m'], role = 'index letter i' }\n"
                   "'V_j' = { shape = ['n'], role = 'index letter j' }")  # fmt: skip
    assert read.quantities["V_i"].letter == "i" and read.vocabulary.letters == {"V_i": ("i",), "V_j": ("j",)}
    assert read.vocabulary.indices == {"i", "j"}


def test_letters_below_are_indices_in_equations_without_any_brace_too() -> None:
    read = problem("y = A x", "s_i = y_i^2", "v = q_x s_i", "r_t = w_t", names="A = {shape = ['m', 'n']}\nq_x = {}\n"
                   "x = {shape = ['n']}\nw = {shape = [], role = 'sequence over t'}")  # fmt: skip
    i, step = t.Name("i"), t.Name("t")
    assert read.equations[1].head == t.Subscript("s", (i,)) and read.equations[3].head == t.Subscript("r", (step,))
    assert read.equations[1].links[0].tree == t.Power(t.Subscript("y", (i,)), t.Number("2"))
    assert t.names_in(read.equations[2].links[0].tree) == ("q_x", "s", "i")
    with pytest.raises(ReadingError, match="there is no w") as caught:
        problem("s_i = y_i w", names="y = { shape = ['n'] }")
    assert caught.value.text[caught.value.column - 1 :].startswith("w")


def test_a_superscript_on_a_left_side_is_part_of_its_name() -> None:
    read = problem("\\sigma^2 = \\frac1n \\sum_i x_i^2", names="x = { shape = ['n'] }")
    assert defined(read.equations[0]) == "sigma^2"


def test_functions_are_declared_or_defined() -> None:
    read = problem("h(p, q) = p e^{q}", "y = h(x, x) + f(x)", names="x = {shape = []}\nf = { kind = 'function' }")
    assert read.vocabulary.functions == {"h", "f"} and [defined(each) for each in read.equations] == ["h", "y"]


def test_domains_and_kinds_are_kept() -> None:
    read = problem(names="y = { shape = ['N'], kind = 'integer', domain = 'classes of K' }\nk = { kind = 'integer' }\n"
                   "s = { kind = 'scalar' }\np = { shape = ['K'], domain = 'simplex' }")  # fmt: skip
    assert read.quantities["y"].domain == Classes(t.Name("K")) and read.vocabulary.names["K"] == 0
    assert read.quantities["k"].shape == read.quantities["s"].shape == ()
    assert read.quantities["p"].domain == Plain("simplex")


def test_recurrences_are_no_circles() -> None:
    names = "t = {kind = 'index', domain = '1..T'}\nx = {shape = [], role = 'sequence over t'}\nc = {shape = []}"
    assert len(problem("h_0 = 0", "h_t = c h_{t-1} + g_{t-1}", "g_{t} = h_t x_t", names=names).equations) == 3
    plain = "u = {shape = ['n']}\nc = {shape = []}"
    assert len(problem("s[t] = [t >= 1]*c*s[t-1] + u[t]", names=plain).equations) == 1


# --- aliases, upstream, values ----------------------------------------------------------------------------------------


def test_aliases_are_names_entries_or_spellings() -> None:
    read = problem("Z = X Q", names="X = {shape = ['n', 'm']}\nQ = {shape = ['m', 'k']}", rest="""loss = 'C'
[aliases]
G = '\\partial C/\\partial Z'
'P_{ab}' = 'Q_{a-1,b}'
'R_{xy}' = 'X'
'\\hat Z' = 'Z'
""")  # fmt: skip
    left = [head for head, _ in read.aliases]
    assert left == [t.Name("G"), t.Subscript("P", (t.Name("a"), t.Name("b"))), t.Name("R_xy"), t.Name("Z_hat")]
    assert read.aliases[0][1] == t.Derivative(t.Name("C"), t.Name("Z")) and read.aliases[3][1] == t.Name("Z")
    assert isinstance(read.aliases[1][1], t.Subscript) and read.vocabulary.names["P"] == 2


def test_values_are_exact_and_settle_sizes() -> None:
    read = problem("y = x z", names="x = {shape = ['n', 3]}\nz = {shape = [], value = 'pi/3'}", rest="""
[values]
x = [[0.1, 2, '1/3'], [1, 1, 1]]
""")  # fmt: skip
    first = read.values["x"]
    assert isinstance(first, tuple) and isinstance(first[0], tuple) and first[0][:2] == (Fraction(1, 10), Fraction(2))
    assert read.sizes == {"n": 2} and read.quantities["z"].value is not None


# --- what is refused --------------------------------------------------------------------------------------------------

XY = "x = { shape = [] }\ny = { shape = [] }"

REFUSED = [
    (("z = x + w",), XY, "there is no w"),
    (("z = x + alpah",), "x = {}\nalpha = {}", "did you mean alpha?"),
    (("z = x", "z = y"), XY, "z is defined twice, by equations 1 (line 2) and 2 (line 2)"),
    (("u = v + x", "v = 2 u"), XY, "u, v need each other: equation 1"),
    (("u = u + x",), XY, "u needs itself"),
    (("x + y = 3",), XY, "defines no name"),
    (("x + y",), XY, "no equation"),
    (("\\frac{\\partial L}{\\partial x} = y",), XY, "upstream"),
    ((), "'\\theta' = {}\ntheta = {}", "names.theta: this is the same name as \\theta"),
    *(
        ((), f"'{key}' = {{}}", "no name")
        for key in ("None", "import", "True", "__class__", "a+b", "x y", "2x", "\\frac12")
    ),
    ((), "x = { kind = 'scalar', shape = ['n'] }", "a scalar has no axes"),
    ((), "x = { kind = 'index', shape = ['n'] }", "has no shape"),
    ((), "x = { shape = [], domain = 'one-hot' }", "one-hot is for arrays"),
    ((), "x = { shape = [], domain = 'positive', value = -1 }", "the value -1 is not in positive"),
    ((), "x = { shape = ['n'], value = 3 }", "the value has 0 axes, and the shape says 1 axis"),
    ((), "x = { shape = [2], value = [1, 2, 3] }", "3 entries along axis 0, and the shape 2"),
    ((), "x = { value = 'q' }", "holds the name q"),
    ((), "x = { role = 'sequence over' }", "write role"),
    ((), "x = { shape = ['floor(n)'] }", "no integer expression"),
    ((), "x = { shape = ['n +'] }", "no name, number or integer expression"),
    ((), "t = { shape = [] }\nx = { role = 'sequence over t' }", "declared, and not as an index"),
]


@pytest.mark.parametrize(("equations", "names", "says"), REFUSED)
def test_what_is_refused_is_told_in_one_line(equations: tuple[str, ...], names: str, says: str) -> None:
    with pytest.raises(ReadingError) as caught:
        problem(*equations, names=names)
    assert says in caught.value.message and "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("rest", "says"),
    [("[upstream]\nZ = 'H'", "upstream.Z: there is no Z"), ("[values]\nq = 1", "values.q: there is no q"),
     ("[values]\nx = [1]", "values.x: the value has 1 axes"), ("[aliases]\nx = 'y'", "cannot be an alias too"),
     ("[aliases]\nG = 'x = y'", "aliases.G")],
)  # fmt: skip
def test_tables_that_name_what_is_not_there_are_refused(rest: str, says: str) -> None:
    with pytest.raises(ReadingError) as caught:
        problem("y = x", names="x = { shape = [] }", rest=rest)
    assert says in caught.value.message


def test_a_circle_is_named_with_both_lines() -> None:
    text = "equations = [\n  'u = v + x',\n  'w = x',\n  'v = 2 u w',\n]\n[names]\nx = { shape = [] }\n"
    with pytest.raises(ReadingError, match=r"equation 1 \(line 2\) and equation 3 \(line 4\)") as caught:
        read_problem(text, "mine.toml")
    assert (caught.value.line, caught.value.column, caught.value.file) == (2, 4, "mine.toml")


def test_an_unreadable_equation_is_shown_where_it_stands() -> None:
    text = "equations = [\n  'u = x',\n  'w = x + \\strange y',\n]\n[names]\nx = { shape = [] }\n"
    with pytest.raises(ReadingError, match=r"equations\[1\]") as caught:
        read_problem(text, "mine.toml")
    assert caught.value.line == 3 and caught.value.text[caught.value.column - 1 :].startswith("\\strange")


def test_problems_are_found_by_name_or_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(ISSUE)
    assert load_problem(str(file)).loss == "C"
    assert load_problem("Softmax_Cross_Entropy").title == load_problem("softmax-cross-entropy").title
    with pytest.raises(UsageError, match="did you mean griewank"):
        load_problem("griewnak")
    with pytest.raises(DeriveError, match=r"there is no file .*griewank\.toml"):
        load_problem(str(tmp_path / "griewank.toml"))


@given(
    st.sampled_from(catalogue_names()),
    st.integers(0, 4000),
    st.integers(0, 6),
    st.text("xy_{}^\\[]()+-='l0 ", max_size=4),
)
def test_a_broken_problem_is_read_or_refused_and_nothing_else(name: str, at: int, cut: int, put: str) -> None:
    text = catalogue_text(name)
    at %= len(text)
    try:
        read_problem(text[:at] + put + text[at + cut :])
    except DeriveError as error:
        assert error.message and "\n" not in error.message


# --- the page that explains them --------------------------------------------------------------------------------------

PAGE = Path(__file__).parent.parent / "docs" / "problems.md"
page = pytest.mark.skipif(not PAGE.exists(), reason="the documents are not part of an installed copy")


@page
def test_every_example_of_the_page_is_read() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    whole = [block for block in blocks if "equations" in block]
    assert ISSUE in whole and len(whole) >= 2
    for block in whole:
        read_problem(block)
    names = (
        "[names]\nZ = {shape = ['m', 'n']}\nQ = {shape = ['m', 'n']}\nX = {shape = ['m', 'n']}\nx_1 = {}\nphi = {}\n"
    )
    for block in blocks:
        if "equations" not in block:
            start = "equations = []\nloss = 'L'\n"
            own = "[aliases]" in block or "[values]" in block
            family = "l = {kind = 'index', domain = '1..L'}\nz = {shape = ['n[l]'], role = 'sequence over l'}\nW = {}\n"
            read_problem(start + block + (names + family if own else ""))


@page
def test_every_message_of_the_page_is_given() -> None:
    rows = re.findall(r"^\| (`.*?) \| `(.*)` \|$", PAGE.read_text().partition("## What is refused")[2], re.MULTILINE)
    assert len(rows) >= 7
    for cell, answer in rows:
        pieces = re.findall(r"`([^`]*)`", cell)
        if pieces[0].startswith(("x =", "theta")):
            text = "equations = []\n[names]\n" + "\n".join(pieces) + "\n"
        elif pieces[0].startswith(("shape", "domain")):
            text = f"equations = []\n[names]\nx = {{ {pieces[0]} }}\n"
        elif pieces[0].startswith("y ="):
            text = "equations = [\n" + "".join(f"  '{piece}',\n" for piece in pieces) + "]\n"
        else:
            text = pieces[0] + "\nequations = []\n"
        with pytest.raises(ReadingError) as caught:
            read_problem(text)
        assert caught.value.message == answer


# --- names of students ------------------------------------------------------------------------------------------------


def test_a_name_that_is_almost_declared_is_suggested() -> None:
    read = load_problem("batchnorm")
    assert suggest("x_bar", read)[0] == "\\hat x"  # bar for hat
    assert suggest("X", read)[0] == "x"  # case
    assert suggest("x", read) == ()
    assert suggest("varepsilon", read)[0] == "\\epsilon"
    assert "\\gamma" in suggest("gamma_1", read)
    rows = problem(names="'a_{ij}^{[l]}' = { shape = [] }\nb = { shape = [] }")
    assert suggest("a_ji^l", rows)[0] == "a_{ij}^{[l]}"
    assert suggest("qqq", read) == () and "the problem has x" in message("qqq", read)
    assert message("x_bar", read) == "x_bar is not declared; did you mean \\hat x or x?"
