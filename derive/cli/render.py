"""A Document in one of its media, as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from derive.document import Document


def picture(document: Document, form: str) -> bytes:
    """The first figure of a document as SVG or PNG."""
    from derive.document import Figure
    from derive.drawing import save_png, save_svg

    figure = next(block for block in document.blocks if isinstance(block, Figure))
    return save_svg(figure.picture).encode() if form == "svg" else save_png(figure.picture)


def rendered(document: Document, form: str) -> bytes:
    """A document in one of its media."""
    if form == "text":
        return _text(document)
    if form == "html":
        from derive.html.page import to_html

        return to_html(document).encode()
    if form == "ipynb":
        from derive.notebook import to_notebook

        return to_notebook(document).encode()
    from derive.latex.document import to_latex

    source = to_latex(document, standalone=True)
    if form == "tex":
        return source.encode()
    from derive.pdf import compile_pdf

    return compile_pdf(source)


def _text(document: Document) -> bytes:
    """Plain text for this terminal: its width, and ASCII where it can show nothing else."""
    import shutil
    import sys

    from derive.textpage import to_text

    encoding = sys.stdout.encoding or "ascii"
    # only a terminal has a width: what goes to a file or a pipe must not depend on a stray COLUMNS
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    ascii_only = encoding.lower().replace("-", "") not in ("utf8", "utf16", "utf32")
    text = to_text(document, width=width, ascii_only=ascii_only)
    return (text.rstrip("\n") + "\n").encode(encoding, "backslashreplace")
