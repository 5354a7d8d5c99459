"""Programs and random graphs for the tests of pictures."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from derive import tree as t
from derive.functions import OPERATIONS
from derive.program import Elementary, Equation, Operand, Program

Graph = tuple[dict[str, tuple[float, float]], list[tuple[str, str]], dict[tuple[str, str], tuple[float, float]]]


def line(name: str, operation: str, *operands: Operand) -> Equation:
    return Equation(name, Elementary(OPERATIONS[operation], operands))


def sheet() -> Program:
    """(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))."""
    lines = (
        line("v_1", "div", "v_-1", "v_0"),
        line("v_2", "sin", "v_1"),
        line("v_3", "exp", "v_0"),
        line("v_4", "sub", "v_1", "v_3"),
        line("v_5", "add", "v_2", "v_4"),
        line("v_6", "mul", "v_5", "v_4"),
    )
    return Program(("v_-1", "v_0"), lines, ("v_6",), labels={"v_-1": "x1", "v_0": "x2", "v_6": "y"})


NODES = ("v_-1", "v_0", "v_1", "v_2", "v_3", "v_4", "v_5", "v_6")
VALUES = dict(zip(NODES, ["1.5", "0.5", "3", "0.1411", "1.6487", "1.3513", "1.4924", "2.0166"], strict=True))
ADJOINTS = dict(zip(NODES, ["3.0118", "-13.7240", "1.5059", "1.3513", "-2.8437", "2.8437", "1.3513", "1"], strict=True))


def number(text: str) -> t.Tree:
    return t.Negative(t.Number(text[1:])) if text.startswith("-") else t.Number(text)


def product_of_inputs(count: int) -> Program:
    """x1 * x2 * ... in `2 * count - 1` nodes."""
    inputs = tuple(f"v_{k}" for k in range(1 - count, 1))
    lines = []
    last = inputs[0]
    for k in range(1, count):
        lines.append(line(f"v_{k}", "mul", last, inputs[k]))
        last = f"v_{k}"
    return Program(inputs, tuple(lines), (last,))


def random_program(inputs: int, lines: int, seed: int) -> Program:
    """Elementary operations that mostly read what was computed shortly before."""
    dice = Random(seed)
    names = [f"v_{k}" for k in range(1 - inputs, 1)]
    equations = []
    for k in range(1, lines + 1):
        operation = dice.choice(["add", "sub", "mul", "div", "sin", "exp", "tanh"])
        picks = [dice.choice(names[-5:] if dice.random() < 0.7 else names) for _ in range(OPERATIONS[operation].arity)]
        equations.append(line(f"v_{k}", operation, *picks))
        names.append(f"v_{k}")
    return Program(tuple(names[:inputs]), tuple(equations), (names[-1],))


def series_parallel(pieces: int, seed: int) -> tuple[list[str], list[tuple[str, str]]]:
    """A graph that can be drawn without crossings: edges of one edge replaced by two in a row or two side by side.

    A second edge between the same nodes gets a node of its own. Nodes are answered in an order of evaluation.
    """
    dice = Random(seed)
    edges = [(0, 1)]
    count = 2
    for _ in range(pieces):
        place = dice.randrange(len(edges))
        source, target = edges.pop(place)
        edges += [(source, count), (count, target)]
        count += 1
        if dice.random() < 0.5:
            edges += [(source, count), (count, target)]
            count += 1
    waiting = {node: sum(target == node for _, target in edges) for node in range(count)}
    order = [node for node, reads in waiting.items() if not reads]
    for node in order:
        for source, target in edges:
            if source == node:
                waiting[target] -= 1
                if not waiting[target]:
                    order.append(target)
    return [f"n{node}" for node in order], [(f"n{source}", f"n{target}") for source, target in edges]


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> Graph:
    """Boxes of different sizes, edges forward, labels on most of them."""
    count = draw(st.integers(1, most))
    size = st.tuples(st.integers(20, 110).map(float), st.integers(15, 60).map(float))
    nodes = {f"n{k}": draw(size) for k in range(count)}
    pairs = [(f"n{a}", f"n{b}") for b in range(count) for a in range(b)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=2 * count)) if pairs else []
    small = st.tuples(st.integers(4, 60).map(float), st.integers(6, 14).map(float))
    labels = {edge: draw(small) for edge in edges if draw(st.integers(0, 3))}
    return nodes, edges, labels
