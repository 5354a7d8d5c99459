r"""A picture of dots within a LaTeX source: as a PDF of plain letters that the source writes beside itself.

So the source needs no other file, with any TeX. The dots stand in that PDF as they stand in the PNG file.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator

from derive.document import Block, Document, Folded, Photo
from derive.errors import ProgramError
from derive.latex.escaping import escape

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LINE = 120  # letters a line


def name_of(photo: Photo) -> str:
    """The file that the source writes."""
    return f"photo-{hashlib.sha256(photo.png).hexdigest()[:12]}.pdf"


def written_files(documents: Iterable[Document]) -> list[str]:
    """The environments that write the files, each once; they stand before the document class, or, with a recent TeX,
    anywhere."""
    found = {name_of(each): each for document in documents for each in _photos(document.blocks)}
    return [
        f"\\begin{{filecontents*}}{{{name}}}\n{ascii_pdf(each.png)}\\end{{filecontents*}}"
        for name, each in found.items()
    ]


def _photos(blocks: Iterable[Block]) -> Iterator[Photo]:
    for block in blocks:
        if isinstance(block, Photo):
            yield block
        elif isinstance(block, Folded):
            yield from _photos(block.blocks)


def photo(block: Photo, available: float) -> str:
    """The picture with its caption, at most `available` points wide."""
    width = min(block.width, available)
    caption = rf"\captionof{{figure}}{{{escape(block.caption)}}}" + "\n" if block.caption else ""
    return (
        "\\begin{center}\n\\begin{minipage}{\\linewidth}\n\\centering\n"
        f"\\includegraphics[width={width:.0f}bp]{{{name_of(block)}}}\n{caption}"
        "\\end{minipage}\n\\end{center}"
    )


def ascii_pdf(png: bytes) -> str:
    """A PDF of one page that is the picture, in ASCII.

    png : 8 bits a dot from a palette, not interlaced; its compressed rows are taken over as they are.
    Raises ProgramError for another kind.
    """
    chunks: dict[bytes, bytes] = {}
    for kind, data in _chunks(png):
        chunks[kind] = chunks.get(kind, b"") + data
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if (depth, colour, interlaced) != (8, 3, 0):
        raise ProgramError("a picture of dots has 8 bits a dot from a palette, and is not interlaced", "")
    palette, rows = chunks[b"PLTE"], chunks[b"IDAT"]
    dots = _hexadecimal(rows)
    space = f"[/Indexed /DeviceRGB {len(palette) // 3 - 1}\n<{_hexadecimal(palette)}>]"
    drawing = f"q {width} 0 0 {height} 0 0 cm /I Do Q\n"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}]\n"
        "/Contents 4 0 R /Resources << /XObject << /I 5 0 R >> >> >>",
        f"<< /Length {len(drawing)} >>\nstream\n{drawing}endstream",
        f"<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 8\n"
        f"/ColorSpace {space}\n/Filter [/ASCIIHexDecode /FlateDecode]\n"
        f"/DecodeParms [null << /Predictor 15 /Colors 1 /BitsPerComponent 8 /Columns {width} >>]\n"
        f"/Length {len(dots) + 2} >>\nstream\n{dots}>\nendstream",
    ]
    text, starts = "%PDF-1.5\n", []
    for number, body in enumerate(objects, 1):
        starts.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    # where the objects are, as a stream: lines of the older table end in a blank, which TeX takes away
    starts.append(len(text))
    entries = _hexadecimal(
        b"".join(struct.pack(">BIB", kind, at, 0) for kind, at in [(0, 0), *((1, k) for k in starts)])
    )
    return (
        f"{text}{len(starts)} 0 obj\n<< /Type /XRef /Size {len(starts) + 1} /W [1 4 1] /Root 1 0 R\n"
        f"/Filter /ASCIIHexDecode /Length {len(entries) + 2} >>\nstream\n{entries}>\nendstream\nendobj\n"
        f"startxref\n{starts[-1]}\n%%EOF\n"
    )


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    if not png.startswith(_SIGNATURE):
        raise ProgramError("a picture of dots is a PNG file", "")
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += 12 + length


def _hexadecimal(data: bytes) -> str:
    digits = data.hex()
    return "\n".join(digits[k : k + _LINE] for k in range(0, len(digits), _LINE))
