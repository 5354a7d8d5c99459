"""Where derivatives begin: the loss, or the outputs and the names of the gradients that come down to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from derive import tree as t
from derive.names import adjoint_names
from derive.program import Equation
from derive.reading.extents import Extents
from derive.reading.kinds import axes_text
from derive.reading.programs import ProgramText
from derive.tree import Tree
from derive.words import CONSTANTS


def outputs_of(
    text: ProgramText, equations: Sequence[Equation], extents: Extents
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The outputs, and the names of the gradients that come down to them."""
    ranks = {equation.name: len(equation.indices) for equation in equations}
    taken = {*text.inputs, *text.sizes, *text.shapes, *ranks}
    for name, gradient in text.upstream.items():
        _check_upstream(text, name, gradient, ranks, extents)
    if text.loss:
        if ranks[text.loss]:
            line = next(line for line in text.lines if line.name == text.loss)
            message = f"the loss {text.loss} has {axes_text(ranks[text.loss])}; a loss is one number, so write "
            raise text.error(f"{message}upstream {text.loss} = G, or sum its entries on a line of its own", line.left)
        return (text.loss, *(name for name in text.upstream if name != text.loss)), dict(text.upstream)
    if text.upstream:
        return tuple(text.upstream), dict(text.upstream)
    read = {name for line in text.lines for name in line.needs if name != line.name}
    last = [line for line in text.lines if line.name not in read] or list(text.lines[-1:])
    constants = {line.name for line in text.lines if _is_constant(line.right)}
    last = [line for line in last if line.name not in constants] or last
    final = max(last, key=lambda line: line.number)
    if not ranks[final.name]:
        return (final.name,), {}
    names = tuple(line.name for line in last)
    return names, adjoint_names(names, taken=taken)


def _is_constant(tree: Tree) -> bool:
    """`eps = 1e-5`, `c = 2*pi`."""
    return all(not isinstance(n, (t.Subscript, t.Reduction, t.Call)) for n in t.walk(tree)) and all(
        n.text in CONSTANTS for n in t.walk(tree) if isinstance(n, t.Name)
    )


def _check_upstream(text: ProgramText, name: str, gradient: str, ranks: Mapping[str, int], extents: Extents) -> None:
    line = next(line for line in text.lines if line.name == name)
    if gradient in ranks or gradient in text.sizes:
        raise text.error(f"{gradient} is a value already, and cannot be the gradient by {name}; rename it", line.left)
    if gradient in text.shapes:
        declared, own = extents.axes[gradient], extents.axes[name]
        if [axis.known for axis in declared] != [axis.known for axis in own]:
            shapes = f"{name} is {extents.shape_text(name) or 'a number'} and {gradient} is "
            shapes += extents.shape_text(gradient) or "a number"
            raise text.error(f"the gradient by {name} has the shape of {name}: {shapes}", line.left)
