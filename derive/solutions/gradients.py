"""The worked solution of gradients: equations, the one rule, every adjoint with its steps, results, checks, code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from derive import terms
from derive import tree as t
from derive.answers import Answer, Gradient
from derive.document import (
    Block,
    Bullets,
    Cell,
    Display,
    Document,
    Figure,
    Heading,
    Inline,
    Line,
    Listing,
    Prose,
    Row,
    Table,
)
from derive.graph import picture_of
from derive.plain import formula
from derive.program import Equation, Program
from derive.rules import patterns
from derive.rules.matrices import matrix_form
from derive.seconds import Second
from derive.solutions.arrays import value_tables
from derive.solutions.page import MANY, Page
from derive.terms import Entry
from derive.writing import tree_of_term

if TYPE_CHECKING:
    from derive.checks.findings import AnswerReport


def gradient_document(
    answer: Answer,
    *,
    detail: str = "medium",
    checks: AnswerReport | None = None,
    code: bool = True,
    figure: bool = True,
) -> Document:
    """The solution as a lecturer hands it out.

    detail : "low" for equations and results, "medium" for a line per rule, "high" for all steps with their reasons.
    checks : what was found when the answer was checked.  code, figure : whether code and graph are part of it.
    """
    page = Page(answer, detail, checks.checked if checks is not None else {})
    blocks = [Heading("Equations"), *_statement(page)]
    if figure:
        blocks += _figure(page)
    if detail != "low":
        blocks += _derivation(page)
    blocks += [Heading("Result"), *_results(page)]
    for second in answer.seconds:
        blocks += _second(page, second)
    if answer.given is not None:
        blocks += [Heading("Values"), *value_tables(answer)]
    if checks is not None:
        blocks += [Heading("Checks"), check_table(checks)]
    if code:
        blocks += _listings(answer)
    return Document(answer.title or _title(page), tuple(blocks), walk=_walk(page))


def _without_returns(program: Program) -> tuple[Program, list[str]]:
    """The program without what a line reads of itself or of a later line, and these reads, as "s of s"."""
    known = set(program.input_names)
    lines, cut = [], []
    for line in program.equations:
        back = [name for name in line.reads if name not in known]
        cut += [f"{name} in {line.name}" for name in back]
        known.add(line.name)
        forward = [Entry(name) for name in line.reads if name not in back]
        lines.append(Equation(line.left, terms.add(*forward)) if back else line)
    return replace(program, equations=tuple(lines)), cut


def _title(page: Page) -> str:
    """`Gradients through Z by K and V`, `The gradient of L by w`."""
    what = "The gradient" if len(page.answer.wrt) == 1 else "Gradients"
    wrt = page.answer.wrt if len(page.answer.wrt) <= 4 else (*page.answer.wrt[:3], "others")
    by = f"{', '.join(wrt[:-1])} and {wrt[-1]}" if len(wrt) > 1 else "".join(wrt)
    through = f"of {page.made.loss}" if page.made.loss else f"through {', '.join(page.answer.program.upstream)}"
    return f"{what} {through} by {by}"


def _statement(page: Page) -> list[Block]:
    """The equations as typed, in indices where that says more, the shapes, and what is asked."""
    lines: list[Line] = []
    for line in page.answer.program.equations:
        indexed = page.equation(line)
        if line.written is None or formula(line.written) == formula(indexed):
            lines.append(Line(indexed))
            continue
        has_indices = any(isinstance(node, t.Subscript) for node in t.walk(line.written))
        counted = page.notation.base and has_indices
        lines.append(Line(page.renamed(line.written), "as written, indices from 0" if counted else "as written"))
        lines.append(Line(indexed, "indices from 1" if counted else "that is" if has_indices else "in indices"))
    blocks: list[Block] = [Display(tuple(lines))]
    blocks += [Bullets(((remark,),)) for remark in page.answer.program.remarks]
    blocks += [_arrays(page), Prose(tuple(_asked(page)))]
    return blocks


def _arrays(page: Page) -> Block:
    """Every array with its shape; those of one shape together."""
    names = [name for name in page.shapes if name in page.answer.program.heads or name in page.made.given]
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in names[:MANY]:
        alike.setdefault((*page.shapes[name], name in page.answer.program.integers), []).append(name)
    parts: list[Inline] = []
    for (*_, whole), members in alike.items():
        number = "" if page.shapes[members[0]] else ("a number" if len(members) == 1 else "numbers")
        parts += ["; " if parts else "", *page.names(members), " is " if len(members) == 1 else " are "]
        parts += [number] if number else page.shape(members[0])
        parts.append(" of whole numbers" if whole else "")
    parts.append(f"; and {len(names) - MANY} more arrays." if len(names) > MANY else ".")
    return Prose(tuple(part for part in parts if part != ""))


def _asked(page: Page) -> list[Inline]:
    """Which derivatives are wanted, and of what."""
    parts: list[Inline] = ["Wanted: the derivative of the loss"]
    if page.made.loss is not None:
        parts += [" ", page.name(page.made.loss)]
    parts += [" by ", *page.names(page.answer.wrt), "."]
    upstream = page.answer.program.upstream
    if upstream:
        parts.append(" Given is what comes down to ")
        parts.append("the output: " if len(upstream) == 1 else "the outputs: ")
        for place, (output, bar) in enumerate(upstream.items()):
            at = page.answer.heads[bar] if bar in page.made.given else page.answer.program.heads[output]
            parts += [", " if place else "", tree_of_term(replace(at, array=bar), page.notation)]
            parts += [", the derivative by ", tree_of_term(page.answer.program.heads[output], page.notation)]
        parts.append(".")
    return parts


def _figure(page: Page) -> list[Block]:
    """The graph of the equations: every array with its shape and its adjoint."""
    labels: dict[str, tuple[Inline, ...]] = {}
    program = page.answer.program
    for name in (*program.input_names, *program.by_name):
        lines: list[Inline] = [page.name(name)]
        if page.shapes[name]:  # as NumPy writes it: (3, n)
            lines.append(t.Call("", tuple(tree_of_term(extent, page.notation) for extent in page.shapes[name])))
        bar = page.made.names.get(name)
        if bar is not None and (bar in page.made.given or name in page.made.by_name):
            lines.append(page.name(bar))
        labels[name] = tuple(lines)
    caption = "The graph of the equations: every array with its shape, and below it its adjoint where it has one."
    described = "; ".join(f"{line.name} reads {', '.join(line.reads)}" for line in program.equations[:40])
    drawn, cut = _without_returns(program)
    if cut:
        caption += f" What a recurrence reads of its other steps is not drawn: {', '.join(cut)}."
    return [Figure(caption, picture_of(drawn, labels=labels, edge_labels={}), described)]


def _derivation(page: Page) -> list[Block]:
    blocks: list[Block] = [Heading("The one rule"), *_the_rule()]
    for line in page.made.lines:
        blocks.append(Heading(f"Adjoint of {line.of}", parts=("Adjoint of ", page.name(line.of))))
        for partial in line.partials:
            blocks.append(Prose((page.name(partial.of), " reads ", page.name(partial.by), ":")))
            blocks += page.chain(partial.steps)
        if line.own_steps:
            if line.partials:
                blocks.append(Prose(("Into the rule:",)))
            blocks += page.chain(line.own_steps, "the one rule")
        else:
            blocks.append(Display((Line(page.equation(line.equation)),)))
    return blocks


def _results(page: Page) -> list[Block]:
    """The formulas of every gradient, in indices, with limits, as matrices; their range; what they are again."""
    blocks: list[Block] = []
    for adjoint in page.made.lines:  # those on the way as well: the others speak of them
        blocks += _result(page, page.answer[adjoint.of])
    return blocks


def result_blocks(gradient: Gradient) -> list[Block]:
    """One gradient in every form that it has."""
    return _result(Page(gradient.answer, "medium", {}), gradient)


def _result(page: Page, gradient: Gradient) -> list[Block]:
    adjoint = gradient.adjoint
    lines = [Line(page.equation(gradient.equation))]
    if adjoint.ranged is not None:
        lines.append(Line(page.equation(adjoint.ranged), "limits of the sums", continued=True))
    if gradient.matrix is not None and gradient.equation.indices:
        whole = t.Relation((page.name(adjoint.name), page.renamed(gradient.matrix)))
        lines.append(Line(whole, "as a matrix" if len(gradient.equation.indices) > 1 else "as a vector"))
    said = [*page.ranges(gradient.equation), *_claim(page, gradient)]
    return [Display(tuple(lines)), *([Prose(tuple(said))] if said else [])]


def _claim(page: Page, gradient: Gradient) -> list[Inline]:
    """The convolution that a gradient is, in words."""
    if gradient.convolution is None:
        return []
    said = patterns.described(gradient.convolution)
    return [" ", *(part if isinstance(part, str) else page.renamed(part) for part in said), "."]


def _second(page: Page, second: Second) -> list[Block]:
    """The steps to a second derivative, and the result."""
    by = (second.of,) if second.by == second.of else (second.of, second.by)
    blocks: list[Block] = [
        Heading(f"Second derivative by {' and '.join(by)}", parts=("Second derivative by ", *page.names(by)))
    ]
    if page.detail != "low":
        blocks += [*page.chain(second.steps), Prose(("So:",))]
    lines = [Line(page.equation(second.equation))]
    whole = matrix_form(second.equation, page.answer.heads)
    if whole is not None and len(second.equation.indices) == 2:
        left = t.Derivative(page.name(page.made.names[second.of]), page.name(second.by))
        lines.append(Line(t.Relation((left, page.renamed(whole))), "as a matrix"))
    return [*blocks, Display(tuple(lines)), Prose(tuple(page.ranges(second.equation)))]


def _walk(page: Page) -> tuple[tuple[str, str, tuple[Inline, ...]], ...]:
    """Forward through the equations, and back through the adjoints."""
    stops: list[tuple[str, str, tuple[Inline, ...]]] = []
    for line in page.answer.program.equations[:MANY]:
        stops.append(("forward", line.name, (page.equation(line),)))
    for adjoint in page.made.lines[:MANY]:
        stops.append(("reverse", adjoint.of, (page.equation(adjoint.equation),)))
    return tuple(stops)


def _the_rule() -> list[Block]:
    i, m = t.Name("i"), t.Name("m")
    partial = t.Derivative(t.Subscript("Y", (i,)), t.Subscript("X", (m,)))
    body = t.Product((("*", t.Subscript("Y_bar", (i,))), ("*", partial)))
    rule = t.Reduction("sum", ("Y",), t.Reduction("sum", ("i",), body))
    return [
        Prose(
            (
                "The adjoint of ", t.Name("X"), " adds up, over every equation ", t.Name("Y"), " that reads ",
                t.Name("X"), " and over all indices ", t.Name("i"), " of ", t.Name("Y"),
                ", the adjoint of the reader times its partial derivative:",
            )
        ),
        Display((Line(t.Relation((t.Subscript("X_bar", (m,)), rule))),)),
    ]  # fmt: skip


def check_table(report: AnswerReport) -> Table:
    """What was held against what, and whether it held."""
    rows = [Row(tuple(Cell(cell) for cell in cells)) for cells in report.rows()]
    header = tuple(Cell(cell) for cell in ("check", "result", "verdict"))
    return Table("", "lll", tuple(rows), header)


def _listings(answer: Answer) -> list[Block]:
    """All gradients as one NumPy and one torch function."""
    sources = [(title, answer.code(target)) for target, title in (("numpy", "NumPy"), ("torch", "torch"))]
    listings = [Listing(f"The gradients in {title}.", code.text) for title, code in sources if code is not None]
    return [Heading("Code"), *listings] if listings else []
