"""What stands around the body of a page or of a fragment: style, maths font, and what the page may load."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from importlib.resources import files

from derive.html.escaping import escape
from derive.html.font import STACK, font_faces
from derive.html.svg import svg_css

#: What holds for a page of its own only.
_WHOLE_PAGE = """\
body.derive { margin: 0; padding: 2rem clamp(1rem, 5vw, 3rem); }
body.derive > main { max-width: 54rem; margin: 0 auto; }
@media print { body.derive { padding: 0; } body.derive > main { max-width: none; } }
@page { margin: 18mm; }
"""
#: Stands for the prefix of ids until that is known. No text of a user can hold it: `escape` takes it out.
PREFIX = "\x01"


def whole_page(title: str, body: str, script: str = "") -> str:
    """A page of its own, which forbids itself all other sources."""
    body = body.replace(PREFIX, "")
    style = _style(body) + _WHOLE_PAGE
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="derive">\n'
        f"<title>{escape(title) or 'derive'}</title>\n<style>{style}</style>\n</head>\n"
        f'<body class="derive">\n<main>\n{body}</main>\n'
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )


def within_a_page(body: str, style: str = "", kind: str = "derive") -> str:
    """What a notebook shows for an object: no script, ids that do not meet those of others.

    style : further rules, with PREFIX before ids.
    """
    prefix = f"d{hashlib.sha256((body + style).encode()).hexdigest()[:10]}-"
    rules = (_style(body) + style).replace(PREFIX, prefix)
    return f'<div class="{kind}">\n<style>\n{rules}</style>\n{body.replace(PREFIX, prefix)}</div>\n'


def _style(body: str) -> str:
    page = files("derive.html").joinpath("page.css").read_text(encoding="utf-8").replace("MATHS", STACK)
    return _fonts(body) + svg_css() + page


def _policy(style: str, script: str) -> str:
    """Nothing but this style, this script, and fonts and images inside the page."""
    allowed = f"default-src 'none'; style-src {_hash(style)}; font-src data:; img-src data:; "
    allowed += f"script-src {_hash(script)}; " if script else ""
    return allowed + "base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"


def _fonts(body: str) -> str:
    """The font rules for the formulas and pictures that are in the page."""
    maths = "".join(re.findall(r"<math[ >].*?</math>", body, re.DOTALL))
    pictures = "".join(re.findall(r"<text[ >].*?</text>", body, re.DOTALL))
    return font_faces(*(html.unescape(re.sub(r"<[^>]*>", "", part)) for part in (maths, pictures)))
