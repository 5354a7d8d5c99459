"""The scripts of the gallery: their order, and what they find when they are run."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from derive.document import Figure, Node, Picture
from derive.html.svg import standalone_svg
from derive.metrics import NODE_SIZE, extent
from derive.reading.reader import read
from derive.subjects.catalogue import document

#: Scripts that draw no figure of their own -> a picture of their solution, or what to write on their card.
CARDS: dict[str, tuple[str, ...]] = {
    "plot_first_steps": ("y = x^2 + sin(x)", "dy = 2*x + cos(x)"),
    "plot_review_questions": ("W x = W_2 W_1 x", "W = W_2 W_1"),
    "plot_mlp_equations": ("W_bar = z_bar a^T", "a_bar = W^T z_bar", "b_bar = z_bar"),
    "plot_backpropagation_function": ("W_bar = z_bar^T X", "X_bar = z_bar W"),
    "plot_convolution_by_hand": ("Z[i,j]", "sum(k,l) V[i+k,j+l]*K[k,l]"),
    "plot_softmax_cross_entropy": ("z_bar = p - y",),
    "plot_your_own_layer": ("y[i] = s[i]*z[i]*g[i]",),
    "plot_mark_a_class": ("vbar_5 = vbar_6*v_4", "vbar_4 = vbar_5 + vbar_6*v_5"),
    "plot_fixtures_for_your_framework": ("X_bar[i] = G[i]*(1 - Y[i]^2)",),
}
_DRAWN = ("plot_griewank", "plot_convolution", "plot_batchnorm", "plot_attention", "plot_lstm")

OVERVIEW = Path(__file__).parents[2] / "worked_examples" / "README.md"


def as_listed(file: str) -> int:
    """The place of a script in the overview of the worked examples. Raises ValueError for one that it does not list."""
    return OVERVIEW.read_text(encoding="utf-8").index(f" {file} ")


def with_file(gallery_conf: dict[str, Any], script: str) -> None:
    """Let a script find its own path: sphinx-gallery runs it without a `__file__`, which it then looks for here."""
    builtins.__file__ = str(OVERVIEW.parent / Path(script).name)


def draw_cards(app: Sphinx) -> None:
    """Thumbnails by the engine in place of the default one: the graph of the solution, or formulas."""
    folder = Path(app.srcdir) / "gallery" / "images" / "thumb"
    default = Path(app.srcdir, "_static", "favicon.svg").read_text(encoding="utf-8")
    for script in (*_DRAWN, *CARDS):
        file = folder / f"sphx_glr_{script}_thumb.svg"
        if file.exists() and file.read_text(encoding="utf-8") == default:
            picture = _card(CARDS[script]) if script in CARDS else _graph(script.removeprefix("plot_"))
            # on white paper, whatever the page's colours are
            light = re.sub(
                r"@media \(prefers-color-scheme: dark\) \{.*?\n\}\n", "", standalone_svg(picture), flags=re.DOTALL
            )
            file.write_text(light, encoding="utf-8")


def _graph(name: str) -> Picture:
    return next(block.picture for block in document(name).blocks if isinstance(block, Figure))


def _card(texts: tuple[str, ...]) -> Picture:
    """One box with these formulas."""
    lines = tuple(map(read, texts))
    width = max(extent(line, NODE_SIZE)[0] for line in lines) + 16
    height = 16.0 * len(lines) + 10
    node = Node("card", width / 2 + 4, height / 2 + 4, width, height, lines, "input")
    return Picture(width + 8, height + 8, (node,), ())


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", draw_cards, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
