"""A trace and its derivatives at a point: every number certified, so that every printed digit is right.

The whole trace is evaluated in balls; where a value does not round uniquely, all is done again with more bits.
Without python-flint the values are plain floats, and say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from derive.adjoints import node_of, reverse
from derive.errors import DomainError, MissingPartError, UndecidedError, UsageError
from derive.evaluate import FLOATS, OutsideDomain, evaluate, tree_value
from derive.program import Program
from derive.rounding import decimal_text, to_float
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
        """A value with its digits correctly rounded."""
        digits = self.digits if digits is None else digits
        if (printed := giant_text(value, digits)) is not None:
            return printed
        low, high = interval(value)
        if low is None or high is None:
            return str(float(value)) if isinstance(value, float) else "inf"
        printed = decimal_text(low, high, digits)
        if printed is None and low <= 0 <= high:  # nothing tells it from 0, which it is to all printed decimals
            printed = f"{0:.{digits}f}"
        if printed is None:  # a tie that no precision settles
            middle = (low + high) / 2
            printed = decimal_text(middle, middle, digits)
        return printed or "0"

    def number(self, value: Any) -> float | None:
        """The double nearest to a value; infinities and nan as they are; None for None."""
        if value is None:
            return None
        if (size := giant(value)) is not None:
            return 0.0 if size < 0 else float("inf") if value > 0 else float("-inf")
        low, high = interval(value)
        if low is None or high is None:
            return float(value) if isinstance(value, float) else float("inf")
        nearest = to_float(low, high)
        if nearest is None:
            middle = (low + high) / 2
            nearest = to_float(middle, middle)
        return nearest


#: A ball whose binary exponent is beyond this is no double, and its exact ends would fill the memory.
GIANT = 1 << 17


def giant(value: Any) -> int | None:
    """The sign of the exponent of a ball that is far beyond every double (1) or far below (-1); None for others."""
    if not hasattr(value, "mid") or not value.is_finite() or value.contains(0):
        return None
    mantissa, exponent = value.mid().man_exp()
    size = int(exponent) + int(mantissa).bit_length()
    return None if abs(size) <= GIANT else 1 if size > 0 else -1


def giant_text(value: Any, digits: int) -> str | None:
    """Such a ball in scientific notation: Arb's decimals with twelve to spare, correctly rounded; else None."""
    if giant(value) is None:
        return None
    from decimal import ROUND_HALF_EVEN, Context, Decimal

    context = Context(prec=digits + 1, rounding=ROUND_HALF_EVEN, Emax=10**17, Emin=-(10**17))
    return f"{context.plus(Decimal(value.str(digits + 13, radius=False))):.{digits}e}"


def interval(value: Any) -> Any:
    """The exact ends of a value of any kind."""
    from fractions import Fraction
    from math import isfinite

    if isinstance(value, float):
        return (Fraction(value), Fraction(value)) if isfinite(value) else (None, None)
    if isinstance(value, (int, Fraction)):
        return Fraction(value), Fraction(value)
    from derive.balls import ends  # a ball can only have come from there

    return ends(value)


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
        return _with_numbers(worked, FLOATS, certified=False, bits=53)


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
    from derive.balls import Balls

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
            if all(_settled(value, worked.digits) for value in _all_values(last)):
                return last
    if last is None and doubt is not None:
        raise doubt
    return last or worked


def _settled(value: Any, digits: int) -> bool:
    if giant(value) is not None:
        return bool(value.rel_accuracy_bits() > 4 * (digits + 16))
    low, high = interval(value)
    if low is None:
        return False
    if to_float(low, high) is None:
        return False
    return decimal_text(low, high, digits) is not None or bool(low <= 0 <= high)


def _all_values(worked: Worked) -> Sequence[Any]:
    tables = (worked.values, *worked.adjoint_values.values(), *worked.tangent_values.values())
    return [value for table in tables for value in table.values()]


def _with_numbers(worked: Worked, F: Any, *, certified: bool, bits: int) -> Worked:
    """One evaluation of everything in the arithmetic F."""
    program = worked.program
    require_branches(program, {name: _given(program, name, tree, F) for name, tree in worked.at.items()}, F)
    values = evaluate(program, {name: _given(program, name, tree, F) for name, tree in worked.at.items()}, F)
    adjoint_values = {}
    for output, derivation in worked.adjoints.items():
        found = evaluate(derivation.adjoint, values, F)
        adjoint_values[output] = {line.name: found[line.name] for line in derivation.adjoint}
    tangent_values = {}
    if worked.tangent is not None:
        names = worked.tangent.names
        for name in program.input_names:
            seeds = {names[other]: F.exact(int(other == name)) for other in program.input_names}
            found = evaluate(worked.tangent.adjoint, {**values, **seeds}, F)
            tangent_values[name] = {dot: found[dot] for dot in names.values()}
    return Worked(
        program, worked.adjoints, worked.tangent, worked.at, worked.digits,
        values, adjoint_values, tangent_values, certified, bits,
    )  # fmt: skip
