"""A walk as HTML without a script: one radio button for each step, and a rule that shows what belongs to it.

A group of radio buttons moves by the arrow keys, in a notebook and in any page that a notebook is exported to. Where
styles are taken away, all steps stand below each other.
"""

from __future__ import annotations

from derive.document import Frame, Walk
from derive.html.escaping import escape
from derive.html.inline import inline
from derive.html.page import blocks_html
from derive.html.skeleton import PREFIX, within_a_page
from derive.html.svg import inline_svg

_RULES = """\
.derive-watch { position: relative; }
.derive-watch .steps { border: 0; margin: 0; padding: 0; min-width: 0; }
.derive-watch .steps > input { position: absolute; opacity: 0; pointer-events: none; }
.derive-watch .steps > label {
  display: inline-block; min-width: 2em; margin: 0 0.2em 0.3em 0; padding: 0.05em 0.35em; border-radius: 4px;
  border: 1px solid var(--derive-rule); background: var(--derive-panel); text-align: center; font-size: 0.85em;
  cursor: pointer; font-variant-numeric: tabular-nums;
}
.derive-watch .steps > .reverse { border-style: dashed; }
.derive-watch .steps > input:checked + label { background: var(--derive-glow); border-color: var(--derive-lit); }
.derive-watch .steps > input:focus-visible + label { outline: 2px solid var(--derive-link); outline-offset: 1px; }
.derive-watch .stage { clear: both; padding-top: 0.5em; }
.derive-watch .frame { min-height: 5em; }
.derive-watch .frame .go { display: flex; gap: 0.5em; align-items: baseline; margin: 0.6em 0; }
.derive-watch .frame .go label {
  padding: 0.15em 0.8em; border-radius: 4px; cursor: pointer; border: 1px solid var(--derive-rule);
  background: var(--derive-panel); font-size: 0.9em;
}
.derive-watch .frame .go span { color: var(--derive-soft); font-size: 0.9em; margin-inline-start: auto; }
@media screen { .derive-watch .frame { display: none; } }
"""
_SWEEPS = {"forward": "forward", "reverse": "back"}


def to_watch(walk: Walk) -> str:
    """The walk as a fragment of HTML; the same walk gives the same text."""
    count = len(walk.frames)
    picture = walk.figure.picture
    controls = "".join(_control(number, frame) for number, frame in enumerate(walk.frames, 1))
    frames = "".join(_frame(number, count, frame) for number, frame in enumerate(walk.frames, 1))
    drawn = inline_svg(picture, id_prefix=PREFIX, description=walk.figure.description)
    body = (
        f"<p><strong>{escape(walk.title)}.</strong> Arrow keys, or a click.</p>\n"
        f'<fieldset class="steps" aria-label="{escape(walk.title)}">\n{controls}'
        f'<div class="stage">\n<div class="graph"><div class="scroll">{drawn}</div></div>\n'
        f'<div class="frames">\n{frames}</div>\n</div>\n</fieldset>\n'
    )
    rules = _RULES + "".join(_rule(number, frame) for number, frame in enumerate(walk.frames, 1))
    return within_a_page(body, rules, kind="derive derive-watch")


def _control(number: int, frame: Frame) -> str:
    checked = " checked" if number == 1 else ""
    name = f'id="{PREFIX}{number}" name="{PREFIX}step"'
    return (
        f'<input type="radio" {name}{checked} aria-label="step {number}, {_SWEEPS[frame.sweep]}">'
        f'<label for="{PREFIX}{number}" class="{frame.sweep}">{number}</label>\n'
    )


def _frame(number: int, count: int, frame: Frame) -> str:
    """What is said, the steps behind it, and where to go on."""
    back = f'<label for="{PREFIX}{number - 1}">Back</label>' if number > 1 else ""
    on = f'<label for="{PREFIX}{number + 1}">Next</label>' if number < count else ""
    place = f"<span>{number} / {count}, {_SWEEPS[frame.sweep]}</span>"
    return (
        f'<div class="frame">\n<div class="go">{back}{on}{place}</div>\n'
        f"<p>{inline(frame.said)}</p>\n{blocks_html(frame.blocks)}</div>\n"
    )


def _rule(number: int, frame: Frame) -> str:
    """Shows the frame, and lights the node with the edges by which something flows into it."""
    at = f"#{PREFIX}{number}:checked ~ .stage"
    end = "source" if frame.sweep == "reverse" else "target"
    key = _string(frame.key)
    return (
        f"{at} .frame:nth-child({number}) {{ display: block; }}\n"
        f"{at} .node[data-key={key}] rect {{ stroke: var(--derive-lit); stroke-width: 2; }}\n"
        f"{at} .edge[data-{end}={key}] {{ color: var(--derive-lit); }}\n"
    )


def _string(text: str) -> str:
    """A string of a style sheet that cannot end it, nor the element around it."""
    return '"' + "".join(c if c.isalnum() or c in "_-^[]., " else f"\\{ord(c):x} " for c in text) + '"'
