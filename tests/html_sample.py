"""The sheet's solution as a document assembled by hand: every kind of block, so that a page can be looked at."""

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
FUNCTION = "y = (sin(x1/x2) + x1/x2 - exp(x2))*(x1/x2 - exp(x2))"

#: node, definition, numbers substituted, value
FORWARD = (
    ("v_-1", "x1", None, "1.5"),
    ("v_0", "x2", None, "0.5"),
    ("v_1", "v_-1/v_0", "1.5/0.5", "3"),
    ("v_2", "sin(v_1)", "sin(3)", "0.1411"),
    ("v_3", "exp(v_0)", "exp(0.5)", "1.6487"),
    ("v_4", "v_1 - v_3", "3 - 1.6487", "1.3513"),
    ("v_5", "v_2 + v_4", "0.1411 + 1.3513", "1.4924"),
    ("v_6", "v_5*v_4", "1.4924*1.3513", "2.0166"),
)
REVERSE = (
    ("v_6", "vbar_6", "1", None, "1"),
    ("v_5", "vbar_5", "vbar_6*v_4", "1*1.3513", "1.3513"),
    ("v_4", "vbar_4", "vbar_5 + vbar_6*v_5", "1.3513 + 1*1.4924", "2.8437"),
    ("v_3", "vbar_3", "-vbar_4", None, "-2.8437"),
    ("v_2", "vbar_2", "vbar_5", None, "1.3513"),
    ("v_1", "vbar_1", "vbar_2*cos(v_1) + vbar_4", "1.3513*cos(3) + 2.8437", "1.5059"),
    ("v_0", "vbar_0", "vbar_3*v_3 - vbar_1*v_-1/v_0^2", "-2.8437*1.6487 - 1.5059*1.5/0.5^2", "-13.7240"),
    ("v_-1", "vbar_-1", "vbar_1/v_0", "1.5059/0.5", "3.0118"),
)
PLACES = {
    "v_-1": (60, 30), "v_0": (60, 150), "v_1": (180, 30), "v_3": (180, 150), "v_2": (300, 30), "v_4": (300, 150),
    "v_5": (420, 30), "v_6": (420, 150),
}  # fmt: skip
EDGES = (
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


def picture() -> Picture:
    """Two rows of four boxes, straight edges from border to border."""
    values = {name: value for name, _, _, value in FORWARD}
    adjoints = {name: value for name, *_, value in REVERSE}
    kinds = {"v_-1": "input", "v_0": "input", "v_6": "output"}
    nodes = []
    for key, (x, y) in PLACES.items():
        primal = t.Relation((t.Name(key), read(values[key])))
        adjoint = t.Relation((t.Name(key.replace("v", "vbar")), read(adjoints[key])))
        nodes.append(Node(key, x, y, 76, 46, (primal, adjoint), kinds.get(key, "operation")))
    return Picture(480, 180, tuple(nodes), tuple(_edge(*each) for each in EDGES))


def _edge(source: str, target: str, label: str) -> Edge:
    (x, y), (u, w) = PLACES[source], PLACES[target]
    across, down = (u - x), (w - y)
    share = min(38 / abs(across) if across else 9.0, 23 / abs(down) if down else 9.0)
    points = ((x + share * across, y + share * down), (u - share * across, w - share * down))
    return Edge(source, target, points, read(label), ((x + u) / 2, (y + w) / 2 - 8))


def solution() -> Document:
    """The whole page."""
    forward = tuple(
        Row(_cells(name, rule, numbers, value), key=name, sweep="forward") for name, rule, numbers, value in FORWARD
    )
    reverse = tuple(
        Row(_cells(bar, rule, numbers, value, key in ("v_0", "v_-1")), key=key, sweep="reverse")
        for key, bar, rule, numbers, value in REVERSE
    )
    partial = t.Derivative(t.Name("v_4"), t.Name("v_3"))
    lines = (
        Line(read("ybar = 1"), "seed"),
        Line(t.Relation((t.Name("vbar_3"), t.Name("vbar_4") * partial, read("-vbar_4")))),
        Line(read("vbar_1 = vbar_2*cos(v_1) + vbar_4"), "sum over the readers of v_1", "1"),
        Line(read("vbar_0 = vbar_3*v_3 - vbar_1*v_-1/v_0^2"), "quotient rule, and exp reuses its value", "2"),
        Line(read("u = sqrt((theta + 1)/(1 + exp(-2*lambda)))/(1 + abs(alpha/beta_hat))"), "for the eye only"),
        Line(read("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]*[0 <= m-i < P]"), "a layer", "3"),
        Line(read("Gammadot_2 + omega_tilde"), "no equality"),
    )
    gradient = (t.Derivative(t.Name("y"), t.Name("x_1")), t.Derivative(t.Name("y"), t.Name("x_2")))
    blocks = (
        Prose(("Differentiate ", read(FUNCTION), " at ", read("x_1 = 1.5"), ", ", read("x_2 = 0.5"), ".")),
        Heading("Computational graph"),
        Figure("Values and adjoints on the nodes, local partials on the edges.", picture()),
        Heading("Forward trace"),
        Table("Forward trace.", "lclclcr", forward),
        Heading("Reverse trace"),
        Prose(("The adjoint ", t.Name("vbar_i"), " is the derivative ", t.Derivative(t.Name("y"), t.Name("v_i")), ".")),
        Table("Reverse trace.", "lclclcr", reverse, footer="Digits are correctly rounded."),
        Heading("Why these lines", 2),
        Display(lines),
        Heading("Gradient"),
        Display((Line(t.Relation((gradient[0], read("3.0118")))), Line(t.Relation((gradient[1], read("-13.7240")))))),
        Table("Checks.", "lr", (Row((Cell("central differences"), Cell(read("2.1e-10")))),),
              (Cell("method"), Cell("largest relative error"))),
        Bullets((("The published formula has its fraction inverted: ", read("v_-1/v_0^2"), "."), ("Second remark.",))),
        Folded("The steps behind it", (Prose(("One step.",)), Display((Line(read("a = b"), "by hand"),)))),
        Heading("Code"),
        Listing("The function in NumPy.", CODE),
    )  # fmt: skip
    walk = tuple(("forward", name, (f"{name} = {rule} = {value}",)) for name, rule, _, value in FORWARD)
    walk += tuple(("reverse", key, (f"{bar} = {rule} = {value}",)) for key, bar, rule, _, value in REVERSE)
    return Document("A gradient in reverse mode", blocks, "Sheet 3, exercise 1", walk)


def _cells(name: str, rule: str, numbers: str | None, value: str, emphasis: bool = False) -> tuple[Cell, ...]:
    middle = (EQUALS, Cell(read(numbers))) if numbers else (Cell(), Cell())
    return (Cell(t.Name(name)), EQUALS, Cell(read(rule)), *middle, EQUALS, Cell(read(value), emphasis=emphasis))
