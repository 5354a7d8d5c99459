"""What a function on arrays takes and answers: which lines it needs, the shapes, and where each size is read off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from derive import terms
from derive.errors import UsageError
from derive.integers import Index, Integer, IntegerEntry, Size, floor, integer
from derive.program import Equation, Program, name_of
from derive.terms import Entry


@dataclass(frozen=True)
class Signature:
    """lines : the equations to compute, in order.  heads : every array at its own indices."""

    lines: tuple[Equation, ...]
    arguments: tuple[str, ...]
    results: tuple[str, ...]
    heads: Mapping[str, tuple[Index, ...]]
    integers: frozenset[str]

    @property
    def shapes(self) -> dict[str, tuple[Integer, ...]]:
        return {name: tuple(index.stop for index in indices) for name, indices in self.heads.items()}


def signature(
    equations: Sequence[Equation], program: Program, arguments: Sequence[str] | None, results: Sequence[str] | None
) -> Signature:
    """The lines that the results need, and the names that nothing computes.

    Raises UsageError for a result or argument that is not there, and for an array that is no box.
    """
    lines = {line.name: line for line in (*program.equations, *equations)}
    heads = _heads(program, lines.values())
    wanted = tuple(results) if results is not None else tuple(line.name for line in equations)
    for name in wanted:
        if name not in lines:
            raise UsageError(f"{name} is not among the equations, which give {', '.join(lines)}")
    given = set(arguments or ())
    for name in given - set(heads):
        raise UsageError(f"{name} is no array of the equations, which have {', '.join(heads)}")
    needed: set[str] = set()
    read: set[str] = set()
    stack = [name for name in wanted if name not in given]
    while stack:
        name = stack.pop()
        if name in needed:
            continue
        needed.add(name)
        for other in _reads(lines[name]):
            if other in lines and other not in given:
                stack.append(other)
            elif other in heads:
                read.add(other)
            else:
                raise UsageError(f"{name} reads {other}, which neither the program nor an equation gives")
    found = tuple(arguments) if arguments is not None else tuple(name for name in heads if name in read)
    for name in sorted(read - set(found)):
        raise UsageError(f"{name} is read, but it is not among the arguments {', '.join(found)}")
    ordered = tuple(line for name, line in lines.items() if name in needed)
    integers = frozenset(program.integers)
    return Signature(ordered, found, wanted, heads, integers)


def _reads(line: Equation) -> tuple[str, ...]:
    """Arrays that are read, those in subscripts and in the limits of sums too."""
    seen = dict.fromkeys(terms.reads_in_order(line.term))
    for node in terms.walk(line.term):
        for index in terms.bound_in(node):
            for part in (index.lower, index.stop):
                seen.update(dict.fromkeys(a.array for a in part.atoms() if isinstance(a, IntegerEntry)))
    return tuple(seen)


def _heads(program: Program, lines: Iterable[Equation]) -> dict[str, tuple[Index, ...]]:
    found = {name: _indices(head) for name, head in program.heads.items()}
    for output, name in program.upstream.items():
        if output in found:
            found.setdefault(name, found[output])
    found |= {line.name: line.indices for line in lines}
    for name, indices in found.items():
        for index in indices:
            for part in (index.lower, index.stop):
                if any(isinstance(atom, Index) or (isinstance(atom, IntegerEntry) and atom.indices)
                       for atom in part.atoms()):  # fmt: skip
                    raise UsageError(f"the extent of {name} along {index.name} is not the same everywhere; "
                                     "give the layers one by one")  # fmt: skip
    return found


def _indices(head: Entry) -> tuple[Index, ...]:
    answer = tuple(part.index for part in head.indices)
    assert all(answer), head
    return answer  # type: ignore[return-value]


# --- sizes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sizes:
    """unpacked : array -> per axis the size that it shows, or None.  worked : (size, array, axis, its formula).

    extra : arrays that are arguments only for their shape.  named : sizes that no shape shows.
    """

    unpacked: dict[str, list[str | None]]
    worked: list[tuple[str, str, int, Integer]]
    extra: list[str]
    named: list[str]


def sizes_of(wanted: Iterable[str], found: Signature, program: Program) -> Sizes:
    """Where each wanted size is read off: an axis that it is, else an axis whose extent has it as only unknown."""
    missing = list(dict.fromkeys(wanted))
    answer = Sizes({}, [], [], [])
    inputs = [name_of(each) for each in program.inputs]
    others = [name for name in inputs if name not in found.arguments]
    for arrays in (list(found.arguments), others):
        for array in arrays:
            extents = found.shapes[array]
            shown: list[str | None] = []
            for extent in extents:
                atom = extent.alone
                name = atom.name if isinstance(atom, Size) else None
                shown.append(name if name in missing else None)
                if name in missing:
                    missing.remove(name)
            if any(shown):
                answer.unpacked[array] = shown
                if array in others:
                    answer.extra.append(array)
    for name in list(missing):
        place = _solvable(name, found, missing)
        if place is not None:
            answer.worked.append((name, *place))
            missing.remove(name)
    answer.named.extend(missing)
    return answer


def _solvable(name: str, found: Signature, missing: Sequence[str]) -> tuple[str, int, Integer] | None:
    """An axis of extent a*name + b, with a number a: name = (extent - b)/a."""
    for array in found.arguments:
        for axis, extent in enumerate(found.shapes[array]):
            size = next((a for a in extent.atoms() if isinstance(a, Size) and a.name == name), None)
            linear = None if size is None else extent.linear(size)
            if linear is None or (linear[0].value or 0) <= 0 or set(linear[1].names) & set(missing):
                continue
            own = Size("", 0)  # stands for the axis's length
            return array, axis, floor(integer(own) - linear[1], linear[0])
    return None
