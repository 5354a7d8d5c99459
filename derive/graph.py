"""The computational graph of a rank-0 Program: as a networkx graph, and laid out as a picture for all media."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Union

from derive import tree as t
from derive.document import Edge, Inline, Node, Picture
from derive.layout import Layout, laid_out
from derive.layout.ranks import ranks
from derive.metrics import EDGE_SIZE, LINE_PITCH, NODE_SIZE, measure
from derive.program import Elementary, Equation, Program, partial_tree

if TYPE_CHECKING:
    from derive.tree import Tree

Pair = tuple[str, str]
Lines = Union[Mapping[str, Sequence[Inline]], Callable[[str], Sequence[Inline]]]

#: A program with more nodes than this is drawn with runs of lines gathered into one node.
MOST_NODES = 60
#: Inputs of a program with as many ranks, and as many inputs, stand near their readers: the picture is less long.
DEEP, MANY = 8, 5

#: A picture wider than this, in points, is drawn downwards if the page then shows it larger by this factor.
WIDEST, LARGER = 900.0, 1.25
PAGE = (450.0, 620.0)  # width and height of the text of a page in points

KEPT_INPUTS, KEPT_LINES, KEPT_OUTPUTS = 8, 8, 4

#: A right-hand side with more parts than this is left out of its node.
LONGEST_FORMULA = 24

PADDING_ACROSS, PADDING_ALONG = 16.0, 9.0
SMALLEST_BOX = 34.0


def slots_of(equation: Equation) -> dict[str, tuple[int, ...]]:
    """What an equation reads, and in which operand slots; for other than elementary lines the place among its reads."""
    answer: dict[str, tuple[int, ...]] = {}
    source = equation.source
    operands = source.operands if isinstance(source, Elementary) else equation.reads
    for slot, operand in enumerate(operands):
        if isinstance(operand, str):
            answer[operand] = (*answer.get(operand, ()), slot)
    return answer


def kind_of(program: Program, name: str) -> str:
    """ "input", "operation" or "output"; an input that is also an output is drawn as an input."""
    if name not in program.by_name:
        return "input"
    return "output" if name in program.outputs else "operation"


def graph_of(program: Program) -> Any:
    """The program as networkx.DiGraph.

    Nodes are inputs and equations in their order, with attributes `kind` and `label` (the author's name); an edge leads
    from an operand to the line that reads it, with attribute `slots`, the operand slots it fills (two for v*v).
    """
    import networkx  # 0.2 s: only for those who want its algorithms, no picture needs it

    graph = networkx.DiGraph()
    for name in (*program.input_names, *program.by_name):
        graph.add_node(name, kind=kind_of(program, name), label=program.label(name))
    for equation in program:
        for name, slots in slots_of(equation).items():
            graph.add_edge(name, equation.name, slots=slots)
    return graph


def local_partials(program: Program) -> dict[Pair, Tree]:
    """(operand, line) -> the partial derivative of the line by that operand, over all slots it fills."""
    return {
        (name, equation.name): partial_tree(equation, slots)
        for equation in program
        if isinstance(equation.source, Elementary)
        for name, slots in slots_of(equation).items()
    }


def definition(program: Program, name: str) -> Inline:
    """What a lecturer writes into the node: v_-1 = x_1; v_1 = v_-1/v_0; y = v_6 = v_5 v_4. No long formulas."""
    sides: list[Tree] = [t.Name(name)]
    label = program.label(name)
    equation = program.by_name.get(name)
    if equation is None:
        return t.Relation((t.Name(name), t.Name(label))) if label != name else t.Name(name)
    if label != name:
        sides.insert(0, t.Name(label))
    formula = equation.tree
    if sum(1 for _ in islice(t.walk(formula), LONGEST_FORMULA + 1)) <= LONGEST_FORMULA:
        sides.append(formula)
    return t.Relation(tuple(sides)) if len(sides) > 1 else sides[0]


def node_lines(
    program: Program,
    values: Mapping[str, Inline] | None = None,
    adjoints: Mapping[str, Inline] | None = None,
    names: Mapping[str, str] | None = None,
) -> dict[str, tuple[Inline, ...]]:
    """The lines of every node: its definition and, where given, its value and its adjoint, each with its name.

    values, adjoints : node -> number as a tree, or words.  names : node -> the name of its adjoint.
    """
    answer: dict[str, tuple[Inline, ...]] = {}
    for name in (*program.input_names, *program.by_name):
        lines: list[Inline] = [definition(program, name)]
        for given, called in ((values, name), (adjoints, (names or {}).get(name, name))):
            value = (given or {}).get(name)
            if value is not None:
                lines.append(value if isinstance(value, str) else t.Relation((t.Name(called), value)))
        answer[name] = tuple(lines)
    return answer


def picture_of(
    program: Program,
    *,
    labels: Lines | None = None,
    edge_labels: Mapping[Pair, Inline | None] | None = None,
    direction: str = "auto",
) -> Picture:
    """The program laid out: inputs on the left (or top), outputs on the right (or bottom).

    labels : the lines of each node (see `node_lines`), as mapping or function; nodes without get their definition.
    edge_labels : (operand, line) -> label; None gives every edge its local partial, {} leaves all edges bare.
    direction : "right", "down", or "auto": to the right, unless that is too wide for a page and down is not. In a deep
    graph with many inputs these stand near their readers.
    A program of more than MOST_NODES nodes is drawn with its middle gathered into one node per run of lines.

    Raises ValueError for another direction.
    """
    groups = _groups(program)
    home = {name: key for key, members in groups.items() for name in members}
    shown = [key for key, members in groups.items() if len(members) == 1]
    lines = {key: _lines(program, labels, key) for key in shown}
    for key, members in groups.items():
        if len(members) > 1:
            what = "inputs" if members[0] not in program.by_name else "lines"
            lines[key] = (f"… {len(members)} more {what} …",)
    pairs: dict[Pair, Inline | None] = {}
    for equation in program:
        target = home[equation.name]
        for name, slots in slots_of(equation).items():
            pair = (home[name], target)
            if pair[0] == target or pair in pairs:
                continue
            if len(groups[target]) > 1 or len(groups[pair[0]]) > 1:
                pairs[pair] = None
            elif edge_labels is not None:
                pairs[pair] = edge_labels.get(pair)
            else:
                pairs[pair] = partial_tree(equation, slots) if isinstance(equation.source, Elementary) else None
    kinds = {key: kind_of(program, members[0]) if len(members) == 1 else "" for key, members in groups.items()}
    for key, members in groups.items():
        kinds[key] = kinds[key] or ("operation" if members[0] in program.by_name else "input")
    boxes = {key: _box(lines[key]) for key in groups}
    sizes = {pair: measure(label, EDGE_SIZE) for pair, label in pairs.items() if label is not None}
    inputs = [key for key, kind in kinds.items() if kind == "input"]
    last = [key for key, kind in kinds.items() if kind == "output"]
    rank = ranks(list(groups), list(pairs), inputs, last)
    deep = len(inputs) >= MANY and max(rank.values()) + 1 >= DEEP
    placing = partial(laid_out, boxes, list(pairs), sizes, first=() if deep else inputs, last=last)
    layout = placing(direction="right" if direction == "auto" else direction)
    if direction == "auto" and layout.width > WIDEST:
        other = placing(direction="down")
        if _scale(other) > LARGER * _scale(layout):
            layout = other
    nodes = tuple(
        Node(key, *layout.centres[key], *_box(lines[key]), lines=lines[key], kind=kinds[key]) for key in groups
    )
    edges = tuple(
        Edge(*pair, layout.paths[pair], label, layout.labels.get(pair, (0.0, 0.0))) for pair, label in pairs.items()
    )
    return Picture(layout.width, layout.height, nodes, edges)


def _scale(layout: Layout) -> float:
    """How large a page shows it."""
    return min(PAGE[0] / layout.width, PAGE[1] / layout.height)


def _lines(program: Program, labels: Lines | None, name: str) -> tuple[Inline, ...]:
    if labels is None:
        return (definition(program, name),)
    if callable(labels):
        return tuple(labels(name))
    return tuple(labels[name]) if name in labels else (definition(program, name),)


def _box(lines: Sequence[Inline]) -> tuple[float, float]:
    across = max((measure(line, NODE_SIZE)[0] for line in lines), default=0.0)
    width = max(SMALLEST_BOX, across + PADDING_ACROSS)
    return round(width, 2), round(LINE_PITCH * NODE_SIZE * max(len(lines), 1) + PADDING_ALONG, 2)


def _groups(program: Program) -> dict[str, tuple[str, ...]]:
    """Key of a drawn node -> the nodes it stands for, in program order.

    A group is a run of consecutive nodes, inputs or lines, so that no edge can lead from a later group to an earlier.
    """
    inputs, lines = program.input_names, tuple(program.by_name)
    if len(inputs) + len(lines) <= MOST_NODES:
        return {name: (name,) for name in (*inputs, *lines)}
    answer: dict[str, tuple[str, ...]] = {}
    few_inputs = len(inputs) <= KEPT_INPUTS
    front = 4 if few_inputs else 3  # v_1 = x_1 x_2, v_2 = v_1 x_3, v_3 = v_2 x_4 read the four inputs kept
    kept = set(lines[:front] + lines[-front + 1 :])
    kept.update(output for output in program.outputs[-KEPT_OUTPUTS:])
    kept.update(inputs if few_inputs else inputs[:4] + inputs[-2:])
    run: list[str] = []
    for part in (inputs, lines):
        for name in (*part, ""):
            if name and name not in kept:
                run.append(name)
                continue
            if run:
                key = run[0] if len(run) == 1 else f"{run[0]}..{run[-1]}"
                answer[key] = tuple(run)
                run = []
            if name:
                answer[name] = (name,)
    return answer
