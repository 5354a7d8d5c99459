"""Docstrings and signatures as they are written here: fields `name : text`, sentences, types by their short names.

A docstring says first what a thing is; then come fields, several in one line where they are short; then sentences on
what is returned and raised. Names of derive in backticks become links.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

import derive

_FIELD = re.compile(r"(?:^|(?<=\. )|(?<=\.\s\s)|(?<=\n))([A-Za-z]\w*(?:, [A-Za-z]\w*)*) : ", re.MULTILINE)


def paragraphs(text: str, names: set[str] | None) -> list[str]:
    """The docstring as paragraphs of reStructuredText, its fields as definition lists.

    names : which words before a colon are fields; None for all.
    """
    written: list[str] = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if all(line.startswith("    ") for line in part.splitlines()):
            written.append(f".. code-block:: text\n\n{part}")
            continue
        # a sentence that begins at the margin, behind one that ended there, is a paragraph of its own
        for piece in re.split(r"(?<=[.\]}])\n(?=[A-Z`{])", part):
            written += _fields(piece, names)
    return written


def _fields(piece: str, names: set[str] | None) -> list[str]:
    marks = [mark for mark in _FIELD.finditer(piece) if names is None or set(mark[1].split(", ")) <= names]
    if not marks:
        return [_prose(piece)]
    found = [_prose(head)] if (head := piece[: marks[0].start()].strip()) else []
    ends = [*(mark.start() for mark in marks[1:]), len(piece)]
    entries = [f"``{mark[1]}``\n    {_prose(piece[mark.end() : end])}" for mark, end in zip(marks, ends, strict=True)]
    return [*found, "\n".join(entries)]


def _prose(text: str) -> str:
    """One line, with what reStructuredText would take for markup escaped."""
    pieces = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(_quoted(piece[1:-1]) if k % 2 else re.sub(r"([*|\\]|_(?!\w))", r"\\\1", piece)
                   for k, piece in enumerate(pieces))  # fmt: skip


def _quoted(text: str) -> str:
    name = text.removeprefix("derive.")
    if name != text and name in derive.__all__:
        return f":py:func:`derive.{name}`"
    return f"``{text}``"


def rewrite(app: Sphinx, what: str, name: str, target: Any, options: Any, lines: list[str]) -> None:
    names: set[str] | None = None
    if what in ("function", "method"):
        try:
            names = set(inspect.signature(target).parameters)
        except (TypeError, ValueError):
            names = set()
    elif what in ("property", "attribute", "data"):
        names = set()
    lines[:] = [*"\n\n".join(paragraphs("\n".join(lines), names)).splitlines(), ""]


def signature(
    app: Sphinx, what: str, name: str, target: Any, options: Any, arguments: str | None, returns: str | None
) -> tuple[str, str] | None:
    """The signature with its annotations as the source has them: `Tree`, not the thirteen kinds of a tree."""
    if what not in ("function", "method") or inspect.isclass(target):
        return ("", "") if what == "class" else None
    try:
        found = inspect.signature(target)
    except (TypeError, ValueError):
        return None
    parameters = [
        each.replace(default=_Named(_spelled(each.default, target)), annotation=_annotation(each.annotation))
        if each.default is not each.empty
        else each.replace(annotation=_annotation(each.annotation))
        for each in found.parameters.values()
        if each.name != "self"
    ]
    result = "" if found.return_annotation is found.empty else str(found.return_annotation)
    return str(found.replace(parameters=parameters, return_annotation=found.empty)), result


class _Named:
    """Prints as this text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _annotation(annotation: Any) -> Any:
    return _Named(annotation) if isinstance(annotation, str) else annotation


def _spelled(default: Any, target: Any) -> str:
    """A default value as the source spells it: a constant by its name."""
    if not repr(default).startswith("<"):
        return repr(default)
    return next((name for name, value in target.__globals__.items() if value is default), "...")


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element) -> nodes.Element | None:
    """A link for a type by its short name, where the pages document one type of that name."""
    if node.get("refdomain") != "py" or node.get("reftype") != "class":
        return None
    domain = env.domains.python_domain
    short = node["reftarget"].rpartition(".")[2]
    found = [full for full, entry in domain.objects.items() if full.rpartition(".")[2] == short and entry[2] == "class"]
    if len(found) != 1:
        return None
    entry = domain.objects[found[0]]
    return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, [content], found[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("autodoc-process-signature", signature)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
