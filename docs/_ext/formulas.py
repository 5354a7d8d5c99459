r"""Formulas of the pages as MathML, which browsers draw by themselves: no script, no font from elsewhere.

LaTeX of `$..$` and `.. math::` is converted by latex2mathml, and what comes out is held against MathML's own rules:
latex2mathml passes on what it does not know. What cannot be converted ends the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

#: How many children an element of MathML has.
_CHILDREN = {
    "mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3,
}  # fmt: skip
_ROWS = {"math", "mrow", "msqrt", "mstyle", "mtd", "mtr", "mtable", "mphantom", "mpadded"}
_LEAVES = {"mi", "mn", "mo", "mtext", "mspace"}


_ACCENTS = "\u00af^~\u02d9\u02c6\u02dc"


class FormulaError(ExtensionError):
    """A formula that has no MathML."""


def mathml(latex: str, *, display: bool) -> str:
    """The formula as a <math> element. Raises FormulaError that names the formula and what is wrong with it."""
    text = re.sub(r"\s+", " ", latex).strip()
    if display and "\\\\" in text and "\\begin" not in text:
        text = rf"\begin{{aligned}}{text}\end{{aligned}}"
    try:
        written = convert(text, display="block" if display else "inline")
    except Exception as reason:  # its parser raises several kinds, IndexError among them
        raise FormulaError(f"no MathML for {text}: {type(reason).__name__} {reason}") from reason
    root = ElementTree.fromstring(written.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', ""))
    faults = list(_faults(root))
    if faults or not "".join(root.itertext()).strip():
        raise FormulaError(f"no MathML for {text}: {', '.join(faults) or 'nothing would be shown'}")
    _as_the_engine(root)
    return ElementTree.tostring(root, encoding="unicode").replace(' display="inline"', "")


def _as_the_engine(root: ElementTree.Element) -> None:
    """Bars close above their letters, and room between a function and what it is applied to."""
    for element in list(root.iter()):
        if element.tag == "mover" and (element[1].text or "") in _ACCENTS:
            element.set("accent", "true")
            element[1].set("stretchy", "false")
        if element.tag in _ROWS:
            for place in range(len(element) - 2, -1, -1):
                if _is_function(element[place]) and element[place + 1].tag not in ("mo", "mspace"):
                    element.insert(place + 1, ElementTree.Element("mspace", width="0.167em"))


def _is_function(element: ElementTree.Element) -> bool:
    """sin, or sin^2."""
    if element.tag in ("msup", "msub"):
        return _is_function(element[0])
    return element.tag == "mi" and len(element.text or "") > 1


def _faults(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter():
        name, text = element.tag, element.text or ""
        if name not in _CHILDREN.keys() | _ROWS | _LEAVES:
            yield f"<{name}> is no element of MathML Core"
        elif len(element) != _CHILDREN.get(name, len(element)):
            yield f"<{name}> has {len(element)} parts"
        elif "\\" in text:
            yield f"{text} is not known"
        elif name not in _LEAVES and text.strip():
            yield f"{text} stands outside of every sign"


def _inline(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def _block(writer: HTML5Translator, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math scroll">{mathml(node.astext(), display=True)}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
