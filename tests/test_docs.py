"""What the pages of docs/ show is what happens; every public name has its place, every link in the sources a target."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

import derive
from tests.doc_pages import DOCS, Shell, blocks, faults, is_as_said, is_runnable, pages, sessions

pytestmark = pytest.mark.skipif(not DOCS.exists(), reason="the documentation is not part of an installed copy")


def name_of(page: Path) -> str:
    return page.relative_to(DOCS).with_suffix("").as_posix()


@pytest.mark.parametrize("page", [pytest.param(page, id=name_of(page)) for page in pages() if is_runnable(page)])
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    found = faults(page)
    assert not found, "\n\n".join(found)


def test_there_are_pages_to_run() -> None:
    assert sum(map(is_runnable, pages())) >= 10


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("one\n...\nfour\n", True),
        ("one\ntwo\nthree\nfour\n", True),
        ("one\nt...\nthree\nfour\n", True),
        ("...\nthree\nfour\n", True),
        ("one\n...\nfive\n", False),
        ("one\nfour\n", False),
        ("one\ntw\nthree\nfour\n", False),
        ("one\n...three\nfour\n", False),
    ],
)
def test_an_output_that_is_not_true_is_told_from_one_that_is(text: str, fits: bool) -> None:
    assert is_as_said(text, "one\ntwo  \nthree\nfour\n\n") is fits


def test_a_page_that_says_something_else_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong value in a session, a wrong output of a command, a wrong exit code."""
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    true = (
        '```pycon\n>>> import derive\n>>> derive.hessian("3*x*y", "x=2,y=3")["y"]["x"]\n3.0\n```\n\n'
        "```console\n$ derive --version\nderive, version " + derive.__version__ + "\n$ derive nothing\n...\n"
        "$ echo $?\n2\n```\n"
    )
    page.write_text(true)
    assert faults(page) == []
    for right, wrong in (("\n3.0\n", "\n3.5\n"), ("version 0", "version 9"), ("\n2\n", "\n0\n")):
        page.write_text(true.replace(right, wrong))
        assert len(faults(page)) == 1, wrong


def test_a_file_of_a_page_is_there_for_the_blocks_below_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "```{code-block} text\n:caption: lines.txt\n\nq = x + y\nq*x\n```\n\n"
        "```console\n$ cat lines.txt\nq = x + y\nq*x\n```\n"
    )
    assert faults(page) == []


def test_pages_call_nothing_else() -> None:
    with pytest.raises(AssertionError, match="curl"):
        Shell().run("curl example.org")


def test_every_public_name_is_in_the_reference() -> None:
    text = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    described = set(re.findall(r"^\.\. autofunction:: derive\.(\w+)$", text, re.MULTILINE))
    assert described == set(derive.__all__) - {"__version__"}


def test_every_page_is_in_the_contents() -> None:
    listed: set[str] = set()
    for body in re.findall(r"^```\{toctree\}\n(.*?)^```$", (DOCS / "index.md").read_text("utf-8"), re.M | re.S):
        listed |= {line for line in body.splitlines() if line and not line.startswith(":")}
    assert listed - {"gallery/index"} == {name_of(page) for page in pages()} - {"index"}


def test_every_command_of_a_page_is_written_as_a_session_or_has_no_output() -> None:
    """A `$` outside of a console block would be shown and never run."""
    for page in pages():
        for block in blocks(page):
            if block.language == "console":
                list(sessions(block))
            else:
                assert not re.search(r"^\$ ", block.text, re.MULTILINE), (page.name, block.line)


@pytest.mark.parametrize("module", ["formulas", "docstrings"])
def test_the_extensions_can_be_imported_alone(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("latex2mathml")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    assert __import__(module).setup


@pytest.mark.parametrize(
    ("latex", "fault"),
    [
        (r"\frac{a}", "mfrac"),
        (r"\nosuchcommand{a} + b", "nosuchcommand"),
        (r"a_{", "MathML"),
        ("", "MathML"),
        (r"\left( a", "MathML"),
    ],
)
def test_a_formula_without_mathml_ends_the_build(latex: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    pytest.importorskip("latex2mathml")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from formulas import FormulaError, mathml

    assert mathml(r"\bar v_i = \sum_j \bar v_j \frac{\partial v_j}{\partial v_i}", display=True).count("<mfrac") == 1
    with pytest.raises(FormulaError, match=fault):
        mathml(latex, display=False)


@pytest.mark.parametrize(
    ("docstring", "parts"),
    [
        (
            "What it is.\n\nx : a number.  y : another.\nReturns both.",
            ["What it is.", "``x``\n    a number.\n``y``\n    another.", "Returns both."],
        ),
        ("Of x*y and v_.", [r"Of x\*y and v\_."]),
        ("See `derive.trace` and `x`.", ["See :py:func:`derive.trace` and ``x``."]),
    ],
)  # fmt: skip
def test_docstrings_become_fields_and_sentences(
    docstring: str, parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from docstrings import paragraphs

    found = [re.sub(r" +\n", "\n", part) for part in paragraphs(docstring, {"x", "y"})]
    assert found == parts


def test_every_example_of_the_notation_can_be_read() -> None:
    """The first column of the table: names, formulas, indicators, arrays."""
    page = (DOCS / "reference" / "notation.md").read_text(encoding="utf-8")
    table = page[page.index("| written | read as |") : page.index("```pycon")]
    examples = [text for row in table.splitlines()[2:] for text in re.findall(r"`([^`]+)`", row.split(" | ")[0])]
    assert len(examples) > 30
    for text in examples:
        assert derive.read(text)


def test_the_order_of_the_gallery_knows_every_script(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    from gallery_scripts import as_listed

    scripts = [script.name for script in (DOCS.parent / "worked_examples").glob("plot_*.py")]
    assert len({as_listed(script) for script in scripts}) == len(scripts) > 20
    with pytest.raises(ValueError, match="not found"):
        as_listed("plot_nothing.py")


def test_a_command_can_be_called_where_standard_output_takes_text_alone() -> None:
    """As in a notebook, and in the scripts of the gallery."""
    from contextlib import redirect_stdout
    from io import StringIO

    from derive.cli.main import run

    for arguments in (["trace", "x*y"], ["grad", "L = x^T x", "--wrt", "x", "--shape", "x=n"]):
        with redirect_stdout(StringIO()) as printed:
            assert run(arguments) == 0
        assert "bar" in printed.getvalue()


def commands_shown() -> list[tuple[str, str]]:
    """(page, command) for every `derive ...` in code or between backticks, sessions left out: those are run."""
    found = []
    for page in pages():
        text = re.sub(r"^```console\n.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        lines = re.findall(r"^(?:    )?(derive [a-z]+ (?:.*\\\n)*.*)$", text, re.MULTILINE)
        lines += re.findall(r"`(derive [a-z]+ (?!\()[^`]*)`", text)
        found += [(name_of(page), " ".join(line.replace("\\\n", " ").split())) for line in lines]
    return found


def unknown_options(line: str) -> list[str]:
    """What a shown command has that the command line does not know."""
    from derive.cli.main import COMMANDS

    _, name, *arguments = shlex.split(line, comments=True)
    if name not in COMMANDS:
        return [name]
    command = import_module(COMMANDS[name][0]).command
    known = {"--help", "--debug", *(name for option in command.params for name in option.opts)}
    given = [each.partition("=")[0] for each in arguments if re.match(r"--?[a-z]", each)]
    return [each for each in given if each not in known]


def test_every_command_that_is_shown_has_the_options_that_it_is_given() -> None:
    shown = commands_shown()
    assert len(shown) > 40
    assert [(page, line, unknown) for page, line in shown if (unknown := unknown_options(line))] == []
    assert unknown_options("derive trace x*y --ta x=1") == ["--ta"]
    assert unknown_options("derive trance x*y") == ["trance"]


def test_the_codes_of_errors_are_all_named() -> None:
    from derive import errors

    page = (DOCS / "reference" / "file-formats.md").read_text(encoding="utf-8")
    (sentence,) = re.findall(r"^`code` is one of (.*?);", page, re.MULTILINE | re.DOTALL)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.DeriveError]
    assert set(re.findall(r"`(\w+)`", sentence)) == {kind.code for kind in kinds}
