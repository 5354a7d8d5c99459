"""Any object of the toolkit, shown: as text, LaTeX, HTML or a drawing. Notebooks and `derive.to_...` come here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from derive import tree as t
from derive.answers import Answer
from derive.document import Display, Document, Line, Picture
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
    digits = options.pop("digits", 4)
    mode: str | None = None
    if isinstance(target, Derivation):
        mode = target.mode
        worked = work_out(target.primal, point_of(at), mode=mode, output=target.output, digits=digits)
    elif isinstance(target, Worked):
        worked = target
    else:
        from derive.tracing import trace

        worked = work_out(trace(target), point_of(at), digits=digits)
    options.setdefault("mode", mode or ("reverse" if worked.tangent is None else "both"))
    return trace_document(worked, **options)


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


def html_of(target: Any) -> str:
    """What a notebook shows for a Program, Derivation or Answer."""
    if isinstance(target, Answer):
        return to_html(target, fragment=True, code=False, detail="low")
    return to_html(target, fragment=True, code=False)


def latex_of(target: Any) -> str:
    """The lines of a Program, of a Derivation's sweep, or the gradients of an Answer, as aligned LaTeX."""
    from derive.latex.formulas import formula

    if isinstance(target, Answer):
        shown = [tree_of_equation(target[name].equation, target.notation, shapes=target.shapes) for name in target.wrt]
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
