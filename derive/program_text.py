"""A program of index equations as a file in the plain notation: declarations, then its equations in order.

What is written reads back to equations with the same values, where the plain notation has words for them: it has none
for opaque functions, winners, arrays that begin at 1 or are ragged, nor for a max, min or product whose index runs over
a part of an axis in which it stands alone.
"""

from __future__ import annotations

from derive.integers import Integer, Size
from derive.plain import formula
from derive.program import Program
from derive.writing import shapes_of, tree_of_equation


def text_of(program: Program) -> str:
    """The program as text that `derive grad --file` reads. A shape that is no list of numbers and sizes is left out."""
    shapes = shapes_of(program)
    lines = [f"{name} : {_shape(shape)}" for name, shape in shapes.items() if all(map(_is_plain, shape))]
    lines += [formula(tree_of_equation(equation, shapes=shapes)) for equation in program]
    lines += [f"upstream {output} = {gradient}" for output, gradient in program.upstream.items()]
    if not program.upstream:
        lines += [f"loss {output}" for output in program.outputs if not shapes[output]]
    return "\n".join(lines) + "\n"


def _shape(shape: tuple[Integer, ...]) -> str:
    return " x ".join(_extent(extent) for extent in shape) or "scalar"


def _extent(extent: Integer) -> str:
    size = extent.alone
    return size.name if isinstance(size, Size) else str(extent.value)


def _is_plain(extent: Integer) -> bool:
    return extent.value is not None or isinstance(extent.alone, Size)
