"""The worked solution of a trace: graph, forward trace, tangents, reverse trace, gradient, steps, checks, code."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from derive import tree as t
from derive.document import (
    Block,
    Bullets,
    Cell,
    Display,
    Document,
    Figure,
    Folded,
    Heading,
    Inline,
    Line,
    Listing,
    Prose,
    Row,
    Table,
)
from derive.graph import local_partials, node_lines, picture_of
from derive.program import Program
from derive.solutions.tables import (
    forward_table,
    jacobian_table,
    letter_of,
    number,
    numbers_of,
    reverse_table,
    tangent_table,
)
from derive.step import Step
from derive.tree import Tree
from derive.worked import Worked

if TYPE_CHECKING:
    from derive.checks.report import CheckReport

#: A stepper walks through at most this many lines.
LONGEST_WALK = 200
#: A formula with more parts than this is cut out of prose; its trace shows it anyway.
LONG_FORMULA = 400


def trace_document(
    worked: Worked,
    *,
    title: str = "",
    subtitle: str = "",
    mode: str = "both",
    steps: bool = False,
    code: bool = True,
    checks: CheckReport | None = None,
    remarks: tuple[Block, ...] = (),
) -> Document:
    """The solution as a lecturer hands it out.

    mode : "reverse", "forward" or "both" - which derivatives are shown.  steps : the steps behind each adjoint line.
    code : the NumPy function at the end.  checks : a report to be shown.  remarks : blocks that follow the gradient.
    """
    program = worked.program
    blocks: list[Block] = [*_statement(worked), Heading("Computational graph"), _figure(worked)]
    blocks += [Heading("Forward trace"), forward_table(worked)]
    for step in program.steps:
        blocks.append(_regrouped(step))
    if program.remarks:
        blocks.append(Bullets(tuple((remark,) for remark in program.remarks)))
    if mode in ("forward", "both") and worked.tangent is not None:
        rule = (*_TANGENT_RULE, _TANGENT_COLUMNS) if worked.tangent_values else _TANGENT_RULE
        blocks += [Heading("Tangent trace"), Prose(rule), tangent_table(worked)]
    if mode in ("reverse", "both"):
        for output in worked.adjoints:
            name = program.label(output)
            several = len(worked.adjoints) > 1
            blocks.append(Heading(f"Reverse trace of {name}" if several else "Reverse trace"))
            if not several or output == worked.output:
                blocks.append(Prose(_adjoint_rule(letter_of(program))))
            blocks.append(reverse_table(worked, output))
    if len(worked.adjoints) == 1:
        blocks += [Heading("Gradient"), _gradient(worked, mode)]
    elif worked.has_point:
        blocks += [Heading("Jacobian"), jacobian_table(worked)]
    blocks += remarks
    if steps:
        blocks += [Heading("Steps behind the lines"), *_rules(worked, mode, checks), *_steps(worked, mode)]
    if checks is not None:
        blocks += [Heading("Checks"), check_table(checks)]
    if code:
        blocks += _code(worked)
    return Document(title or "Evaluation trace and gradient", tuple(blocks), subtitle, _walk(worked, mode))


def _adjoint_rule(letter: str) -> tuple[Inline, ...]:
    partial = t.Derivative(t.Name(f"{letter}_j"), t.Name(f"{letter}_i"))
    total = t.Reduction("sum", ("j",), t.Product((("*", t.Name(f"{letter}bar_j")), ("*", partial))))
    return (
        "The adjoint of a node is the sum, over the lines that read it, of the line's adjoint times its local ",
        "partial: ",
        t.Relation((t.Name(f"{letter}bar_i"), total)),
        ", where ",
        t.Name("j"),
        " runs over the lines that read node ",
        t.Name("i"),
        ". The sweep begins with adjoint 1 at the output.",
    )


_TANGENT_RULE: tuple[Inline, ...] = (
    "The tangent of a line is the sum, over its operands, of the operand's tangent times the local partial.",
)
_TANGENT_COLUMNS = " Each input is one column: its own tangent is 1, those of the other inputs are 0."


def _statement(worked: Worked) -> list[Block]:
    """The function and the point."""
    program = worked.program
    blocks: list[Block] = []
    for tree in program.written:
        if sum(1 for _ in t.walk(tree)) > LONG_FORMULA:
            continue
        side = tree if isinstance(tree, t.Relation) else t.Relation((t.Name(program.label(program.outputs[0])), tree))
        blocks.append(Display((Line(side),)))
    if worked.at:
        parts: list[Inline] = ["evaluated at "]
        shown = list(worked.at.items())[:12]
        for place, (node, tree) in enumerate(shown):
            parts += [", " if place else "", t.Relation((t.Name(program.label(node)), tree))]
        if len(shown) < len(worked.at):
            parts.append(f" and {len(worked.at) - len(shown)} more inputs")
        parts.append(
            f". Values are rounded to {worked.digits} decimals" + ("." if worked.certified else ", from plain floats.")
        )
        blocks.append(Prose(tuple(parts)))
    return blocks


def _gradient(worked: Worked, mode: str) -> Block:
    """The derivatives of the output: the last lines of the reverse sweep, or the last line of the forward one."""
    program = worked.program
    if mode == "forward" and worked.tangent is not None and not worked.has_point:
        dot = worked.tangent.names[worked.output]
        return Prose(("The derivative by an input is ", t.Name(dot), " with that input's tangent 1 and all others 0."))
    label = t.Name(program.label(worked.output))
    lines = []
    for node in program.input_names[:24]:
        value = worked.adjoint(node)
        if mode == "forward":
            lines.append(Line(t.Relation((t.Derivative(label, t.Name(program.label(node))), number(worked, value)))))
            continue
        sides: tuple[Tree, ...] = (
            t.Derivative(label, t.Name(program.label(node))), t.Name(worked.derivation.names[node])
        )  # fmt: skip
        lines.append(Line(t.Relation(sides if value is None else (*sides, number(worked, value)))))
    if len(program.input_names) > len(lines):
        return Prose((f"The last {len(program.input_names)} lines of the reverse trace are the gradient.",))
    return Display(tuple(lines)) if lines else Prose(("The function has no inputs, and so no gradient.",))


def _figure(worked: Worked) -> Figure:
    program = worked.program
    values = adjoints = names = None
    if worked.has_point:
        values = {name: number(worked, value) for name, value in worked.values.items()}
    if worked.has_point and len(worked.adjoints) == 1:
        names = dict(worked.derivation.names)
        known = worked.adjoint_values[worked.output]
        adjoints = {node: number(worked, known[bar]) for node, bar in names.items() if bar in known}
    picture = picture_of(
        program, labels=node_lines(program, values, adjoints, names), edge_labels=local_partials(program)
    )
    what = "node with its value and its adjoint" if adjoints else "node with its value" if values else "node"
    caption = f"The computational graph: every {what}, every edge with its local partial."
    return Figure(caption, picture, _described(program))


def _described(program: Program) -> str:
    from derive.plain import formula

    lines = [f"{line.name} = {formula(line.tree)}" for line in program.equations[:40]]
    return "; ".join(lines) + ("; and so on" if len(program) > 40 else "")


def _regrouped(step: Step) -> Prose:
    return Prose(
        (
            "The line ",
            t.Relation((t.Name(step.after.name), step.after.tree)),
            " stands for ",
            step.before.tree,
            ": " + step.reason + ".",
        )
    )


def _rules(worked: Worked, mode: str, checks: CheckReport | None) -> list[Block]:
    """The rules that the steps use, as sentences, and whether the steps were run."""
    derivation = worked.tangent if mode == "forward" and worked.tangent is not None else worked.derivation
    rules = {part.rule.name: part.rule for step in derivation.steps for part in step.flat()}
    blocks: list[Block] = [Bullets(tuple((f"{rule.name}: {rule.statement}.",) for rule in rules.values()))]
    ran = checks.as_data()["steps"] if checks is not None else None
    if ran:
        sentence = f"Each step was run on numbers, both sides at several points: {ran['held']} of {ran['run']} hold."
        blocks.append(Prose((sentence,)))
    return blocks


def _steps(worked: Worked, mode: str) -> list[Block]:
    """For each derivative line the chain of equal right-hand sides, the rule beside each."""
    derivations = list(worked.adjoints.values()) if mode != "forward" else []
    if mode == "forward" and worked.tangent is not None:
        derivations.append(worked.tangent)
    return [
        Folded(f"{step.before.name}: {step.reason}", (chain(step),))
        for derivation in derivations
        for step in derivation.steps
    ]


def chain(step: Step) -> Display:
    """A derivative's equal right-hand sides, beside each the rule that leads to it."""
    lines = [Line(t.Relation((t.Name(step.before.name), step.before.tree)))] if step.substeps else []
    last = step.before.tree
    for part in step.substeps or (step,):
        if part.after.tree != last:
            side = t.Relation((t.Name(step.before.name), part.after.tree))
            lines.append(Line(side, part.rule.name, continued=bool(lines)))
        last = part.after.tree
    return Display(tuple(lines))


def check_table(report: CheckReport) -> Table:
    """What the gradient was held against, and how far apart the two were."""
    rows = [Row(tuple(Cell(cell) for cell in cells)) for cells in report.rows()]
    header = tuple(Cell(cell) for cell in ("check", "result", "verdict"))
    return Table("Independent checks of the gradient.", "lll", tuple(rows), header)


def _code(worked: Worked) -> list[Block]:
    """The function in NumPy, a call of it at the point, and the same in torch where torch is installed."""
    from derive.codegen.lowering import lower
    from derive.codegen.source import Source
    from derive.codegen.to_numpy import NUMPY
    from derive.codegen.to_torch import TORCH

    if len(worked.program) > LONGEST_WALK:
        return []
    target = worked.derivation if len(worked.adjoints) == 1 else worked.program
    caption = "Value and gradient in {}, each line with the line of the trace it computes."
    blocks: list[Block] = [
        Heading("Code"),
        Listing(caption.format("NumPy"), Source(lower(target), NUMPY, "function").text),
    ]
    if worked.has_point:
        arguments = ", ".join(repr(worked.number(worked.values[node])) for node in worked.program.input_names)
        blocks.append(Listing("At the point: the value, and the derivative by each input.", f"function({arguments})"))
    if find_spec("torch") is not None:  # a notebook runs its listings; torch itself is not loaded to print one
        source = Source(lower(target), TORCH, "function_torch").text
        blocks.append(Listing(caption.format("torch"), source))
    return blocks


def _walk(worked: Worked, mode: str) -> tuple[tuple[str, str, tuple[Inline, ...]], ...]:
    """The order in which a stepper visits the nodes: forward through the trace, then back through the adjoints."""
    program = worked.program
    if len(program) > LONGEST_WALK or len(worked.adjoints) != 1:
        return ()
    numbers = numbers_of(worked, worked.values, worked.adjoint_values.get(worked.output, {}))

    def said(name: str, formula: Tree | None) -> tuple[Inline, ...]:
        sides = [t.Name(name), formula, numbers.get(name)]
        kept = list(dict.fromkeys(side for side in sides if side is not None))
        return (t.Relation(tuple(kept)),) if len(kept) > 1 else (kept[0],)

    visits: list[tuple[str, str, tuple[Inline, ...]]] = []
    for node in program.input_names:
        label = program.label(node)
        visits.append(("forward", node, said(node, t.Name(label) if label != node else None)))
    visits += [("forward", line.name, said(line.name, line.tree)) for line in program]
    if mode in ("reverse", "both"):
        derivation = worked.derivation
        node_for = {bar: node for node, bar in derivation.names.items()}
        visits += [("reverse", node_for[line.name], said(line.name, line.tree)) for line in derivation.adjoint]
    return tuple(visits)
