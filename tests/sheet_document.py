"""The worked solution of the first exercise of the sheet, put together by hand: what the views are tried on."""

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
    """Each line `name = formula = numbers = value`; an empty text leaves its cell and its sign out."""
    made = []
    for first, *rest in lines:
        cells = [Cell(read(first))]
        for text in rest:
            cells += [EQUALS, Cell(read(text))] if text else [Cell(), Cell()]
        made.append(Row(tuple(cells), key=first, sweep=sweep))
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
