"""The value of a rank-0 Program, line by line, in any arithmetic: floats, complex numbers, certified balls.

No cleverness: this is the literal meaning that everything else is held against. An arithmetic F supplies the functions
and decides signs; `derive.functions` supplies the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from derive import tree as t
from derive.arithmetic import FLOATS, OutsideDomain, violated
from derive.errors import DomainError, UndecidedError, UsageError
from derive.functions import ALIASES, COMPARISONS, OPERATIONS, Operation, Requirement
from derive.indicators import (
    Undefined,
    has_indicators,
    is_false,
    is_indicator,
    partial_vanishes,
    vanishes,
    vanishing,
)
from derive.program import Accumulation, Elementary, Equation, Program
from derive.step import Derivation
from derive.tree import Tree


def evaluate(
    program: Program,
    inputs: Mapping[str, Any],
    F: Any = FLOATS,
    *,
    check: bool = True,
    vanished: Collection[str] | None = None,
) -> dict[str, Any]:
    """The value of every name of a rank-0 program.

    inputs : a number of the arithmetic F for each input.  check : whether operands are tested against the domains
        (a complex step has none).  vanished : those of the inputs that are false products, if there may be any.
    A line without a value that only false indicators read is Undefined.
    Raises DomainError, naming node, operand and value, where a line has no value or no derivative.
    """
    gated = vanished is not None or has_indicators(program)
    return _evaluated(program, inputs, F, check=check, gone=set(vanished or ()) if gated else None)


def sweep(
    derivation: Derivation,
    values: Mapping[str, Any],
    F: Any = FLOATS,
    seeds: Mapping[str, Any] | None = None,
    *,
    of: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """The value of every derivative line, beside those of the primal program that are given.

    values : what `evaluate` gives for the primal program.  seeds : a number for each open seed.
    of : what is taken of each local partial: abs for the sum of the sizes of all paths; itself if None.
    Raises DomainError where a derivative that the outputs need does not exist.
    """
    primal = derivation.primal
    gone = vanishing(primal, values) if has_indicators(primal) else None
    return _evaluated(derivation.adjoint, {**values, **(seeds or {})}, F, check=True, gone=gone, of=of)


def _evaluated(
    program: Program,
    inputs: Mapping[str, Any],
    F: Any,
    *,
    check: bool,
    gone: set[str] | None,
    of: Callable[[Any], Any] | None = None,
) -> dict[str, Any]:
    """gone : the vanishing lines, which elementary lines add to; None where there is no indicator to make any."""
    missing = [name for name in program.input_names if name not in inputs]
    if missing:
        raise UsageError(f"{program.label(missing[0])} has no value")
    values = dict(inputs)
    constants: dict[Tree, Any] = {}
    kept = getattr(F, "kept", None)  # an exact arithmetic shortens what grew too long

    def value_of(operand: Any) -> Any:
        if operand.__class__ is str:
            return values[operand]
        found = constants.get(operand)
        if found is None:
            found = constants[operand] = F.constant(operand)
        return found

    def partial(line: Equation, slot: int) -> Any:
        value = local_value(F, line, slot, value_of, program, check=check)
        return value if of is None else of(value)

    for line in program.equations:
        source = line.source
        if gone is not None:
            value = _gated(F, line, value_of, partial, program, gone, check=check)
        elif source.__class__ is Elementary:
            value = _elementary_value(F, line, value_of, program, check=check)
        elif source.__class__ is Accumulation:
            value = None if source.seed is None else value_of(source.seed)
            for factor, reader, slot in source.terms:
                product = values[factor] * partial(reader, slot)
                value = product if value is None else value + product
            if value is None:
                value = F.constant(t.Number("0"))
        else:
            value = tree_value(F, line.tree, values)
        values[line.name] = value if kept is None else kept(value)
    if gone is not None:
        for output in program.outputs:
            if isinstance(found := values.get(output), Undefined):
                raise found.error
    return values


def _elementary_value(F: Any, line: Equation, value_of: Any, program: Program, *, check: bool) -> Any:
    operation, operands = line.source
    given = tuple([value_of(operand) for operand in operands])
    if check:
        for requirement in operation.value_domain:
            _require(F, requirement, given, line, program, derivative=False)
    try:
        return operation.value(F, *given)
    except (OutsideDomain, ValueError, ZeroDivisionError, OverflowError) as reason:
        raise _undefined(F, line, given, str(reason), program, derivative=False) from reason
    except UndecidedError as reason:
        raise _undecided(line, reason) from reason


def _gated(
    F: Any, line: Equation, value_of: Any, partial: Any, program: Program, gone: set[str], *, check: bool
) -> Any:
    """The value of one line where a false indicator may absorb what is undefined: see `derive.indicators`."""
    source = line.source
    try:
        if source.__class__ is Elementary:
            if vanishes(line, gone):
                gone.add(line.name)
                return F.constant(t.Number("0"))
            if (carried := _carried(map(value_of, source.operands))) is not None:
                return carried
            value = _elementary_value(F, line, value_of, program, check=check)
            if is_indicator(line) and is_false(value):
                gone.add(line.name)
            return value
        if source.__class__ is Accumulation:
            total = None if source.seed is None else value_of(source.seed)
            for factor, reader, slot in source.terms:
                if factor in gone or partial_vanishes(reader, slot, gone):
                    continue
                read = (factor, reader.name, *reader.source.operands)
                if (carried := _carried(map(value_of, read))) is not None:
                    return carried
                product = value_of(factor) * partial(reader, slot)
                total = product if total is None else total + product
            if total is None:
                gone.add(line.name)
                return F.constant(t.Number("0"))
            return total
        carried = _carried(map(value_of, line.reads))
        return tree_value(F, line.tree, {name: value_of(name) for name in line.reads}) if carried is None else carried
    except (DomainError, UndecidedError) as error:
        return Undefined(error)


def _carried(values: Iterable[Any]) -> Undefined | None:
    """The first that has no value."""
    return next((value for value in values if value.__class__ is Undefined), None)


def local_value(F: Any, line: Equation, slot: int, value_of: Any, program: Program, *, check: bool = True) -> Any:
    """The local partial of an elementary line by one operand, as a number."""
    operation, operands = line.source
    given = tuple([value_of(operand) for operand in operands])
    if check:
        for requirement in operation.derivative_domain:
            _require(F, requirement, given, line, program, derivative=True)
    try:
        return operation.partials[slot](F, *given, value_of(line.name))
    except (OutsideDomain, ValueError, ZeroDivisionError, OverflowError) as reason:
        raise _undefined(F, line, given, str(reason), program, derivative=True) from reason
    except UndecidedError as reason:
        raise _undecided(line, reason, "derivative of ") from reason


def _undecided(line: Equation, reason: UndecidedError, what: str = "") -> UndecidedError:
    """The same doubt, with the line it is about."""
    from derive.plain import formula

    return UndecidedError(f"{what}{line.name} = {formula(line.tree)} cannot be decided: {reason.message}")


def tree_value(F: Any, tree: Tree, values: Mapping[str, Any]) -> Any:
    """The value of a scalar tree of names; a pending partial derivative must be among the values as "d a/d b"."""
    done: list[Any] = []
    stack: list[tuple[Tree, bool]] = [(tree, False)]
    while stack:
        node, ready = stack.pop()
        if isinstance(node, t.Derivative):
            done.append(values[derivative_key(node)])
            continue
        if isinstance(node, t.Number):
            done.append(F.constant(node))
            continue
        if isinstance(node, t.Name):
            done.append(values[node.text] if node.text in values else F.constant(node))
            continue
        below = t.children(node)
        if not ready:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(below))
            continue
        operands = done[len(done) - len(below) :]
        del done[len(done) - len(below) :]
        done.append(_applied(F, node, operands))
    return done[0]


def derivative_key(node: t.Derivative) -> str:
    """Under which name the value of a pending derivative is looked up."""
    match node:
        case t.Derivative(of=t.Name(text=of), by=t.Name(text=by)):
            return f"d {of}/d {by}"
    raise UsageError("only derivatives of names by names have a value")


def _applied(F: Any, node: Tree, operands: list[Any]) -> Any:
    match node:
        case t.Negative():
            return -operands[0]
        case t.Sum(terms=terms):
            total = operands[0] if operands else F.constant(t.Number("0"))
            for (sign, _), operand in zip(terms[1:], operands[1:], strict=True):
                total = total + operand if sign == "+" else total - operand
            return total
        case t.Product(factors=factors):
            total = operands[0]
            for (operator, _), operand in zip(factors[1:], operands[1:], strict=True):
                if operator == "/":
                    if F.order(operand, 0) == 0:
                        raise DomainError("division by zero")
                    total = total / operand
                else:
                    total = total * operand
            return total
        case t.Power():
            return F.power(*operands)
        case t.Call(function=name):
            return OPERATIONS[ALIASES.get(name, name)].value(F, *operands)
        case t.Indicator(operators=operators):
            held = [COMPARISONS[operator].value(F, *operands[k : k + 2]) for k, operator in enumerate(operators)]
            return min(held)
    raise UsageError(f"a {type(node).__name__.lower()} has no scalar value")


def _require(
    F: Any, requirement: Requirement, given: tuple[Any, ...], line: Equation, program: Program, *, derivative: bool
) -> None:
    try:
        outside = violated(F, requirement, given)
    except UndecidedError as reason:
        raise _undecided(line, reason) from reason
    if outside:
        raise _undefined(F, line, given, requirement.sentence, program, derivative=derivative, slot=requirement.slot)


def _undefined(
    F: Any, line: Equation, given: tuple[Any, ...], reason: str, program: Program, *, derivative: bool, slot: int = 0
) -> DomainError:
    """`v_2 = log(v_1) has no value: v_1 = -0.5, and log needs a positive operand`."""
    from derive.plain import formula

    operation: Operation = line.source.operation
    operand = line.source.operands[slot]
    shown = operand if isinstance(operand, str) else formula(operand)
    what = "derivative" if derivative else "value"
    name = operation.name if not operation.infix else {"div": "", "pow": "a power "}.get(operation.name, "")
    label = f" ({program.label(shown)})" if program.label(shown) != shown else ""
    sentence = f"{name} {reason}".strip() if not operation.infix else f"{name}{reason}"
    value = F.show(given[slot])
    at = f"{shown}{label} is {value}" if isinstance(operand, str) else f"the operand is {shown}"
    return DomainError(
        f"{line.name} = {formula(line.tree)} has no {what}: {at}, and {sentence}"
        if operation.name != "div"
        else f"{line.name} = {formula(line.tree)} has no {what}: {at} (division by zero)",
        node=line.name,
        operand=shown,
        value=value,
    )
