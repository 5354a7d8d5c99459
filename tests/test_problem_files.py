"""Problem files: every key is read for what it says, and what is wrong with one is told with its path and line."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.cli.main import run
from derive.errors import DeriveError, LimitError, ReadingError, UsageError
from derive.verification.choices import CHOICES, SENTENCES
from derive.verification.domains import Classes, Interval, Plain, Range, Values, holds, read_domain
from derive.verification.library import catalogue_names, catalogue_text, catalogue_titles
from derive.verification.places import path_text, split_key
from derive.verification.problem_files import read_file
from derive.verification.toml_text import LARGEST_FILE, text_of

ISSUE = """\
title = "Affine layer, samples as rows"
loss = "C"
equations = ["Y = X A + B"]
upstream = { Y = "H" }
[names]
X = { shape = ["s", "n"] }
A = { shape = ["n", "p"] }
B = { shape = ["p"], role = "broadcast over rows" }
"""


def test_a_file_is_taken_as_it_stands() -> None:
    file = read_file(ISSUE)
    assert (file.title, file.loss, file.equations) == ("Affine layer, samples as rows", "C", ("Y = X A + B",))
    assert file.upstream == {"Y": "H"} and list(file.names) == ["X", "A", "B"]
    assert file.names["B"].shape == ("p",) and file.names["B"].role == "broadcast over rows"
    assert file.conventions == {key: values[0] for key, values in CHOICES.items()}


@pytest.mark.parametrize("name", catalogue_names())
def test_every_problem_of_the_catalogue_has_a_title_equations_and_names(name: str) -> None:
    file = read_file(catalogue_text(name), name)
    assert file.title == catalogue_titles()[name] and file.equations and file.names


def test_equations_may_be_a_text_of_several_lines() -> None:
    text = "equations = '''\na = b c \\\\\n\n# a remark\n  d = \\frac{a}{b}\n'''\n[names]\nb = { shape = [] }"
    assert read_file(text).equations == ("a = b c", "d = \\frac{a}{b}")


# --- numbers ----------------------------------------------------------------------------------------------------------


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=6))
def test_numbers_are_exact(number: object) -> None:
    text = f"equations = []\n[values]\nx = {number:f}\n"
    assert read_file(text).values["x"] == Fraction(f"{number:f}")


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=4), st.integers(1, 4))
def test_arrays_keep_their_shape(row: list[int], count: int) -> None:
    read = read_file(f"equations = []\n[values]\nx = {[row] * count}\n").values["x"]
    assert read == (tuple(map(Fraction, row)),) * count


# --- domains ----------------------------------------------------------------------------------------------------------


@given(st.fractions(-5, 5, max_denominator=7), st.fractions(-5, 5, max_denominator=7), st.booleans(), st.booleans(),
       st.fractions(-6, 6, max_denominator=7))  # fmt: skip
def test_an_interval_holds_what_lies_between_its_ends(
    one: Fraction, two: Fraction, left: bool, right: bool, x: Fraction
) -> None:
    text = f"{'(' if left else '['}{one}, {two}{')' if right else ']'}"
    if one >= two:
        with pytest.raises(ReadingError, match="lower end"):
            read_domain(text)
        return
    domain = read_domain(text)
    assert domain == Interval(one, two, left, right)
    assert holds(domain, x) is ((one < x < two) or (x == one and not left) or (x == two and not right))


def test_domains_are_what_they_say() -> None:
    assert read_domain("one-hot") == read_domain("one hot") == Plain("one-hot")
    assert read_domain("{-1, 1}") == Values((Fraction(-1), Fraction(1)))
    assert read_domain("(0, inf)") == read_domain("(0, \\infty)") == Interval(Fraction(0), None, True, True)
    assert isinstance(read_domain("1..T"), Range) and isinstance(read_domain("0..n[l]-1"), Range)
    assert isinstance(read_domain("classes of K"), Classes)
    assert holds(read_domain("positive"), Fraction(0)) is False and holds(read_domain("nonnegative"), Fraction(0))


@pytest.mark.parametrize(
    "text",
    ["positve", "", "(0, 1", "{}", "{1, 1}", "(1, 0)", "[0, 1, 2]", "1..", "..T", "(a, b)", "{1/0}", "1e9999999"],
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(ReadingError):
        read_domain(text)


# --- what is wrong, and where -----------------------------------------------------------------------------------------

WRONG = [
    ("equatons = []\n", "equatons: there is no such key; did you mean equations?", 1),
    ("equations = []\n[names]\nX = { shap = [] }\n", "names.X.shap: there is no such key; did you mean shape?", 3),
    ("equations = []\n[names.X]\nshap = []\n", "names.X.shap", 3),
    ("equations = []\nlayout = 'numerator'\n", "it stands under [conventions]", 2),
    ("equations = []\n[conventions]\nlayout = 'numerater'\n", "did you mean numerator?", 3),
    ("equations = []\n[conventions]\nlayot = 'numerator'\n", "did you mean layout?", 3),
    ("equations = []\n[conventions]\nindex_from = 2\n", "choose from 0, 1", 3),
    ("equations = []\n[conventions]\nindex_from = true\n", "this is true", 3),
    ("title = 3\nequations = []\n", "title: this is 3, and a text", 1),
    ("equations = 3\n", "equations: this is 3, and a list", 1),
    ("equations = [3]\n", "equations[0]: this is 3", 1),
    ("equations = ['']\n", "equations[0]: this is an empty text", 1),
    ("equations = []\nnames = 3\n", "names: this is 3, and a table", 2),
    ("equations = []\n[names]\nx = ['n']\n", 'write { shape = ["n"] }', 3),
    ("equations = []\n[names]\nx = 3\n", "names.x: this is 3", 3),
    ("equations = []\n[names]\nx = { kind = 'tenser' }\n", "did you mean tensor?", 3),
    ("equations = []\n[names]\nx = { domain = 'positve' }\n", "did you mean positive?", 3),
    ("equations = []\n[names]\nx = { shape = 'n' }\n", "names.x.shape: this is", 3),
    *((f"equations = []\n[names]\nx = {{ shape = [{size}] }}\n", "names.x.shape", 3)
      for size in ("0", "-1", "1000000000", "2.5", "true", '"3"', '""', "[1]")),
    ("equations = []\n[names]\nx = { value = nan }\n", "names.x.value: NaN is no number", 3),
    ("equations = []\n[values]\nx = 1e99999\n", "beyond 10^10000", 3),
    ("equations = []\n[values]\nx = [[1, 2], [3]]\n", "different lengths", 3),
    ("equations = []\n[values]\nx = []\n", "empty", 3),
    ("equations = []\n[upstream]\nY = ''\n", "upstream.Y", 3),
    ("equations = []\nequations = []\n", "equations is given twice", 2),
    ("equations = []\n[names]\nx = {}\nx = {}\n", "x is given twice", 4),
    ("version = 2\nequations = []\n", "version 2, and this derive reads version 1", 1),
    ("version = '1'\nequations = []\n", "version", 1),
    ("", "empty", 1),
    ("title = 'nothing else'\n", "neither equations nor [names]", 1),
    ("equations = [\"\\frac12 x\"]\n", "single quotes", 1),
    ("equations = [\"\\hat u = x\"]\n", "single quotes", 1),
    ("equations = [\n'a = b'\n", "this is no TOML", 2),
    ("# a\nname X\n", "this is no TOML", 2),
    ("\ufeffequations = []\n", "byte order mark", 1),
    ("equations = []\n[values]\nx = " + "[" * 5000 + "]" * 5000 + "\n", "no TOML that can be read", 1),
    ("equations = []\n[values]\nx = " + "[" * 20 + "1" + "]" * 20 + "\n", "at most 8 axes", 3),
]  # fmt: skip


@pytest.mark.parametrize(("text", "says", "line"), WRONG)
def test_what_is_wrong_is_told_with_its_path_and_line(text: str, says: str, line: int) -> None:
    with pytest.raises(ReadingError) as caught:
        read_file(text, "mine.toml")
    assert says in caught.value.message and "\n" not in caught.value.message
    assert (caught.value.line, caught.value.file) == (line, "mine.toml")


@given(st.sampled_from(catalogue_names()), st.integers(0, 5000), st.integers(0, 40), st.text(max_size=8))
def test_a_broken_file_is_read_or_refused_and_nothing_else(name: str, at: int, cut: int, put: str) -> None:
    text = catalogue_text(name)
    at %= len(text)
    try:
        read_file(text[:at] + put + text[at + cut :])
    except DeriveError as error:
        assert error.message and "\n" not in error.message


def test_every_value_of_a_convention_has_its_sentence() -> None:
    assert {key: set(values) for key, values in CHOICES.items()} | {"star": set()} == {
        key: set(SENTENCES[key]) if key != "star" else set() for key in CHOICES
    }


@given(st.lists(st.text(st.characters(blacklist_characters="'\"\n\r", blacklist_categories=("Cs", "Cc")), min_size=1),
                min_size=1, max_size=4))  # fmt: skip
def test_a_path_is_written_as_toml_reads_it(parts: list[str]) -> None:
    parts = [part for part in parts if not part.isdecimal()] or ["x"]
    assert split_key(path_text(tuple(parts))) == parts


# --- files ------------------------------------------------------------------------------------------------------------


def test_files_that_cannot_be_read_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = tmp_path / "mine.toml"
    good.write_text(ISSUE)
    assert text_of(str(good)) == ISSUE
    with pytest.raises(UsageError, match=r"did you mean .*mine\.toml"):
        text_of(str(tmp_path / "mien.toml"))
    with pytest.raises(UsageError, match="is no file"):
        text_of(str(tmp_path))
    for data, says in ((b"\xef\xbb\xbftitle", "byte order mark"), (b"\xff\xfet\x00", "byte order mark")):
        good.write_bytes(data)
        with pytest.raises(ReadingError, match=says):
            text_of(str(good))
    good.write_bytes(b"title = 'a'\nloss = '\xe9'\n")
    with pytest.raises(ReadingError, match="no UTF-8") as caught:
        text_of(str(good))
    assert caught.value.line == 2
    good.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(LimitError):
        text_of(str(good))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for path in ("~/mine.toml", "$HOME/mine.toml"):  # taken as they stand; the message says what that is
        with pytest.raises(UsageError, match=str(tmp_path / path.partition("/")[0]).replace("$", r"\$")):
            text_of(path)


def test_the_catalogue_is_listed_and_printed(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["list"]) == 0
    listed = capfd.readouterr().out
    assert run(["problem"]) == 0
    names = [line.split()[0] for line in capfd.readouterr().out.splitlines()]
    assert names == list(catalogue_names()) and all(f"\n{name} " in listed for name in names)
    assert run(["list", "--json"]) == 0
    entries = json.loads(capfd.readouterr().out)
    verified = [entry["name"] for entry in entries if "verify" in entry["commands"]]
    assert sorted(verified) == names and len(entries) == len({entry["name"] for entry in entries})
    assert run(["problem", "softmax_cross_entropy"]) == 0
    assert capfd.readouterr().out == catalogue_text("softmax-cross-entropy")
    assert run(["problem", "griewnak"]) == 2
    assert "did you mean griewank?" in capfd.readouterr().err
    target = tmp_path / "mine.toml"
    assert run(["problem", "mlp", "-o", str(target)]) == 0 and target.read_text() == catalogue_text("mlp")
    assert run(["problem", "rnn", "-o", str(target)]) == 5 and target.read_text() == catalogue_text("mlp")
