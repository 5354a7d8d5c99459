"""All solutions as one volume: every entry once, a book whose contents are right, a page that leads to all files."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from derive.cli.main import run
from derive.document import Document, Heading, Listing, Part, Prose, Volume
from derive.html.contents import to_index
from derive.latex.book import to_book
from derive.pdf import compile_latex, missing_glyphs, overfull_boxes
from derive.solutions.collection import PARTS, volume
from derive.subjects.catalogue import BY_NAME, document

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")


def pages(data: bytes, folder: Path) -> list[str]:
    """The text of each page."""
    (folder / "book.pdf").write_bytes(data)
    done = subprocess.run(
        ["pdftotext", "-layout", "book.pdf", "-"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.split("\f")[:-1]


def words(title: str, number: int) -> Document:
    """A chapter of some pages."""
    return Document(title, (Heading("First"), *[Prose((f"Words {number}.",))] * (50 * number)), "a source")


SMALL = Volume(
    "small",
    "A small book",
    "of words",
    words("Opening", 1),
    (
        Part("Part one", (("a", words("Apples", 2)), ("b", words("Pears & nuts", 1)))),
        Part("Part two", (("c", words("Plums", 3)),)),
    ),
    ("html", "pdf"),
)


def test_every_entry_has_its_chapter() -> None:
    assert Counter(name for _, names in PARTS for name in names) == Counter(list(BY_NAME))


@pytest.mark.tex
@needs_tex
@needs_poppler
def test_the_contents_of_a_book_give_the_page_on_which_a_chapter_begins(tmp_path: Path) -> None:
    compiled = compile_latex(to_book(SMALL), timeout=60)
    assert overfull_boxes(compiled.log) == missing_glyphs(compiled.log) == []
    found = pages(compiled.data, tmp_path)
    contents = next(page for page in found if page.lstrip().startswith("Contents"))
    assert re.search(r"Part one\s+\d+\n.*Apples.*\n.*Pears & nuts.*\n\s*Part two", contents.replace("\n\n", "\n"))
    for title in ("Opening", "Apples", "Pears & nuts", "Plums"):
        (number,) = re.findall(rf"{title} *(\d+)", contents)
        (begins,) = [page for page in found if title in page and page != contents]
        assert begins.split()[-1] == number


@pytest.mark.tex
@needs_tex
@needs_poppler
def test_a_caption_stands_on_the_page_of_its_code_wherever_a_page_ends(tmp_path: Path) -> None:
    """Also the heading above it. Each chapter begins a page, and has a line more before its listing."""
    chapters = []
    for lines in range(16, 27):
        text = tuple(Prose((f"Line {k}.",)) for k in range(lines))
        code = Listing(f"Caption-{lines}.", f"first_{lines} = 1\nsecond = 2")
        chapters.append((f"c{lines}", Document("T", (*text, Heading(f"Heading-{lines}"), code))))
    made = Volume("v", "V", "", Document("O", ()), (Part("P", tuple(chapters)),))
    found = pages(compile_latex(to_book(made), timeout=60).data, tmp_path)
    for lines in range(16, 27):
        (page,) = [page for page in found if f"first_{lines} " in page]
        assert f"Caption-{lines}." in page and f"Heading-{lines}\n" in page
    assert len(found) > len(chapters) + 6  # pages did end there


def test_the_page_of_contents_leads_to_every_file() -> None:
    page = to_index(SMALL)
    assert re.findall(r'href="([^"]*)"', page) == ["small.pdf", "a.html", "a.pdf", "b.html", "b.pdf", "c.html", "c.pdf"]
    assert "Pears &amp; nuts" in page


def test_a_volume_of_what_there_is_has_no_empty_part() -> None:
    made = volume({"lstm": words("L", 1)})
    assert [(part.title, [name for name, _ in part.chapters]) for part in made.parts] == [
        ("Beyond the sheets: layers", ["lstm"])
    ]


@pytest.mark.slow
@pytest.mark.tex
@needs_tex
def test_the_book_of_all_solutions_has_no_overfull_box() -> None:
    log = compile_latex(to_book(volume({name: document(name) for name in BY_NAME})), timeout=300).log
    assert overfull_boxes(log) == missing_glyphs(log) == []


@pytest.mark.slow
def test_all_solutions_are_built_in_processes_and_the_page_leads_to_files_that_are_there(tmp_path: Path) -> None:
    assert run(["solve", "--all", "--format", "html,tex", "--jobs", "2", "-o", str(tmp_path / "all")]) == 0
    links = re.findall(r'href="([^"#]*)"', (tmp_path / "all" / "index.html").read_text("utf-8"))
    assert len(links) == 2 * len(BY_NAME) + 1
    assert all((tmp_path / "all" / link).is_file() for link in links)
    alone = tmp_path / "one"
    assert run(["solve", "griewank", "--format", "tex", "-o", str(alone)]) == 0
    assert (alone / "griewank.tex").read_bytes() == (tmp_path / "all" / "griewank.tex").read_bytes()
