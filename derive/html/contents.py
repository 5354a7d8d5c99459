"""The page that leads to the chapters of a volume."""

from __future__ import annotations

from collections.abc import Sequence

from derive.document import Part, Volume
from derive.html.escaping import escape
from derive.html.skeleton import whole_page

_FORMS = {"html": "page", "pdf": "PDF", "tex": "LaTeX", "ipynb": "notebook"}
#: Forms in which the volume is one file.
_WHOLE = ("pdf", "tex")


def to_index(volume: Volume) -> str:
    """A page that leads to the chapters, which lie beside it as NAME.html, and to all of them in one file."""
    head = f'<h1>{escape(volume.title)}</h1>\n<p class="subtitle">{escape(volume.subtitle)}</p>\n'
    whole = [_link(volume.name, form, _FORMS[form]) for form in _WHOLE if form in volume.forms]
    said = f"<p>All in one: {', '.join(whole)}.</p>\n" if whole else ""
    return whole_page(volume.title, head + said + "".join(_part(part, volume.forms) for part in volume.parts))


def _part(part: Part, forms: Sequence[str]) -> str:
    """A part's heading and its chapters, each in its forms."""
    entries = ""
    for name, document in part.chapters:
        title = document.title or name
        shown = _link(name, "html", title) if "html" in forms else escape(title)
        others = ", ".join(_link(name, form, _FORMS[form]) for form in forms if form != "html")
        source = f"<br><small>{escape(document.subtitle)}</small>" if document.subtitle else ""
        entries += f"<li>{shown}{f' ({others})' if others else ''}{source}</li>\n"
    return f"<h2>{escape(part.title)}</h2>\n<ul>\n{entries}</ul>\n"


def _link(name: str, form: str, text: str) -> str:
    return f'<a href="{escape(name)}.{form}">{escape(text)}</a>'
