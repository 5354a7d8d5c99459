"""Pictures of dots in documents: within the page, the notebook and the LaTeX source, which needs no file beside it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.document import Document, Folded, Photo
from derive.errors import ProgramError
from derive.html.page import to_html
from derive.latex.document import to_latex
from derive.latex.photos import ascii_pdf
from derive.notebook import to_notebook
from derive.pdf import compile_latex, overfull_boxes
from derive.textpage import to_text

Dots = list[list[int]]


def png(dots: Dots, palette: bytes, *, depth: int = 8, colour: int = 3, interlaced: int = 0) -> bytes:
    """A PNG file of these rows, written by the rules of the format."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + bytes(row) for row in dots))
    head = struct.pack(">IIBBBBB", len(dots[0]), len(dots), depth, colour, 0, 0, interlaced)
    half = len(rows) // 2  # the rows may stand in several chunks
    parts = chunk(b"IDAT", rows[:half]) + chunk(b"IDAT", rows[half:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"PLTE", palette) + parts + chunk(b"IEND", b"")


PALETTE = bytes((255, 255, 255, 200, 0, 0, 0, 120, 0))
DOTS = [[(row * column) % 3 for column in range(30)] for row in range(20)]
PHOTO = Photo("Samples & maps", png(DOTS, PALETTE), 300.0, 'red "and" green')
PAGE = Document("Pictures", (PHOTO, Folded("More", (PHOTO,))))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 256), st.data())
@settings(max_examples=25, deadline=None)
def test_the_pdf_is_letters_that_tex_leaves_alone_and_its_objects_are_where_it_says(
    width: int, height: int, colours: int, data: st.DataObject
) -> None:
    seed = data.draw(st.integers(0, 2**32))
    dots = [[(seed * (row + 1) + column * column) % colours for column in range(width)] for row in range(height)]
    text = ascii_pdf(png(dots, bytes(k % 256 for k in range(3 * colours))))
    assert text.isascii() and text.endswith("%%EOF\n")
    assert all(len(line) <= 160 and line == line.rstrip() for line in text.split("\n"))
    start = int(text.split("startxref\n")[1].split("\n")[0])
    table = bytes.fromhex(text[start:].split("stream\n")[1].split(">")[0])
    places = [struct.unpack(">BIB", table[k : k + 6])[1] for k in range(0, len(table), 6)]
    for number, place in enumerate(places[1:], 1):
        assert text[place:].startswith(f"{number} 0 obj\n")
    for length, stream in re.findall(r"/Length (\d+) >>\nstream\n(.*?)\n?endstream", text, re.DOTALL):
        assert abs(len(stream) - int(length)) <= 1  # the end of the line before `endstream` belongs to neither


@pytest.mark.skipif(shutil.which("pdfimages") is None, reason="pdfimages is not installed")
def test_the_dots_of_the_pdf_are_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "photo.pdf").write_text(ascii_pdf(PHOTO.png))
    subprocess.run(["pdfimages", "photo.pdf", "found"], cwd=tmp_path, check=True)
    data = (tmp_path / "found-000.ppm").read_bytes()
    assert data.startswith(b"P6\n30 20\n255\n")
    assert data[-1800:] == b"".join(PALETTE[3 * dot : 3 * dot + 3] for row in DOTS for dot in row)


@pytest.mark.parametrize("other", [{"depth": 4}, {"colour": 2}, {"interlaced": 1}])
def test_another_kind_of_file_is_refused(other: dict[str, int]) -> None:
    with pytest.raises(ProgramError, match="8 bits a dot from a palette"):
        ascii_pdf(png(DOTS, PALETTE, **other))
    with pytest.raises(ProgramError, match="PNG file"):
        ascii_pdf(b"GIF89a")


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_source_alone_makes_the_page() -> None:
    source = to_latex(PAGE)
    assert source.count("filecontents*}{photo-") == 1 and source.count("includegraphics") == 2
    compiled = compile_latex(source)
    assert overfull_boxes(compiled.log) == [] and compiled.data == compile_latex(source).data
    assert compiled.data.count(b"/Subtype/Image") + compiled.data.count(b"/Subtype /Image") == 1
    fragment = to_latex(PAGE, standalone=False)
    assert fragment.index("filecontents*") < fragment.index("includegraphics") and "graphicx" in fragment


def test_page_notebook_and_text_show_it() -> None:
    page = to_html(PAGE)
    encoded = base64.b64encode(PHOTO.png).decode()
    assert page.count(f"data:image/png;base64,{encoded}") == 2
    assert 'alt="red &quot;and&quot; green"' in page and "Samples &amp; maps" in page
    cells = json.loads(to_notebook(PAGE))["cells"]
    held = [cell["attachments"]["photo.png"]["image/png"] for cell in cells if "attachments" in cell]
    assert held == [encoded, encoded]
    assert "[picture] Samples & maps" in to_text(PAGE)


def test_the_stored_pictures_are_of_that_kind() -> None:
    import derive.solutions

    stored = sorted((Path(derive.solutions.__file__).parent / "stored").glob("*.png"))
    assert len(stored) >= 4
    for file in stored:
        assert file.stat().st_size < 150_000 and ascii_pdf(file.read_bytes())
