"""A file of equations: `NAME = expr`, `NAME[i,j] = expr`, `W : m x n`, `upstream Z = G`, `loss L`, in any order."""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from derive import tree as t
from derive import words
from derive.errors import ReadingError
from derive.names import NAME_PATTERN
from derive.reading.lexer import Line, Token, reading_error, scan
from derive.reading.reader import naming_file, read_line
from derive.reading.scope import free_names
from derive.tree import Tree

#: The extent of an axis: a number, or the name of a size.
Size = int | str

#: A declared size beyond this is a slip of the pen.
LARGEST_SIZE = 1_000_000


@dataclass(frozen=True, slots=True)
class ProgramLine:
    """`left = right = claims...`; claims are what the author says the right side also equals.

    number : of the line in the file.  needs : other names that the right side reads, in order of appearance.
    """

    name: str
    left: t.Name | t.Subscript
    right: Tree
    claims: tuple[Tree, ...]
    written: t.Relation
    number: int
    needs: tuple[str, ...]

    @property
    def indices(self) -> tuple[str, ...]:
        """The index names on the left; empty for `NAME = expr`."""
        if isinstance(self.left, t.Name):
            return ()
        return tuple(index.text for index in self.left.indices if isinstance(index, t.Name))


@dataclass(frozen=True, slots=True)
class ProgramText:
    """What a file says.

    lines : in an order in which each needs only what stands before it, the author's own where that is one.
    inputs : names that no line defines, by first appearance.  sizes : names of extents, usable as numbers.
    shapes : declared name -> its extents, () for a scalar.  upstream : name -> name of its upstream gradient.
    loss : the name after `loss`, or None.  remarks : what a reader must know, such as that the lines were reordered.
    sources : the physical lines, for errors that are found later.  numbers : sizes whose values are known.
    """

    lines: tuple[ProgramLine, ...]
    inputs: tuple[str, ...]
    sizes: tuple[str, ...]
    shapes: Mapping[str, tuple[Size, ...]]
    upstream: Mapping[str, str]
    loss: str | None
    remarks: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    file: str | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "\n".join(self.sources).strip()

    def error(self, message: str, tree: Tree) -> ReadingError:
        """An error at a piece of the text."""
        at = tree.at or t.Span(1, 1, 2)
        error = reading_error(message, self.sources, at.line, at.column, max(at.end - at.column, 1))
        error.file = self.file
        return error


def read_program(
    text: str,
    *,
    shapes: Mapping[str, Sequence[Size]] | None = None,
    given: Mapping[str, Sequence[int]] | None = None,
    upstream: Mapping[str, str] | None = None,
    file: str | None = None,
) -> ProgramText:
    """Read a file of equations. Raises ReadingError with line, column and what to write instead.

    shapes : declarations from elsewhere; a number there for a size that is named here says what the size is.
    given : the shapes of arrays whose values are known, which say the same; names that no line mentions are left out.
    upstream : further upstream gradients, {"Z": "G"}.
    Refused: a name given two values or declared twice, a line that is no equation, a cycle.
    """
    with naming_file(file):
        lines = scan(text)
        if not lines:
            raise ReadingError("there is nothing to read; write equations such as q = x*y")
        declarations: dict[str, tuple[Size, ...]] = {}
        declared_in: dict[str, int] = {}
        gradients: dict[str, tuple[str, Line]] = {}
        losses: list[Line] = []
        equations: list[Line] = []
        for line in lines:
            kinds = [token.kind for token in line.tokens[:2]]
            first = line.tokens[0].text
            if kinds == ["NAME", "COLON"]:
                if first in declared_in:
                    message = f"{first} is declared twice, in lines {declared_in[first]} and {line.number}"
                    raise line.error(message, line.tokens[0])
                declared_in[first] = line.number
                declarations[first] = _shape(line)
            elif kinds == ["NAME", "NAME"] and first == "upstream":
                _upstream(line, gradients)
            elif kinds == ["NAME", "NAME"] and first == "loss":
                losses.append(line)
            else:
                equations.append(line)
        seeds = _seeds(gradients, upstream or {})
        mentioned = {token.text for line in lines for token in line.tokens}.union(seeds.values())
        _check_mentioned(shapes or {}, mentioned)
        known = {name: shape for name, shape in (given or {}).items() if name in mentioned}
        seeded = {name: known[value] for name, value in seeds.items() if name in declarations and value in known}
        numbers = _merged(declarations, shapes or {}, known, seeded)
        sizes = tuple(dict.fromkeys(size for shape in declarations.values() for size in shape if isinstance(size, str)))
        named = {line.tokens[0].text for line in equations if line.tokens[0].kind == "NAME" and _defines(line)}
        declared = named.union(declarations, sizes, seeds.values())
        written = [_equation(line, declared) for line in equations]
        _check_single(written, sources := lines[0].sources)
        defined = {line.name for line in written}
        for name, (_, line) in gradients.items():
            _check_defined(name, defined, line, line.tokens[1])
        for name in seeds:
            if name not in defined:
                raise ReadingError(f"{name} has an upstream gradient, and {_undefined(name, defined)}")
        ordered = _ordered(written, sources)
        valued = defined.union(sizes)
        return ProgramText(
            ordered,
            tuple(dict.fromkeys(name for line in written for name in line.needs if name not in valued)),
            sizes,
            declarations,
            seeds,
            _loss(losses, defined),
            _remarks(written, ordered),
            sources,
            file,
            numbers | _sizes_by_lines(written, sizes, sources),
        )


def _defines(line: Line) -> bool:
    """Whether the line begins with `NAME =` or `NAME[...] =`."""
    tokens = line.tokens
    place = 1
    if len(tokens) > 1 and tokens[1].kind == "LSQB":
        place = next((k + 1 for k, token in enumerate(tokens) if token.kind == "RSQB"), len(tokens))
    return place < len(tokens) and tokens[place].kind == "EQUALS"


def _shape(line: Line) -> tuple[Size, ...]:
    """The extents behind the colon: `m x n`, `3x4`, `scalar`."""
    behind = line.tokens[2:]
    written = "".join(" " * token.space + token.text for token in behind).strip()
    if line.tokens[0].text in words.REFUSED:
        raise line.error(f"{line.tokens[0].text} is a word of Python, which is not read here", line.tokens[0])
    if written == "scalar":
        return ()
    sizes: list[Size] = []
    for part in re.split(r"\s+x\s+|(?<=[0-9])x(?=[0-9])", written):
        if re.fullmatch(NAME_PATTERN, part) and part not in words.REFUSED:
            sizes.append(part)
        elif re.fullmatch("[0-9]{1,9}", part) and 1 <= int(part) <= LARGEST_SIZE:
            sizes.append(int(part))
        else:
            message = f"an extent is a name or a whole number from 1 to {LARGEST_SIZE}; write W : m x n or c : scalar"
            raise line.error(message, behind[0] if behind else line.tokens[1])
    return tuple(sizes)


def _check_mentioned(shapes: Mapping[str, Sequence[Size]], mentioned: set[str]) -> None:
    for name in shapes:
        if name not in mentioned:
            meant = words.nearest(name, sorted(mentioned))
            raise ReadingError(f"no line mentions {name}" + (f"; did you mean {meant}?" if meant else ""))


def _merged(
    declarations: dict[str, tuple[Size, ...]],
    shapes: Mapping[str, Sequence[Size]],
    given: Mapping[str, Sequence[int]],
    seeded: Mapping[str, Sequence[int]],
) -> dict[str, int]:
    """Shapes from elsewhere, then those of values, added to the declarations; the sizes that they give a number.

    seeded : output -> the shape of the values of its upstream gradient.
    """
    numbers: dict[str, tuple[int, str]] = {}
    tables = (
        (shapes, "{name} is declared {here} in the text, and {there} outside of it; delete one"),
        (given, "{name} is declared {here}, and its values are {there}"),
        (seeded, "{name} is declared {here}, and its upstream gradient is {there}"),
    )
    for elsewhere, way_out in tables:
        for name, shape in elsewhere.items():
            there = _shape_text(shape)
            for size in shape:
                good = 1 <= size <= LARGEST_SIZE if isinstance(size, int) else re.fullmatch(NAME_PATTERN, size)
                if not good:
                    message = f"the shape {there} of {name} has the size {size}; "
                    raise ReadingError(f"{message}a size is a name or a whole number from 1 to {LARGEST_SIZE}")
            declared = declarations.setdefault(name, tuple(shape))
            both = way_out.format(name=name, here=_shape_text(declared), there=there)
            if len(declared) != len(shape):
                raise ReadingError(both)
            for own, size in zip(declared, shape, strict=True):
                if isinstance(own, str) and isinstance(size, int):
                    number, by = numbers.setdefault(own, (size, name))
                    if number != size:
                        raise ReadingError(
                            f"the size {own} is {number} by the shape of {by}, and {size} by that of {name}"
                        )
                elif own != size:
                    raise ReadingError(both)
    return {size: number for size, (number, _) in numbers.items()}


def _shape_text(shape: Sequence[Size]) -> str:
    return " x ".join(map(str, shape)) or "scalar"


def _sizes_by_lines(lines: Sequence[ProgramLine], sizes: Sequence[str], sources: tuple[str, ...]) -> dict[str, int]:
    """`n = 4` says what the size n is."""
    found: dict[str, int] = {}
    for line in lines:
        if line.name in sizes:
            value = line.right.value if isinstance(line.right, t.Number) else None
            if value is None or value.denominator != 1 or not 1 <= value <= LARGEST_SIZE:
                message = (
                    f"{line.name} is the name of a size; give it a whole number from 1 to {LARGEST_SIZE}, or rename"
                )
                raise _at(f"{message} one of them", line.right, sources)
            found[line.name] = int(value)
    return found


def _upstream(line: Line, upstream: dict[str, tuple[str, Line]]) -> None:
    """`upstream Z = G`, or several with commas between."""
    tokens = line.tokens[1:]
    for start in range(0, len(tokens), 4):
        entry, comma = tokens[start : start + 3], tokens[start + 3 : start + 4]
        kinds = [token.kind for token in entry]
        if kinds != ["NAME", "EQUALS", "NAME"] or (comma and (comma[0].kind != "COMMA" or start + 4 == len(tokens))):
            raise line.error("write upstream Z = G, where G names the gradient of the loss by Z", entry[0])
        if entry[0].text in upstream:
            raise line.error(f"{entry[0].text} has two upstream gradients; delete one", entry[0])
        upstream[entry[0].text] = (entry[2].text, line)


def _seeds(written: Mapping[str, tuple[str, Line]], further: Mapping[str, str]) -> dict[str, str]:
    """Output -> its upstream gradient, those of the text first."""
    seeds = {name: value for name, (value, _) in written.items()}
    for name, value in further.items():
        if seeds.setdefault(name, value) != value:
            raise ReadingError(f"{name} has two upstream gradients, {seeds[name]} in the text and {value}; delete one")
    return seeds


def _loss(losses: Sequence[Line], defined: set[str]) -> str | None:
    if len(losses) > 1:
        raise losses[1].error(f"a second loss; line {losses[0].number} already names one", losses[1].tokens[0])
    if not losses:
        return None
    tokens = losses[0].tokens
    if len(tokens) > 2:
        raise losses[0].error("write loss L, where L is a name that a line defines", tokens[2])
    _check_defined(tokens[1].text, defined, losses[0], tokens[1])
    return tokens[1].text


def _check_defined(name: str, defined: set[str], line: Line, token: Token) -> None:
    if name not in defined:
        raise line.error(_undefined(name, defined), token)


def _undefined(name: str, defined: set[str]) -> str:
    meant = words.nearest(name, sorted(defined))
    if meant is not None:
        return f"no line gives {name} a value; did you mean {meant}?"
    return f"no line gives {name} a value" + (
        f"; the lines define {', '.join(sorted(defined))}" if len(defined) < 9 else ""
    )


def _equation(line: Line, declared: set[str]) -> ProgramLine:
    """One line `left = right = claims...`."""
    kinds = [token.kind for token in line.tokens]
    if kinds[:2] == ["NAME", "LPAR"] and "RPAR" in kinds and kinds[kinds.index("RPAR") + 1 :][:1] == ["EQUALS"]:
        head = line.tokens[0]
        raise line.error(f"write {head.text} = ...; what {head.text} depends on is read off its right side", head)
    tree = read_line(line, declared)
    if not isinstance(tree, t.Relation) or not isinstance(tree.sides[0], (t.Name, t.Subscript)):
        raise line.error("a line gives a name its value; write q = x*y or Z[i] = ...", line.tokens[0])
    left, right, *claims = tree.sides
    assert isinstance(left, (t.Name, t.Subscript))
    indices: list[str] = []
    for index in left.indices if isinstance(left, t.Subscript) else ():
        if not isinstance(index, t.Name):
            at = index.at or t.Span(line.number, 1, 2)
            message = "each axis on the left has one index, a name of its own, as in Z[i, j]"
            raise line.error(message, Token("", " " * (at.end - at.column), at.line, at.column))
        indices.append(index.text)
    name = left.text if isinstance(left, t.Name) else left.array
    needs = [read for side in (right, *claims) for read in free_names(side, indices)]
    constants = [word for word in words.CONSTANTS if word not in declared]
    needs = [read for read in dict.fromkeys(needs) if read not in constants]
    return ProgramLine(name, left, right, tuple(claims), tree, line.number, tuple(needs))


def _check_single(lines: Sequence[ProgramLine], sources: tuple[str, ...]) -> None:
    seen: dict[str, int] = {}
    for line in lines:
        if line.name in seen:
            message = f"{line.name} is given two values, in lines {seen[line.name]} and {line.number}; rename one"
            raise _at(message, line.left, sources)
        seen[line.name] = line.number


def _at(message: str, tree: Tree, sources: tuple[str, ...]) -> ReadingError:
    at = tree.at or t.Span(1, 1, 2)
    return reading_error(message, sources, at.line, at.column, max(at.end - at.column, 1))


def _ordered(lines: Sequence[ProgramLine], sources: tuple[str, ...]) -> tuple[ProgramLine, ...]:
    """An order in which each line needs only what stands before it; ties keep the author's order.

    An indexed line may read its own array, and indexed lines each other (recurrences); any other cycle is an error.
    """
    place = {line.name: number for number, line in enumerate(lines)}
    waits: dict[int, set[int]] = {}
    for number, line in enumerate(lines):
        needed = {place[name] for name in line.needs if name in place}
        if isinstance(line.left, t.Subscript):
            needed.discard(number)
        waits[number] = needed
    readers: dict[int, list[int]] = {number: [] for number in waits}
    for number, needed in waits.items():
        for other in needed:
            readers[other].append(number)
    ready = [number for number, needed in waits.items() if not needed]
    heapq.heapify(ready)
    answer: list[ProgramLine] = []
    while waits:
        if not ready:
            cycle = _cycle(waits)
            members = [lines[number] for number in cycle]
            if not all(isinstance(line.left, t.Subscript) for line in members):
                raise _cyclic(members, sources)
            for number in cycle:
                waits[number] -= set(cycle)
                if not waits[number]:
                    heapq.heappush(ready, number)
            continue
        number = heapq.heappop(ready)
        del waits[number]
        answer.append(lines[number])
        for reader in readers[number]:
            if reader in waits and number in waits[reader]:
                waits[reader].discard(number)
                if not waits[reader]:
                    heapq.heappush(ready, reader)
    return tuple(answer)


def _cycle(waits: Mapping[int, set[int]]) -> list[int]:
    """Lines that wait for each other in turn, beginning with the first of them in the file."""
    path: list[int] = []
    seen: dict[int, int] = {}
    number = min(waits)
    while number not in seen:
        seen[number] = len(path)
        path.append(number)
        number = min(waits[number])
    cycle = path[seen[number] :]
    first = cycle.index(min(cycle))
    return cycle[first:] + cycle[:first]


def _cyclic(cycle: Sequence[ProgramLine], sources: tuple[str, ...]) -> ReadingError:
    first = cycle[0]
    following = [*cycle[1:], first]
    needed = free_names(first.written, first.indices)[following[0].name]
    if len(cycle) == 1:
        return _at(f"line {first.number} gives {first.name} its value from {first.name} itself", first.right, sources)
    chain = [f"line {line.number} needs {other.name}" for line, other in zip(cycle, following, strict=True)]
    told = ", ".join(chain if len(chain) <= 6 else [*chain[:5], "and so on", chain[-1]])
    return _at(f"{told}: none of them can be worked out first", needed, sources)


def _remarks(written: Sequence[ProgramLine], ordered: Sequence[ProgramLine]) -> tuple[str, ...]:
    if list(written) == list(ordered):
        return ()
    numbers = ", ".join(str(line.number) for line in ordered[:20]) + (", ..." if len(ordered) > 20 else "")
    return (f"the lines are worked out in the order {numbers}",)
