"""Statements for the lines of a network that one kernel of a library computes, in place where a value is dead.

A line that is not recognised is written by the general lowering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from derive import terms
from derive.codegen.network_patterns import (
    Spell,
    activation,
    affine,
    log_softmax,
    mask,
    matrices,
    mean_of_labels,
    residual,
    softmax,
    summed,
)
from derive.program import Equation
from derive.terms import Reduce

#: Functions that a library has in place; the derivatives of the activations among them are said by their own value.
IN_PLACE = ("relu", "tanh", "sigmoid", "exp")
NUMPY_IN_PLACE = {"relu": "np.maximum({0}, 0.0{1})", "tanh": "np.tanh({0}{1})", "exp": "np.exp({0}{1})"}
Dead = Callable[[str], bool]


@dataclass(frozen=True)
class Kernel:
    """A statement. write(spell, is_dead) -> text, where `spell` gives identifiers of arrays.

    reads : the arrays that it reads.  gives : adjoints that it computes besides.  targets : what it assigns to, if not
    the line's own array.  kept, uses : names of the forward pass that no equation has, such as the places of maxima;
    those that it makes, and those that it is the last to read.  after : further statements, of the line's own array.
    """

    reads: frozenset[str]
    write: Callable[[Spell, Dead], str]
    gives: tuple[str, ...] = ()
    targets: Callable[[Spell], str] | None = None
    kept: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    after: Callable[[str, Spell], list[str]] | None = None


def torch_kernel(line: Equation, parameters: Mapping[str, str]) -> Kernel | None:
    """The kernel of a line. parameters : adjoint of a parameter -> the parameter: these go into given buffers."""
    target = f', out=out.get("{parameters[line.name]}")' if line.name in parameters else ""
    if found := affine(line):
        bias, one, two = found
        return Kernel(
            frozenset(terms.reads(line.term)), lambda at, dead: f"torch.addmm({at(bias)}, {one(at)}, {two(at)})"
        )
    if sums := summed(line):
        array, axes = sums
        which = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})"
        return Kernel(frozenset({array}), lambda at, dead: f"torch.sum({at(array)}, {which}{target})")
    if isinstance(line.term, Reduce) and (pair := matrices(line.term, line.indices)):
        left, right = pair
        return Kernel(terms.reads(line.term), lambda at, dead: f"torch.mm({left(at)}, {right(at)}{target})")
    return _torch_entrywise(line) or _torch_loss(line)


def _torch_entrywise(line: Equation) -> Kernel | None:
    applied = activation(line)
    if applied and applied[0] in IN_PLACE:
        function, array = applied
        return Kernel(
            frozenset({array}),
            lambda at, dead: f"{at(array)}.{function}_()" if dead(array) else f"torch.{function}({at(array)})",
        )
    if masked := mask(line):
        array, sign = masked
        return Kernel(
            frozenset(masked),
            lambda at, dead: f"torch.ops.aten.threshold_backward.default({at(array)}, {at(sign)}, 0)",
        )
    return None


def _torch_loss(line: Equation) -> Kernel | None:
    if array := log_softmax(line):
        return Kernel(frozenset({array}), lambda at, dead: f"torch.log_softmax({at(array)}, dim=1)")
    if array := softmax(line):
        return Kernel(frozenset({array}), lambda at, dead: f"torch.softmax({at(array)}, dim=1)")
    if labelled := mean_of_labels(line):  # it refuses a label that is no class
        chances, labels = labelled
        return Kernel(frozenset(labelled), lambda at, dead: f"F.nll_loss({at(chances)}, {at(labels)})")
    if labelled := residual(line):
        chances, labels = labelled

        def write(at: Spell, dead: Dead) -> str:
            y, held = at(labels), at(chances) if dead(chances) else f"{at(chances)}.clone()"
            minus = f"{at(chances)}.new_full(({y}.shape[0], 1), -1.0)"
            return f"{held}.scatter_add_(1, {y}[:, None], {minus}).div_({y}.shape[0])"

        return Kernel(frozenset(labelled), write)
    return None


def numpy_kernel(line: Equation) -> Kernel | None:
    """Lines that NumPy computes in place; the general lowering has its words for all others."""
    if found := affine(line):
        bias, one, two = found
        return Kernel(
            frozenset(terms.reads(line.term)), lambda at, dead: f"{one(at)} @ {two(at)}",
            after=lambda own, at: [f"{own} += {at(bias)}"],
        )  # fmt: skip
    if isinstance(line.term, Reduce) and (pair := matrices(line.term, line.indices)):
        left, right = pair
        return Kernel(terms.reads(line.term), lambda at, dead: f"{left(at)} @ {right(at)}")
    applied = activation(line)
    if applied and applied[0] in NUMPY_IN_PLACE:
        function, array = applied
        return Kernel(
            frozenset({array}),
            lambda at, dead: NUMPY_IN_PLACE[function].format(at(array), f", out={at(array)}" if dead(array) else ""),
        )
    if masked := mask(line):
        array, sign = masked
        return Kernel(
            frozenset(masked),
            lambda at, dead: (
                f"np.multiply({at(array)}, {at(sign)} > 0, out={at(array)})" if dead(array)
                else f"{at(array)} * ({at(sign)} > 0)"
            ),
        )  # fmt: skip
    if labelled := residual(line):
        chances, labels = labelled
        return Kernel(
            frozenset(labelled),
            lambda at, dead: at(chances) if dead(chances) else f"{at(chances)}.copy()",
            after=lambda own, at: [
                f"{own}[np.arange(len({at(labels)})), {at(labels)}] -= 1.0",
                f"{own} /= len({at(labels)})",
            ],
        )
    return None
