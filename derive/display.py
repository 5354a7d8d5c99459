"""Any object of the toolkit, shown: as text, LaTeX, HTML or a drawing. Notebooks and `derive.to_...` come here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from derive import tree as t
from derive.answers import Answer, Gradient
from derive.checks.findings import AnswerReport
from derive.document import Display, Document, Line, Picture, Walk
from derive.errors import UsageError
from derive.program import Program
from derive.step import Derivation
from derive.tree import Tree
from derive.worked import Worked, work_out
from derive.writing import shapes_of, tree_of_equation

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def document_of(target: Any, at: Mapping[str, Any] | str | None = None, **options: Any) -> Document:
    """The worked solution of a Program, Derivation, Worked, Answer or text; a Document is answered as it is.

    at : a point, as text "x1=1.5,x2=1/3" or a mapping from names to numbers or text; an Answer has its values.
    options : those of `derive.solutions.trace.trace_document`, and `digits`; for an Answer those of
        `derive.solutions.gradients.gradient_document`.
    """
    from derive.solutions.trace import trace_document

    if isinstance(target, Document):
        return target
    if isinstance(target, Answer):
        from derive.solutions.gradients import gradient_document

        if at is not None:
            raise UsageError("an answer has the values that derive.grad was given; name them there")
        return gradient_document(target, **options)
    if isinstance(target, Program) and target.is_indexed:
        if at is not None:
            raise UsageError("index equations are worked out at arrays by derive grad --values, not at a point")
        return Document("", (Display(tuple(map(Line, _relations(target)))),))
    worked = worked_of(target, at, options.pop("digits", 4))
    mode = target.mode if isinstance(target, Derivation) else "reverse" if worked.tangent is None else "both"
    options.setdefault("mode", mode)
    return trace_document(worked, **options)


def worked_of(target: Any, at: Mapping[str, Any] | str | None = None, digits: int = 4) -> Worked:
    """A Program, Derivation or text worked out at a point; a Worked is answered as it is."""
    if isinstance(target, Worked):
        return target
    if isinstance(target, Derivation):
        return work_out(target.primal, point_of(at), mode=target.mode, output=target.output, digits=digits)
    from derive.tracing import trace

    return work_out(trace(target), point_of(at), digits=digits)


def point_of(at: Mapping[str, Any] | str | None) -> dict[str, Tree]:
    """A point as exact constants; numbers of Python are taken as the decimals that they print."""
    if at is None:
        return {}
    from derive.reading.points import read_point
    from derive.reading.reader import read

    if isinstance(at, str):
        return read_point(at)
    return {
        name: value if isinstance(value, t.Operators) else read(str(value))  # type: ignore[misc]
        for name, value in at.items()
    }


def to_text(target: Any, at: Mapping[str, Any] | str | None = None, **options: Any) -> str:
    """The worked solution as aligned plain text."""
    from derive.textpage import to_text as write

    if isinstance(target, Answer):
        options.setdefault("figure", False)
    return write(document_of(target, at, code=options.pop("code", False), **options))


def to_latex(
    target: Any, at: Mapping[str, Any] | str | None = None, *, standalone: bool = False, **options: Any
) -> str:
    """LaTeX of a tree (the formula), or of anything else its worked solution, as a fragment or a whole file."""
    from derive.latex.document import to_latex as write
    from derive.latex.formulas import formula

    if isinstance(target, t.Operators):
        return formula(target)  # type: ignore[arg-type]
    return write(document_of(target, at, **options), standalone=standalone)


def to_html(target: Any, at: Mapping[str, Any] | str | None = None, *, fragment: bool = False, **options: Any) -> str:
    """The worked solution as one self-contained page, or as a fragment for a notebook; of a tree its MathML."""
    from derive.html.mathml import formula
    from derive.html.page import to_html as write

    if isinstance(target, t.Operators):
        return formula(target)  # type: ignore[arg-type]
    return write(document_of(target, at, **options), fragment=fragment)


def draw(target: Any, at: Mapping[str, Any] | str | None = None) -> Figure:
    """The computational graph as a matplotlib figure, with values and adjoints where a point is given."""
    from derive.document import Figure as FigureBlock
    from derive.drawing import figure_of

    return figure_of(
        target
        if isinstance(target, Picture)
        else next(
            block for block in document_of(target, at, code=False).blocks if isinstance(block, FigureBlock)
        ).picture
    )


def watch(target: Any, at: Mapping[str, Any] | str | None = None) -> Walk:
    """A walk through a derivation in a notebook: the graph, and line by line what is found and by which rules.

    target, at : as for `derive.to_text`.
    The walk is HTML without a script: it also works in an exported page. Arrow keys move it, as do its buttons.
    Raises UsageError where there is nothing to walk through: several outputs, or a program of very many lines.
    """
    from derive.solutions.frames import answer_walk, trace_walk

    if isinstance(target, Answer):
        if at is not None:
            raise UsageError("an answer has the values that derive.grad was given; name them there")
        return answer_walk(target)
    return trace_walk(worked_of(target, at))


def html_of(target: Any) -> str:
    """What a notebook shows for a Program, Derivation, Answer, a Gradient of it, what its check found, or a Walk."""
    if isinstance(target, AnswerReport):
        from derive.solutions.gradients import check_table

        return to_html(Document("", (check_table(target),)), fragment=True)
    if isinstance(target, Gradient):
        from derive.solutions.gradients import result_blocks

        return to_html(Document("", tuple(result_blocks(target))), fragment=True)
    if isinstance(target, Walk):
        from derive.html.watching import to_watch

        return to_watch(target)
    if isinstance(target, Answer):
        return to_html(target, fragment=True, code=False, detail="low")
    return to_html(target, fragment=True, code=False)


def latex_of(target: Any) -> str:
    """The lines of a Program, of a Derivation's sweep, or the gradients of an Answer, as aligned LaTeX."""
    from derive.latex.formulas import formula

    if isinstance(target, (Answer, Gradient)):
        answer, names = (target.answer, (target.name,)) if isinstance(target, Gradient) else (target, target.wrt)
        shown = [tree_of_equation(answer[name].equation, answer.notation, shapes=answer.shapes) for name in names]
        return _aligned([(formula(each.sides[0]), formula(each.sides[1])) for each in shown])
    if isinstance(target, Derivation):
        target = target.adjoint
    if not isinstance(target, Program):
        raise UsageError(f"{type(target).__name__} has no lines to show")
    return _aligned([(formula(side.sides[0]), formula(side.sides[1])) for side in _relations(target, 200)])


def _aligned(sides: list[tuple[str, str]]) -> str:
    lines = [f"{left} &= {right}" for left, right in sides]
    return "$$\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}$$"


def _relations(program: Program, most: int | None = None) -> Iterator[t.Relation]:
    """The lines as formulas `left = right`."""
    shapes = shapes_of(program) if program.is_indexed else {}
    for line in program.equations[:most]:
        if line.is_indexed:
            yield tree_of_equation(line, shapes=shapes)
        else:
            yield t.Relation((t.Name(line.name), line.tree))
