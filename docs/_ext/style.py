"""One style sheet, with one font that has every sign of every page, for all that the engine writes."""

from __future__ import annotations

import html
import re
from importlib.resources import files
from pathlib import Path

from sphinx.application import Sphinx

from derive.html.font import STACK, font_faces
from derive.html.svg import svg_css


def write_style(app: Sphinx, failed: Exception | None) -> None:
    """The style of what the engine writes, with a font that has every sign that stands on some page."""
    if failed is not None or app.builder.format != "html":
        return
    maths: set[str] = set()
    pictures: set[str] = set()
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for found, pattern in ((maths, r"<math[ >].*?</math>"), (pictures, r"<text[ >].*?</text>")):
            for part in re.findall(pattern, text, re.DOTALL):
                found.update(html.unescape(re.sub(r"<[^>]*>", "", part)))
    style = files("derive.html").joinpath("page.css").read_text(encoding="utf-8").replace("MATHS", STACK)
    style = font_faces("".join(sorted(maths)), "".join(sorted(pictures))) + svg_css() + style
    style += f".math math, .derive-inline math, p math, li math, td math {{ font-family: {STACK}; }}\n"
    (Path(app.outdir) / "_static" / "engine.css").write_text(style, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_css_file("engine.css", priority=400)
    app.connect("build-finished", write_style)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
