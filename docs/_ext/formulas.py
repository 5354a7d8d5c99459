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
    faults = list(_faults(ElementTree.fromstring(written)))
    if faults or not re.sub(r"<[^>]*>", "", written).strip():
        raise FormulaError(f"no MathML for {text}: {', '.join(faults) or 'nothing would be shown'}")
    written = written.replace(' display="inline"', "").replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")
    # bars and hats as the engine writes them: of their own size, not as wide as the letter
    return written.replace('<mo stretchy="true">&#x000AF;</mo>', '<mo stretchy="false">&#x000AF;</mo>')


def _faults(root: ElementTree.Element) -> Iterator[str]:
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        text = element.text or ""
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
