"""The worked solution of gradients: equations, the one rule, every adjoint with its steps, results, checks, code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from derive import terms
from derive import tree as t
from derive.aligned import aligned
from derive.answers import Answer, Gradient
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
from derive.graph import picture_of
from derive.plain import formula
from derive.program import Equation, Program
from derive.rules import patterns
from derive.rules.matrices import matrix_form
from derive.seconds import Second
from derive.solutions.arrays import value_tables
from derive.solutions.chains import folded
from derive.step import Step
from derive.terms import Entry
from derive.tree import Tree
from derive.writing import tree_of_equation, tree_of_term

if TYPE_CHECKING:
    from derive.checks.answers import AnswerReport

#: More names than this are not listed in a sentence.
MANY = 24


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
    page = _Page(answer, detail, checks.checked if checks is not None else {})
    blocks = [Heading("Equations"), *page.statement()]
    if figure:
        blocks += page.figure()
    if detail != "low":
        blocks += page.derivation()
    blocks += [Heading("Result"), *page.results()]
    for second in answer.seconds:
        blocks += page.second(second)
    if answer.given is not None:
        blocks += [Heading("Values"), *value_tables(answer)]
    if checks is not None:
        blocks += [Heading("Checks"), check_table(checks)]
    if code:
        blocks += _listings(answer)
    return Document(answer.title or page.title(), tuple(blocks), walk=page.walk())


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


class _Page:
    """What all parts of one page share: its notation, its shapes, and which steps held."""

    def __init__(self, answer: Answer, detail: str, checked: Mapping[int, bool]) -> None:
        self.answer, self.detail, self.checked = answer, detail, checked
        self.made, self.notation, self.shapes = answer.derivation, answer.notation, answer.shapes

    # --- pieces -------------------------------------------------------------------------------------------------------

    def name(self, name: str) -> Tree:
        """A whole array under the notation: a bar, a delta, or a partial derivative."""
        return tree_of_term(Entry(name), self.notation)

    def names(self, names: Iterable[str]) -> list[Inline]:
        """`x`, `y` and `z`."""
        listed = list(names)
        shown, more = listed[:MANY], len(listed) - MANY
        parts: list[Inline] = []
        for place, name in enumerate(shown):
            last = place == len(shown) - 1 and more <= 0
            parts += [(" and " if last else ", ") if place else "", self.name(name)]
        return [part for part in parts if part != ""] + ([f" and {more} more"] if more > 0 else [])

    def equation(self, equation: Equation) -> t.Relation:
        return tree_of_equation(equation, self.notation, shapes=self.shapes)

    def renamed(self, tree: Tree) -> Tree:
        """A whole-array formula with the names that the notation gives."""

        def change(node: Tree) -> Tree:
            return self.name(node.text) if isinstance(node, t.Name) and node.text in self.shapes else node

        return t.transformed(tree, change)

    def shape(self, name: str) -> list[Inline]:
        """`3 × n`, `(n - 2) × 4`, or `a number`."""
        parts: list[Inline] = []
        for extent in self.shapes[name]:
            tree = tree_of_term(extent, self.notation)
            times = " × " if parts else ""
            compound = t.binding(tree) <= t.SUM and len(self.shapes[name]) > 1
            parts += [f"{times}(", tree, ")"] if compound else [times, tree]
        return [part for part in parts if part != ""] or ["a number"]

    def chain(self, steps: Iterable[Step], opening: str = "") -> list[Block]:
        """The steps as aligned formulas; at high detail the reasons and conditions below.

        opening : what stands beside the first formula.
        """
        shown = folded(steps, self.detail)
        display = aligned(shown, self.notation, shapes=self.shapes)
        lines = display.lines
        if opening and lines and not lines[0].reason:
            lines = (replace(lines[0], reason=opening), *lines[1:])
        blocks: list[Block] = [Display(lines)] if lines else []
        failed = [step for step in shown if any(self.checked.get(id(part)) is False for part in step.flat())]
        if failed:
            names = ", ".join(step.rule.name for step in failed)
            blocks.append(Prose((f"Run on numbers, these steps do not hold: {names}.",)))
        if self.detail == "high" and shown:
            blocks.append(Folded("Why each line follows", (Bullets(tuple(map(_why, shown))),)))
        return blocks

    # --- the parts ----------------------------------------------------------------------------------------------------

    def title(self) -> str:
        """`Gradients through Z by K and V`, `The gradient of L by w`."""
        what = "The gradient" if len(self.answer.wrt) == 1 else "Gradients"
        wrt = self.answer.wrt if len(self.answer.wrt) <= 4 else (*self.answer.wrt[:3], "others")
        by = f"{', '.join(wrt[:-1])} and {wrt[-1]}" if len(wrt) > 1 else "".join(wrt)
        through = f"of {self.made.loss}" if self.made.loss else f"through {', '.join(self.answer.program.upstream)}"
        return f"{what} {through} by {by}"

    def statement(self) -> list[Block]:
        """The equations as typed, in indices where that says more, the shapes, and what is asked."""
        lines: list[Line] = []
        for line in self.answer.program.equations:
            indexed = self.equation(line)
            if line.written is None or formula(line.written) == formula(indexed):
                lines.append(Line(indexed))
                continue
            lines.append(Line(self.renamed(line.written), "as written"))
            has_indices = any(isinstance(node, t.Subscript) for node in t.walk(line.written))
            lines.append(Line(indexed, "that is" if has_indices else "in indices"))
        blocks: list[Block] = [Display(tuple(lines))]
        blocks += [Bullets(((remark,),)) for remark in self.answer.program.remarks]
        blocks += [self.arrays(), Prose(tuple(self.asked()))]
        return blocks

    def arrays(self) -> Block:
        """Every array with its shape; those of one shape together."""
        names = [name for name in self.shapes if name in self.answer.program.heads or name in self.made.given]
        alike: dict[tuple[object, ...], list[str]] = {}
        for name in names[:MANY]:
            alike.setdefault((*self.shapes[name], name in self.answer.program.integers), []).append(name)
        parts: list[Inline] = []
        for (*_, whole), members in alike.items():
            number = "" if self.shapes[members[0]] else ("a number" if len(members) == 1 else "numbers")
            parts += ["; " if parts else "", *self.names(members), " is " if len(members) == 1 else " are "]
            parts += [number] if number else self.shape(members[0])
            parts.append(" of whole numbers" if whole else "")
        parts.append(f"; and {len(names) - MANY} more arrays." if len(names) > MANY else ".")
        return Prose(tuple(part for part in parts if part != ""))

    def asked(self) -> list[Inline]:
        """Which derivatives are wanted, and of what."""
        parts: list[Inline] = ["Wanted: the derivative of the loss"]
        if self.made.loss is not None:
            parts += [" ", self.name(self.made.loss)]
        parts += [" by ", *self.names(self.answer.wrt), "."]
        upstream = self.answer.program.upstream
        if upstream:
            parts.append(" Given is what comes down to ")
            parts.append("the output: " if len(upstream) == 1 else "the outputs: ")
            for place, (output, bar) in enumerate(upstream.items()):
                at = self.answer.heads[bar] if bar in self.made.given else self.answer.program.heads[output]
                parts += [", " if place else "", tree_of_term(replace(at, array=bar), self.notation)]
                parts += [", the derivative by ", tree_of_term(self.answer.program.heads[output], self.notation)]
            parts.append(".")
        return parts

    def figure(self) -> list[Block]:
        """The graph of the equations: every array with its shape and its adjoint."""
        labels: dict[str, tuple[Inline, ...]] = {}
        program = self.answer.program
        for name in (*program.input_names, *program.by_name):
            lines: list[Inline] = [self.name(name)]
            if self.shapes[name]:  # as NumPy writes it: (3, n)
                lines.append(t.Call("", tuple(tree_of_term(extent, self.notation) for extent in self.shapes[name])))
            bar = self.made.names.get(name)
            if bar is not None and (bar in self.made.given or name in self.made.by_name):
                lines.append(self.name(bar))
            labels[name] = tuple(lines)
        caption = "The graph of the equations: every array with its shape, and below it its adjoint where it has one."
        described = "; ".join(f"{line.name} reads {', '.join(line.reads)}" for line in program.equations[:40])
        drawn, cut = _without_returns(program)
        if cut:
            caption += f" What a recurrence reads of its other steps is not drawn: {', '.join(cut)}."
        return [Figure(caption, picture_of(drawn, labels=labels, edge_labels={}), described)]

    def derivation(self) -> list[Block]:
        blocks: list[Block] = [Heading("The one rule"), *_the_rule()]
        for line in self.made.lines:
            blocks.append(Heading(f"Adjoint of {line.of}"))
            for partial in line.partials:
                blocks.append(Prose((self.name(partial.of), " reads ", self.name(partial.by), ":")))
                blocks += self.chain(partial.steps)
            if line.own_steps:
                if line.partials:
                    blocks.append(Prose(("Into the rule:",)))
                blocks += self.chain(line.own_steps, "the one rule")
            else:
                blocks.append(Display((Line(self.equation(line.equation)),)))
        return blocks

    def results(self) -> list[Block]:
        """The formulas of every gradient, in indices, with limits, as matrices; their range; what they are again."""
        blocks: list[Block] = []
        for adjoint in self.made.lines:  # those on the way as well: the others speak of them
            gradient = self.answer[adjoint.of]
            lines = [Line(self.equation(gradient.equation))]
            if adjoint.ranged is not None:
                lines.append(Line(self.equation(adjoint.ranged), "limits of the sums", continued=True))
            if gradient.matrix is not None and gradient.equation.indices:
                whole = t.Relation((self.name(adjoint.name), self.renamed(gradient.matrix)))
                lines.append(Line(whole, "as a matrix" if len(gradient.equation.indices) > 1 else "as a vector"))
            blocks.append(Display(tuple(lines)))
            said = [*self.ranges(gradient.equation), *self.claim(gradient)]
            blocks += [Prose(tuple(said))] if said else []
        return blocks

    def ranges(self, equation: Equation) -> list[Inline]:
        """How far the free indices run: `for k = 0, ..., 2 and l = 0, ..., n - 1.`"""
        parts: list[Inline] = []
        for place, index in enumerate(equation.indices):
            first, last = (tree_of_term(end + self.notation.base) for end in (index.lower, index.stop - 1))
            parts.append("For " if not place else " and " if place == len(equation.indices) - 1 else ", ")
            parts += [t.Relation((t.Name(index.name), first)), *([] if first == last else [", …, ", last])]
        return [*parts, "."] if parts else []

    def claim(self, gradient: Gradient) -> list[Inline]:
        """The convolution that a gradient is, in words."""
        if gradient.convolution is None:
            return []
        said = patterns.described(gradient.convolution)
        return [" ", *(part if isinstance(part, str) else self.renamed(part) for part in said), "."]

    def second(self, second: Second) -> list[Block]:
        """The steps to a second derivative, and the result."""
        blocks: list[Block] = [
            Heading(f"Second derivative by {second.of}" + (f" and {second.by}" if second.by != second.of else ""))
        ]
        if self.detail != "low":
            blocks += [*self.chain(second.steps), Prose(("So:",))]
        lines = [Line(self.equation(second.equation))]
        whole = matrix_form(second.equation, self.answer.heads)
        if whole is not None and len(second.equation.indices) == 2:
            left = t.Derivative(self.name(self.made.names[second.of]), self.name(second.by))
            lines.append(Line(t.Relation((left, self.renamed(whole))), "as a matrix"))
        return [*blocks, Display(tuple(lines)), Prose(tuple(self.ranges(second.equation)))]

    def walk(self) -> tuple[tuple[str, str, tuple[Inline, ...]], ...]:
        """Forward through the equations, and back through the adjoints."""
        stops: list[tuple[str, str, tuple[Inline, ...]]] = []
        for line in self.answer.program.equations[:MANY]:
            stops.append(("forward", line.name, (self.equation(line),)))
        for adjoint in self.made.lines[:MANY]:
            stops.append(("reverse", adjoint.of, (self.equation(adjoint.equation),)))
        return tuple(stops)


def _why(step: Step) -> tuple[Inline, ...]:
    """`contract the delta — of the sum over k only k = m is left. Needed: 0 <= m < P.`"""
    needed = "; ".join(step.conditions)
    where = f" Needed: {needed}." if needed else ""
    return (f"{step.rule.name} — {step.reason}.{where}",)


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
