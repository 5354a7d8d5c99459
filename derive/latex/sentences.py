r"""Words and formulas within a line of LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from derive.document import Inline
from derive.latex.breaking import width
from derive.latex.escaping import escape
from derive.latex.formulas import formula


def sentence(parts: Sequence[Inline]) -> str:
    """A sentence. A long product may be broken after any of its factors."""
    pieces = []
    for part in parts:
        if isinstance(part, str):
            # escape() joins lines; the space at either end separates words from a formula
            pieces.append(escape(part))
        else:
            latex = formula(part, inline=True)
            if width(latex) > 12:
                latex = latex.replace(r"\, ", r"\,\allowbreak ").replace("/", r"/\allowbreak ")
            pieces.append(f"${latex}$")
    return "".join(pieces)
