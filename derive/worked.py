"""A trace and its derivatives at a point: every number certified, so that every printed digit is right.

The whole trace is evaluated in balls; where a value does not round uniquely, all is done again with more bits.
Without python-flint the values are plain floats, and say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from derive.adjoints import node_of, reverse
from derive.arithmetic import FLOATS, OutsideDomain
from derive.balls import Balls
from derive.enclosures import known, nearest_double, printed_text
from derive.errors import DomainError, MissingPartError, UndecidedError, UsageError
from derive.evaluate import evaluate, sweep, tree_value
from derive.indicators import Undefined
from derive.program import Program
from derive.step import Derivation
from derive.tangents import forward
from derive.tree import Tree

#: Working precisions, in bits; the last is enough to see that a value below the smallest double is one.
PRECISIONS = (192, 768, 3072, 8192)
#: Above this many inputs tangents are worked out only on request: they are one column each.
MANY_INPUTS = 10


@dataclass(frozen=True)
class Worked:
    """Values are kept as exact rationals or balls (floats where python-flint is missing); None without a point.

    adjoints : output -> Derivation of one reverse sweep.  tangent : the forward Derivation, or None if not asked for.
    values : node -> value.  adjoint_values : output -> name of the adjoint -> value.
    tangent_values : input node -> name of the tangent -> value.
    digits : decimals that printed values are certain in.
    """

    program: Program
    adjoints: Mapping[str, Derivation]
    tangent: Derivation | None
    at: Mapping[str, Tree]
    digits: int = 4
    values: Mapping[str, Any] = field(default_factory=dict)
    adjoint_values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tangent_values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    certified: bool = True
    bits: int = 0

    def _repr_html_(self) -> str:
        from derive.display import html_of  # a product, asked for only by notebooks

        return html_of(self)

    @property
    def has_point(self) -> bool:
        return bool(self.values) or not self.program.inputs

    @property
    def output(self) -> str:
        """The first output: the only one in most programs."""
        return next(iter(self.adjoints), self.program.outputs[0])

    @property
    def derivation(self) -> Derivation:
        return self.adjoints[self.output]

    def adjoint(self, node: str, output: str | None = None) -> Any:
        """The adjoint of a node as a value, 0 where the output does not depend on it; None without a point."""
        output = output or self.output
        if not self.has_point:
            return None
        return self.adjoint_values[output].get(self.adjoints[output].names[node], 0)

    def text(self, value: Any, digits: int | None = None) -> str:
        """A value with its digits correctly rounded; "undefined" where a false indicator hides that there is none.

        Raises UndecidedError for a ball that rounds more than one way, DomainError for an infinity or nan.
        """
        if isinstance(value, Undefined):
            return "undefined"
        printed = printed_text(value, self.digits if digits is None else digits)
        if printed is None:
            raise UndecidedError(f"the digits of a value cannot be decided: it is only known as {known(value)}")
        return printed

    def number(self, value: Any) -> float | None:
        """The double nearest to a value, infinite for one beyond all doubles; None for None and Undefined.

        Raises UndecidedError for a ball that several doubles may be nearest to, DomainError for an infinity or nan.
        """
        if value is None or isinstance(value, Undefined):
            return None
        nearest = nearest_double(value)
        if nearest is None:
            raise UndecidedError(f"the double nearest to a value cannot be decided: it is only known as {known(value)}")
        return nearest


def work_out(
    program: Program,
    at: Mapping[str, Tree] | None = None,
    *,
    mode: str | None = None,
    output: str | None = None,
    digits: int = 4,
) -> Worked:
    """Differentiate a trace, and put numbers to every line.

    at : input (node or label) -> exact constant tree; None or empty for symbols only.
    mode : "reverse", "forward" or "both"; if None, both for few inputs and reverse for many.
    output : the node or label to differentiate; all outputs if None.
    digits : decimals of printed values.
    Raises UsageError for an input without a value, DomainError where a line has none.
    """
    outputs = (node_of(program, output),) if output is not None else program.outputs
    adjoints = {name: reverse(program, name) for name in outputs}
    mode = mode or ("both" if len(program.inputs) <= MANY_INPUTS else "reverse")
    tangent = forward(program) if mode in ("forward", "both") else None
    given = point(program, at or {})
    worked = Worked(program, adjoints, tangent, given, digits)
    return worked if not given and program.inputs else evaluated(worked)


def evaluated(worked: Worked) -> Worked:
    """The same derivations with certified numbers at the point they hold; with floats where python-flint is missing."""
    try:
        return _certified(worked)
    except MissingPartError:
        plain = _with_numbers(worked, FLOATS, certified=False, bits=53)
        for name, value in _named(plain):
            if not isinstance(value, Undefined) and not isfinite(value):
                told = f"{name} is {value} in doubles; certified digits need python-flint"
                raise DomainError(told, node=name) from None
        return plain


def point(program: Program, at: Mapping[str, Tree]) -> dict[str, Tree]:
    """The given values by node, in order of the inputs; every input has one, or none has."""
    given: dict[str, Tree] = {}
    labels = {program.label(name): name for name in program.input_names}
    for name, value in at.items():
        node = labels.get(name, name)
        if node in given:
            raise UsageError(f"{name} is given two values")
        if node not in program.input_names:
            continue
        given[node] = value
    missing = [program.label(name) for name in program.input_names if name not in given]
    if at and missing:
        from derive.reading.points import nearest

        unused = [name for name in at if labels.get(name, name) not in program.input_names]
        close = nearest(missing[0], unused)
        hint = (
            f"; did you mean {missing[0]} where you wrote {close}?" if close else f"; add {missing[0]}=... to the point"
        )
        raise UsageError(f"{missing[0]} has no value{hint}")
    unknown = [name for name in at if labels.get(name, name) not in program.input_names]
    if unknown:
        raise UsageError(f"{unknown[0]} is no input; the inputs are {', '.join(labels) or 'none'}")
    return {name: given[name] for name in program.input_names if name in given}


def require_branches(program: Program, point: Mapping[str, Any], F: Any) -> None:
    """Raise DomainError where a recorded function would have taken another branch than at the point of recording."""
    for branch in program.branches:
        found = evaluate(branch.sides, point, F)
        left, right = (found[output] for output in branch.sides.outputs)
        if bool(F.holds(branch.comparison, left, right)) != branch.taken:
            was, now = ("true", "false") if branch.taken else ("false", "true")
            raise DomainError(
                f"the function branches at {branch.sentence}: the comparison {branch.comparison} was {was} when it was "
                f"recorded and is {now} at this point; record it again with at= this point"
            )


def _given(program: Program, name: str, tree: Tree, F: Any) -> Any:
    """The value of an input in the arithmetic F, exactly as given: 1/3, pi/4, sqrt(2)."""
    try:
        return F.exact(tree_value(F, tree, {}))
    except (DomainError, OutsideDomain, ZeroDivisionError, OverflowError, ValueError) as reason:
        raise DomainError(f"the value given for {program.label(name)} is undefined: {reason}", node=name) from reason


def _certified(worked: Worked) -> Worked:
    """Try precision after precision until every value rounds uniquely."""
    last: Worked | None = None
    doubt: UndecidedError | None = None
    for bits in PRECISIONS:
        balls = Balls(bits)
        with balls.precision():
            try:
                last = _with_numbers(worked, balls, certified=True, bits=bits)
            except UndecidedError as reason:
                doubt = reason
                continue
            if next(_unsettled(last), None) is None:
                return last
    if last is None:
        raise doubt or UndecidedError("the values cannot be decided")
    for name, value in _unsettled(last):
        if isinstance(value, Undefined):
            raise value.error
        raise UndecidedError(f"{name} cannot be decided: with {last.bits} bits it is only known as {known(value)}")
    return last


def _unsettled(worked: Worked) -> Iterator[tuple[str, Any]]:
    """The names whose value rounds more than one way, as printed decimal or as double."""
    for name, value in _named(worked):
        if isinstance(value, Undefined):
            if isinstance(value.error, UndecidedError) and worked.bits < PRECISIONS[-1]:
                yield name, value
        elif nearest_double(value) is None or printed_text(value, worked.digits) is None:
            yield name, value


def _named(worked: Worked) -> Iterator[tuple[str, Any]]:
    for table in (worked.values, *worked.adjoint_values.values(), *worked.tangent_values.values()):
        yield from table.items()


def _with_numbers(worked: Worked, F: Any, *, certified: bool, bits: int) -> Worked:
    """One evaluation of everything in the arithmetic F."""
    program = worked.program
    require_branches(program, {name: _given(program, name, tree, F) for name, tree in worked.at.items()}, F)
    values = evaluate(program, {name: _given(program, name, tree, F) for name, tree in worked.at.items()}, F)
    adjoint_values = {}
    for output, derivation in worked.adjoints.items():
        found = sweep(derivation, values, F)
        adjoint_values[output] = {line.name: found[line.name] for line in derivation.adjoint}
    tangent_values = {}
    if worked.tangent is not None:
        names = worked.tangent.names
        for name in program.input_names:
            seeds = {names[other]: F.exact(int(other == name)) for other in program.input_names}
            found = sweep(worked.tangent, values, F, seeds)
            tangent_values[name] = {dot: found[dot] for dot in names.values()}
    return Worked(
        program, worked.adjoints, worked.tangent, worked.at, worked.digits,
        values, adjoint_values, tangent_values, certified, bits,
    )  # fmt: skip
