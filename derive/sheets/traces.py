"""Reverse mode by hand, as in course sheet 003: seven lines, each elementary function and each sign once.

What is drawn is the graph and the point. The number of edges is always eleven, so every variant has as many terms.
"""

from __future__ import annotations

from derive import tree as t
from derive.document import Prose
from derive.plain import formula as plain
from derive.sheets.drawing import Drawn, Draws
from derive.sheets.exercise import Exercise, Part, Question, Variant, operations_in
from derive.sheets.problem_text import POSITIVE
from derive.sheets.sane import Node, adjoints_of, are_apart, is_sane, rounded, values_of
from derive.sheets.scalars import Scalars
from derive.tree import Tree

OPERATIONS = ("div", "mul", "add", "sub", "sin", "exp", "log")
INPUTS = ("x_1", "x_2")
_SPELLED = {"div": "{}/{}", "mul": "{}*{}", "add": "{} + {}", "sub": "{} - {}",
            "sin": "sin({})", "exp": "exp({})", "log": "ln({})"}  # fmt: skip
_UNREAD_FIRST = 3  # an operand that nothing reads yet is so many times as likely
_INVERSE = (("exp", "log"), ("log", "exp"))


def draw(draws: Draws) -> Drawn | None:
    nodes = _graph(draws)
    if nodes is None:
        return None
    at = tuple(draws.decimal(5, 30) for _ in INPUTS)
    values = values_of(nodes, dict(zip(INPUTS, map(float, at), strict=True)))
    if values is None or at[0] == at[1] or "1.0" in at:
        return None
    adjoints = adjoints_of(nodes, values)
    lines = [values[name] for name, _, _ in nodes]
    if not all(map(is_sane, adjoints.values())) or not are_apart([*values.values(), 1.0]):
        return None
    # an adjoint that is only passed on, as by a sum, is that of its reader; no other two are the same
    passed = [abs(adjoints[name]) for name in adjoints]
    if len({round(each, 2) for each in passed}) < len(passed) - 3:
        return None
    return Drawn((nodes, at), rounded((*lines, *adjoints.values())))


def _graph(draws: Draws) -> tuple[Node, ...] | None:
    """Seven operations in some order, every line read by a later one; None where that did not come out."""
    nodes: list[Node] = []
    made: dict[str, str] = dict.fromkeys(INPUTS, "input")
    unread = list(INPUTS)
    for place, operation in enumerate(draws.shuffled(OPERATIONS), 1):
        reads: list[str] = []
        for _ in range(1 if operation in ("sin", "exp", "log") else 2):
            ways = [name for name in made if name not in reads]
            ways += [name for name in unread if name not in reads] * _UNREAD_FIRST
            reads.append(draws.choice(ways))
        if (operation, made[reads[0]]) in _INVERSE:
            return None
        name = f"v_{place}"
        nodes.append((name, operation, tuple(reads)))
        unread = [each for each in unread if each not in reads] + [name]
        made[name] = operation
    return tuple(nodes) if unread == [nodes[-1][0]] else None


def work(drawn: Drawn) -> Variant:
    nodes, at = drawn.values
    lines = {name: _SPELLED[operation].format(*reads) for name, operation, reads in nodes}
    last = nodes[-1][0]
    scalars = Scalars(lines, dict(zip(INPUTS, at, strict=True)), last)
    values = {name: scalars.value(name) for name in lines}
    derivation = scalars.worked.derivation
    node_for = {bar: node for node, bar in derivation.names.items()}
    adjoints = [line for line in derivation.adjoint if node_for[line.name] != last]
    function = _written_out(scalars, last)
    return Variant(
        given=(
            Prose(("The function ", t.Relation((t.Name("y"), function)), " is worked out line by line:")),
            scalars.display(),
            Prose(("The result is ", t.Relation((t.Name("y"), t.Name(last))), ", and the point is ", *scalars.point(),
                   ". Give numbers with four decimals.")),
        ),
        parts=(
            Part("Forward trace", ("The value of every line at the point.",),
                 tuple(Question(t.Name(name), (scalars.formulas[name], values[name])) for name in lines)),
            Part("Reverse trace",
                 ("The adjoint of a line is the derivative of the result by it. Begin with ",
                  t.Relation((t.Name(derivation.names[last]), t.Number("1"))),
                  "; give each adjoint as a formula of adjoints and values of lines, and as a number."),
                 tuple(Question(t.Name(line.name), (line.tree, scalars.adjoint(node_for[line.name])))
                       for line in adjoints)),
        ),
        problem=scalars.problem("Reverse mode by hand", dict.fromkeys(INPUTS, POSITIVE)),
        parameters={"y": plain(function), **scalars.at},
        operations=operations_in(scalars.formulas.values()),
    )  # fmt: skip


def _written_out(scalars: Scalars, last: str) -> Tree:
    """The function as one formula of the inputs."""
    known: dict[str, Tree] = {}
    for name, formula in scalars.formulas.items():
        known[name] = t.substituted(formula, known)
    return known[last]


EXERCISE = Exercise(
    "griewank",
    "Reverse mode by hand",
    "A. Griewank, A. Walther, Evaluating Derivatives (2008); course sheet 003, exercise 1",
    "a forward trace of seven lines and the eight adjoints below the result",
    draw,
    work,
)
