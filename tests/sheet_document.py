"""The worked solution of the first exercise of the sheet, put together by hand: what the views are tried on.

TRACE is its two tables with some words; PAGE adds a picture, a walk and every other block; EVERYTHING is hostile.
"""

from __future__ import annotations

from derive import tree as t
from derive.document import (
    Bullets,
    Cell,
    Display,
    Document,
    Edge,
    Figure,
    Folded,
    Heading,
    Line,
    Listing,
    Node,
    Picture,
    Prose,
    Row,
    Table,
)
from derive.reading.reader import read

EQUALS = Cell("=", relation=True)

#: Where the nodes of the picture stand.
PLACES = {
    "v_-1": (60, 30), "v_0": (60, 150), "v_1": (180, 30), "v_3": (180, 150), "v_2": (300, 30), "v_4": (300, 150),
    "v_5": (420, 30), "v_6": (420, 150),
}  # fmt: skip
_EDGES = (
    ("v_-1", "v_1", "1/v_0"), ("v_0", "v_1", "-v_-1/v_0^2"), ("v_0", "v_3", "v_3"), ("v_1", "v_2", "cos(v_1)"),
    ("v_1", "v_4", "1"), ("v_3", "v_4", "-1"), ("v_2", "v_5", "1"), ("v_4", "v_5", "1"), ("v_5", "v_6", "v_4"),
    ("v_4", "v_6", "v_5"),
)  # fmt: skip
CODE = '''def f(x1, x2):
    """Value and gradient; a comment that holds </script> and <b>markup</b> & more."""
    v1 = x1 / x2  # v_1 = v_-1/v_0
    v2, v3 = np.sin(v1), np.exp(x2)
    v4 = v1 - v3
    v5 = v2 + v4
    return v5 * v4
'''

_FORWARD = (
    ("v_-1", "x_1", "1.5", ""),
    ("v_0", "x_2", "0.5", ""),
    ("v_1", "v_-1/v_0", "1.5/0.5", "3"),
    ("v_2", "sin(v_1)", "sin(3)", "0.1411"),
    ("v_3", "exp(v_0)", "exp(0.5)", "1.6487"),
    ("v_4", "v_1 - v_3", "3 - 1.6487", "1.3513"),
    ("v_5", "v_2 + v_4", "0.1411 + 1.3513", "1.4924"),
    ("v_6", "v_5*v_4", "1.4924*1.3513", "2.0166"),
    ("y", "v_6", "2.0166", ""),
)
_REVERSE = (
    ("vbar_6", "ybar", "1", ""),
    ("vbar_5", "vbar_6*v_4", "1*1.3513", "1.3513"),
    ("vbar_4", "vbar_5 + vbar_6*v_5", "1.3513 + 1*1.4924", "2.8437"),
    ("vbar_3", "-vbar_4", "", "-2.8437"),
    ("vbar_2", "vbar_5", "", "1.3513"),
    ("vbar_1", "vbar_2*cos(v_1) + vbar_4", "1.3513*cos(3) + 2.8437", "1.5059"),
    ("vbar_0", "vbar_3*v_3 - vbar_1*v_-1/v_0^2", "-2.8437*1.6487 - 1.5059*1.5/0.5^2", "-13.7240"),
    ("vbar_-1", "vbar_1/v_0", "1.5059/0.5", "3.0118"),
)


def rows(lines: tuple[tuple[str, ...], ...], sweep: str) -> tuple[Row, ...]:
    """Each line `name = formula = numbers = value` with the key of its node; an empty text leaves cell and sign out."""
    made = []
    for first, *rest in lines:
        cells = [Cell(read(first))]
        for text in rest:
            cells += [EQUALS, Cell(read(text))] if text else [Cell(), Cell()]
        node = first.replace("bar", "")
        made.append(Row(tuple(cells), key=node if node in PLACES else "", sweep=sweep))
    return tuple(made)


def gradient_row(by: str, value: str) -> Row:
    derivative = t.Derivative(t.Name("y"), t.Name(by))
    return Row((Cell(derivative), EQUALS, Cell(read(value), emphasis=True), *[Cell()] * 4))


FORWARD_TABLE = Table("The evaluation trace at the point.", "lclclcl", rows(_FORWARD, "forward"))
REVERSE_TABLE = Table(
    "The reverse trace.",
    "lclclcl",
    (*rows(_REVERSE, "reverse"), gradient_row("x_1", "3.0118"), gradient_row("x_2", "-13.7240")),
    footer="Every digit is rounded from the certified value.",
)

TRACE = Document(
    "Reverse mode on paper",
    (
        Heading("The function"),
        Prose(("We differentiate ", t.Name("y"), " at ", read("x_1 = 1.5"), " and ", read("x_2 = 0.5"), ":")),
        Display((Line(read("y = (sin(x_1/x_2) + x_1/x_2 - exp(x_2))*(x_1/x_2 - exp(x_2))"), number="1"),)),
        Heading("Evaluation trace"),
        Prose(("The quotient ", read("x_1/x_2"), " and the difference ", read("v_1 - v_3"), " are used twice.")),
        FORWARD_TABLE,
        Heading("Reverse trace"),
        Display(
            (
                Line(read("vbar_1 = vbar_2*cos(v_1) + vbar_4"), "v_2 and v_4 read v_1"),
                Line(read("vbar_0 = vbar_3*v_3 - vbar_1*v_-1/v_0^2"), "exp v_0 is v_3"),
                Line(read("vbar_-1 = vbar_1/v_0"), "quotient rule", "2"),
            )
        ),
        REVERSE_TABLE,
        Bullets(
            (
                (
                    "The published key prints ",
                    t.Number("2.0167"),
                    ", from rounded intermediates.",
                ),
            )
        ),
    ),
    "Griewank and Walther, Evaluating Derivatives (2008)",
)

PICTURE = Picture(
    290.0,
    60.0,
    (
        Node("v_-1", 40.0, 30.0, 60.0, 40.0, (t.Name("v_-1"), t.Number("1.5")), "input"),
        Node("v_1", 145.0, 30.0, 60.0, 40.0, (t.Name("v_1"), t.Number("3"))),
        Node("v_2", 250.0, 30.0, 60.0, 40.0, (t.Name("v_2"), t.Number("0.1411")), "output"),
    ),
    (
        Edge("v_-1", "v_1", ((70.0, 30.0), (115.0, 30.0)), read("1/v_0"), (92.0, 20.0)),
        Edge("v_1", "v_2", ((175.0, 30.0), (220.0, 30.0)), read("cos(v_1)"), (197.0, 20.0)),
    ),
)


def _graph() -> Picture:
    """Two rows of four boxes, straight edges from border to border."""
    values = {name: texts[-1] or texts[-2] for name, *texts in _FORWARD}
    adjoints = {name.replace("bar", ""): texts[-1] or texts[-2] for name, *texts in _REVERSE}
    kinds = {"v_-1": "input", "v_0": "input", "v_6": "output"}
    nodes = []
    for key, (x, y) in PLACES.items():
        primal = t.Relation((t.Name(key), read(values[key])))
        adjoint = t.Relation((t.Name(key.replace("v", "vbar")), read(adjoints[key])))
        nodes.append(Node(key, x, y, 76, 46, (primal, adjoint), kinds.get(key, "operation")))
    return Picture(480, 180, tuple(nodes), tuple(_edge(*each) for each in _EDGES))


def _edge(source: str, target: str, label: str) -> Edge:
    (x, y), (u, w) = PLACES[source], PLACES[target]
    across, down = (u - x), (w - y)
    share = min(38 / abs(across) if across else 9.0, 23 / abs(down) if down else 9.0)
    points = ((x + share * across, y + share * down), (u - share * across, w - share * down))
    return Edge(source, target, points, read(label), ((x + u) / 2, (y + w) / 2 - 8))


_WALK = tuple(
    (sweep, name.replace("bar", ""), (" = ".join((name, *filter(None, texts))),))
    for sweep, lines in (("forward", _FORWARD[:-1]), ("reverse", _REVERSE))
    for name, *texts in lines
)

#: A page with one of everything that a browser shows.
PAGE = Document(
    "A gradient in reverse mode",
    (
        *TRACE.blocks[:3],
        Heading("Computational graph"),
        Figure("Values and adjoints on the nodes, local partials on the edges.", _graph()),
        *TRACE.blocks[3:],
        Heading("Why these lines", 2),
        Display(
            (
                Line(read("ybar = 1"), "seed"),
                Line(t.Relation((t.Name("vbar_3"), t.Name("vbar_4") * t.Derivative(t.Name("v_4"), t.Name("v_3"))))),
                Line(read("u = sqrt((theta + 1)/(1 + exp(-2*lambda)))/(1 + abs(alpha/beta_hat))"), "for the eye only"),
                Line(read("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]*[0 <= m-i < P]"), "a layer", "3"),
                Line(read("Gammadot_2 + omega_tilde"), "no equality"),
            )
        ),
        Table(
            "Checks.",
            "lr",
            (Row((Cell("central differences"), Cell(read("2.1e-10")))),),
            (Cell("method"), Cell("largest relative error")),
        ),
        Folded("The steps behind it", (Prose(("One step.",)), Display((Line(read("a = b"), "by hand"),)))),
        Heading("Code"),
        Listing("The function in NumPy.", CODE),
    ),
    "Sheet 3, exercise 1",
    _WALK,
)

#: Text of a user who tries every character that some language obeys.
HOSTILE = (
    r"\input{/etc/passwd} \write18{ls} 100% & #1 _a_ ^b^ ~ {x} $x$ $$y$$ <b>bold</b> </script> \begin{document} "
    "`code` | *star* [link](javascript:alert) \\\\ -- ``quoted'' \"x\" 中文 x\u0304 \u1234 \x1b[31m é — ≤ α"
)

#: One block of each kind, all words hostile.
EVERYTHING = Document(
    HOSTILE,
    (
        Heading(HOSTILE, 1),
        Heading(HOSTILE, 3),
        Prose((HOSTILE, t.Name("v_0"), HOSTILE)),
        Display((Line(read("v_1 = v_-1/v_0"), HOSTILE, "4$"), Line(read("x + 1"), "short"))),
        Table(HOSTILE, "lcr", (Row((Cell(HOSTILE), EQUALS, Cell("[1] *", emphasis=True))),), (Cell(HOSTILE),), HOSTILE),
        Figure(HOSTILE, PICTURE, HOSTILE),
        Listing(HOSTILE, "x = 1\n# \\end{lstlisting} \\end{document} é $x$ ```\n", "python"),
        Listing("", "```\n\\end{verbatim}\n", "text"),
        Bullets(((HOSTILE,), ("[x] *",), ("1. one",))),
        Folded(HOSTILE, (Prose((HOSTILE,)),)),
    ),
    HOSTILE,
)
