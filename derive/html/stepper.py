"""Controls that walk the sweeps of a page: node, edges and table row light up together. Hidden without scripts."""

from __future__ import annotations

from importlib.resources import files

from derive.document import Document
from derive.html.escaping import escape
from derive.html.inline import inline

_BUTTONS = (
    ("first", "First", "Home"),
    ("back", "Back", "left arrow"),
    ("next", "Next", "right arrow"),
    ("last", "Last", "End"),
    ("play", "Play", "space"),
    ("done", "Done", "Escape"),
)


def stepper(document: Document) -> str:
    """The controls and the sentences they show; "" where there is nothing to walk. The script uncovers them."""
    if not document.walk:
        return ""
    buttons = "".join(
        f'<button type="button" data-go="{name}" title="{label} ({key})">{label}</button>'
        for name, label, key in _BUTTONS
    )
    steps = "".join(
        f'<li data-sweep="{escape(sweep)}" data-key="{escape(key)}">{inline(sentence)}</li>\n'
        for sweep, key, sentence in document.walk
    )
    return (
        '<section class="stepper" data-stepper tabindex="0" aria-label="Walk through the sweeps" hidden>\n'
        f'<div class="buttons">{buttons}<span class="place"></span></div>\n'
        '<p class="status" role="status" aria-live="polite"></p>\n'
        f"<ol hidden>\n{steps}</ol>\n</section>\n"
    )


def script() -> str:
    """The JavaScript that works the controls: no dependency, no network, no change to the text of the page."""
    return files("derive.html").joinpath("stepper.js").read_text(encoding="utf-8")
