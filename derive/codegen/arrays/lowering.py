"""From terms to array code: statements in blocks, with what is used twice under a name of its own.

A term becomes an expression whose axes run over its free indices. Indices of loops around it are Python numbers there.
What does not depend on a loop is computed before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from derive import terms
from derive.codegen.arrays import conditions as c
from derive.codegen.arrays.dialect import Dialect, Like
from derive.codegen.arrays.naming import Names
from derive.codegen.arrays.ordering import hint, in_order, indices_in_order
from derive.codegen.arrays.text import ATOM, PRODUCT, SUM, UNARY, bracketed, literal
from derive.codegen.arrays.values import CONDITIONAL, NUMBER, REAL, WHOLE, Operand, Value, View
from derive.errors import UsageError
from derive.integers import Atom, Extreme, Floor, Index, Integer, IntegerEntry, Size, integer
from derive.terms import Entry, Term

#: A number beyond this is infinite in single precision.
LARGEST_SINGLE = 3 * 10**38
#: A piece longer than this is given a name before it is put into another.
WIDEST = 56


@dataclass
class Block:
    """Statements, nested blocks, the values that are known in it by key, and the names of expressions."""

    lines: list[str | Block] = field(default_factory=list)
    known: dict[Hashable, tuple[Value, tuple[Index, ...]]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def text(self, indent: int = 0) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for line in self.lines:
            found += line.text(indent + 1) if isinstance(line, Block) else [(indent, line)]
        return found


class Lowering:
    """One function body in the making.

    shapes : array -> extents of its axes.  letters : array -> names of its own indices.
    order : the indices of the equation at hand as it is to be stored; results lean towards it.
    conditions : what must hold of loop indices for the value at hand to count, and how deep these loops are.
    target, top : the name of the array at hand, and the term that is all of it: only that may be built up in place.
    hulls : summed indices over a box around the domain that tests beside them state.
    labels : arrays of whole numbers, with the extents that their entries are known to stay below.
    """

    def __init__(
        self,
        dialect: Dialect,
        names: Names,
        shapes: Mapping[str, tuple[Integer, ...]],
        letters: Mapping[str, tuple[str, ...]],
        like: Like,
    ) -> None:
        self.dialect, self.names, self.shapes, self.letters, self.like = dialect, names, shapes, letters, like
        self.facts = tuple(dict.fromkeys(extent - 1 for shape in shapes.values() for extent in shape))
        self.blocks = [Block()]
        self.scalars: dict[Index, tuple[str, int]] = {}
        self.filling: dict[str, int] = {}
        self.order: list[Index] = []
        self.stands: dict[Index, tuple[float, ...]] = {}
        self.uses: Counter[Hashable] = Counter()
        self.conditions: list[tuple[str, int]] = []
        self.silenced = False
        self.labels: set[tuple[str, Integer]] = set()
        self.hulls: set[Index] = set()
        self.target = ""
        self.top: Term | None = None
        self.claims = False

    # --- statements -----------------------------------------------------------------------------------------------

    def emit(self, line: str, depth: int | None = None) -> None:
        self.blocks[len(self.blocks) - 1 if depth is None else depth].lines.append(line)

    def emit_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.emit(line)

    def bind(self, hint: str, value: Value, *, shared: bool = True) -> Value:
        """The value under a name, computed in the outermost block in which all it needs is known.

        shared : whether the same expression is known by one name.
        """
        if value.level == ATOM and value.text.isidentifier():
            return value
        text, depth = value.text, max([value.depth, *(at for _, at in self.conditions)])
        if self.conditions:
            inner = bracketed(text, value.level, SUM)
            text = f"{inner} if {' and '.join(condition for condition, _ in self.conditions)} else 0.0"
        named = self.blocks[depth].named
        name = named.get(text) if shared else None
        if name is None:
            name = named[text] = self.names.temporary(hint)
            self.emit(f"{name} = {text}", depth)
        bound = replace(value.spelled(name), depth=depth)
        if value.solid:
            bound = replace(bound, solid=f"{self.dialect.zeros(self.extents(value.axes), self.like)} + {name}")
        return bound

    @contextmanager
    def loop(self, header: str, variables: Mapping[Index, str]) -> Iterator[int]:
        """A `for` statement; its indices are Python numbers inside. Answers with its depth."""
        depth = len(self.blocks)
        block = Block()
        self.blocks.append(block)
        self.scalars.update({index: (name, depth) for index, name in variables.items()})
        yield depth
        self.blocks.pop()
        for index in variables:
            del self.scalars[index]
        self.emit(header)
        self.blocks[-1].lines.append(block)

    # --- terms ----------------------------------------------------------------------------------------------------

    def value(self, term: Term, known: Sequence[c.Test] = ()) -> Value:
        """The term over its free indices. known : tests that hold wherever the value counts."""
        key, order = self.key(term) if not (known and self.may_leave(term)) else (None, ())
        if key is not None and (found := self.recalled(key, order)) is not None:
            return found
        made = self.made(term, known)
        if key is not None and not self.conditions:
            if self.uses[key] > 1 and made.kind != NUMBER:
                made = self.bind(hint(term), made)
            if made.text.isidentifier():
                self.blocks[made.depth].known[key] = (made, order)
        return made

    def operand(self, term: Term, known: Sequence[c.Test] = ()) -> Operand:
        """As `value`, but a view is left unread: what is done with it may have its own way of reading."""
        if isinstance(term, Entry):
            from derive.codegen.arrays.views import read

            return read(self, term, known)[0]
        return self.value(term, known)

    def made(self, term: Term, known: Sequence[c.Test]) -> Value:
        from derive.codegen.arrays import entrywise, extremes, products

        self.claims = term is self.top
        match term:
            case terms.Number(value=number):
                self.silenced |= abs(number) > LARGEST_SINGLE
                text, level = literal(number)
                return Value(text, (), level, NUMBER)
            case terms.Constant(name=name):
                return Value(f"{self.dialect.module}.{name}", kind=NUMBER)
            case terms.Whole(value=expression):
                return self.whole(expression)
            case terms.Entry():
                return self.settled(self.operand(term, known))
            case terms.Add():
                return entrywise.added(self, term, known)
            case terms.Apply():
                return entrywise.applied(self, term, known)
            case terms.Power() if not entrywise.is_divisor(term):
                return entrywise.raised(self, term, known)
            case terms.Reduce(operator="sum", indices=indices, body=body):
                return products.summed(self, indices, body, known)
            case terms.Mul() | terms.Power() | terms.Guard() | terms.Delta():
                return products.summed(self, (), term, known)
            case terms.Reduce():
                return extremes.reduced(self, term, known)
            case terms.Winner():
                return extremes.winner(self, term, known)
            case terms.Opaque(name=name):
                raise UsageError(f"{name} is only named, so no code can be written for it; give its formula")
        raise UsageError("a derivative that is not worked out has no code; derive it first")

    def settled(self, operand: Operand) -> Value:
        """The operand, read."""
        if isinstance(operand, View):
            from derive.codegen.arrays.views import materialised

            return materialised(self, operand)
        return operand

    def short(self, value: Value, hint: str = "t", *, room: int = WIDEST) -> Value:
        """The value, under a name where its text is long."""
        return value if len(value.text) <= room else self.bind(hint, value)

    def solid(self, value: Value) -> Value:
        """The value with the shape its axes promise, a tensor where the library asks for one."""
        return value.spelled(value.solid, CONDITIONAL) if value.solid else value

    def firm(self, values: Sequence[Value]) -> list[Value]:
        """The values for an operation entry by entry: one that may be a plain 0.0 needs another one of its shape."""
        held = list(values)
        for place, value in enumerate(held):
            others = {index for k, other in enumerate(held) if k != place and not other.solid for index in other.axes}
            if value.solid and (not others.issuperset(value.axes) or not (others or value.axes)):
                held[place] = self.solid(value)
        return held

    def tensor(self, value: Value) -> Value:
        """The value as a library's own: of torch a tensor, never a number of Python."""
        if self.dialect.tensors and value.kind == NUMBER:
            return replace(value.spelled(self.dialect.filled([], value.text, self.like)), kind=REAL)
        return self.solid(value) if self.dialect.tensors else value

    def real(self, value: Value) -> Value:
        """The value as real numbers; truth values and whole numbers are converted."""
        if value.kind in (REAL, NUMBER):
            return value
        if not value.axes and not self.dialect.tensors:  # of numbers of Python a comparison is a bool, not an array
            return replace(value.spelled(f"float({value.text})"), kind=REAL)
        return replace(value.spelled(self.dialect.real(bracketed(value.text, value.level, ATOM), self.like)), kind=REAL)

    # --- what is known already ----------------------------------------------------------------------------------

    def key(self, term: Term) -> tuple[Hashable | None, tuple[Index, ...]]:
        """A key under which equal terms are found again whatever their indices are, and those indices in order."""
        if isinstance(term, (terms.Number, terms.Constant, terms.Entry, terms.Whole)) or not terms.reads(term):
            return None, ()
        order = indices_in_order(term)
        moving = tuple(index for index in order if index not in self.scalars)
        bound = terms.Reduce("key", moving, term)
        return (terms.canonical(bound), len(moving)), moving

    def recalled(self, key: Hashable, order: tuple[Index, ...]) -> Value | None:
        for block in reversed(self.blocks):
            if key in block.known:
                value, before = block.known[key]
                renamed = dict(zip(before, order, strict=True))
                return replace(value, axes=tuple(renamed[index] for index in value.axes))
        return None

    def remember(self, name: str, indices: tuple[Index, ...], term: Term) -> None:
        """From here on the term is called by the array that holds it."""
        key, order = self.key(term)
        if key is not None and set(order) == set(indices):
            self.blocks[-1].known[key] = (Value(name, indices, depth=len(self.blocks) - 1), order)

    def count_uses(self, parts: Iterable[Term]) -> None:
        """Note how often each term occurs, so that what occurs twice gets a name."""
        stack = list(parts)
        while stack:
            node = stack.pop()
            key, _ = self.key(node)
            if key is not None:
                self.uses[key] += 1
                if self.uses[key] > 1:
                    continue  # what is inside is computed once, with it
            stack.extend(terms.children(node))

    def depth_of(self, term: Term | Integer) -> int:
        """The innermost loop on which the term depends."""
        if isinstance(term, Integer):
            return max((self.scalars[index][1] for index in term.indices if index in self.scalars), default=0)
        depths = [self.scalars[index][1] for index in terms.free_indices(term) if index in self.scalars]
        return max([*depths, *(self.filling.get(name, 0) for name in terms.reads(term))], default=0)

    def may_leave(self, term: Term) -> bool:
        """Whether something in the term is read where no proof is found that the array has an entry."""
        return any(isinstance(node, Entry) and not self.is_inside(node) for node in terms.walk(term))

    def is_inside(self, entry: Entry) -> bool:
        for subscript, extent in zip(entry.indices, self.shapes[entry.array], strict=True):
            if c.reads_integers(subscript):
                continue
            if not c.is_certain(c.AtLeast(subscript), self.facts):
                return False
            if not c.is_certain(c.AtLeast(extent - 1 - subscript), self.facts):
                return False
        return True

    # --- integer expressions --------------------------------------------------------------------------------------

    def moving(self, expression: Integer) -> tuple[Index, ...]:
        """The indices in it that are axes, not numbers of a loop."""
        return tuple(index for index in expression.indices if index not in self.scalars)

    def count(self, expression: Integer | int) -> tuple[str, int]:
        """A whole number as Python text, and how tightly it binds; every index in it is one of a loop."""
        expression = integer(expression)
        parts = in_order(expression)
        texts: list[str] = []
        for monomial, factor in parts:
            pieces = [text for atom in monomial for text in (self._atom(atom),)]
            size = abs(factor)
            if not pieces:
                text, level = str(size), ATOM
            else:
                if size != 1:
                    pieces.insert(0, (str(size), ATOM))
                if len(pieces) == 1:
                    text, level = pieces[0]
                else:
                    text = " * ".join(bracketed(t, lv, PRODUCT + (k > 0)) for k, (t, lv) in enumerate(pieces))
                    level = PRODUCT
            if not texts:
                texts.append(text if factor > 0 else f"-{bracketed(text, level, ATOM if '//' in text else PRODUCT)}")
                only = level if factor > 0 else UNARY
            else:
                texts.append((" + " if factor > 0 else " - ") + bracketed(text, level, PRODUCT))
        if not texts:
            return "0", ATOM
        return "".join(texts), only if len(texts) == 1 else SUM

    def number(self, expression: Integer | int) -> str:
        return self.count(expression)[0]

    def _atom(self, atom: Atom) -> tuple[str, int]:
        match atom:
            case Index():
                return self.scalars[atom][0], ATOM
            case Size(name=name):
                return self.names.of(("size", name), name), ATOM
            case IntegerEntry(array=array, indices=()):
                return self.names.of(("array", array), array), ATOM
            case IntegerEntry(array=array, indices=indices):
                name = self.names.of(("array", array), array)
                return f"int({name}[{', '.join(map(self.number, indices))}])", ATOM
            case Floor(numerator=upper, denominator=lower):
                above, below = self.count(upper), self.count(lower)
                return f"{bracketed(*above, PRODUCT)} // {bracketed(*below, PRODUCT + 1)}", PRODUCT
        assert isinstance(atom, Extreme)
        return f"{atom.operator}({', '.join(map(self.number, atom.arguments))})", ATOM

    def whole(self, expression: Integer) -> Value:
        """An integer expression over its indices."""
        from derive.codegen.arrays import wholes

        return wholes.whole(self, expression)

    def arange(self, index: Index) -> Value:
        """The values of an index, along its axis."""
        key = ("values", index.lower, index.stop, index.name)
        for block in reversed(self.blocks):
            if key in block.known:
                return replace(block.known[key][0], axes=(index,))
        depth = max(self.depth_of(index.lower), self.depth_of(index.stop))
        text = self.dialect.arange(self.number(index.lower), self.number(index.stop), self.like)
        made = Value(text, (index,), kind=WHOLE, depth=depth)
        kept, self.conditions = self.conditions, []
        made = self.bind(index.name, made, shared=False)
        self.conditions = kept
        self.blocks[depth].known[key] = (made, (index,))
        return made

    def extents(self, axes: Iterable[Index]) -> list[str]:
        return [self.number(index.extent) for index in axes]

    # --- axes -------------------------------------------------------------------------------------------------------

    def rank(self, index: Index) -> tuple[float, ...]:
        """Where an index belongs among the axes of a result."""
        if index in self.order:
            return (self.order.index(index),)
        return self.stands.get(index, (len(self.order), index.serial))

    def stand_in(self, result: Index, members: Sequence[Index]) -> None:
        """Members of an affine sum belong where its result does, in this order."""
        for place, index in enumerate(members):
            self.stands[index] = (*self.rank(result), place)

    def common_axes(self, values: Sequence[Operand]) -> tuple[Index, ...]:
        """The axes of all values together: those of the widest in its order, the others where the result has them."""
        if not values:
            return ()
        widest = max(values, key=lambda value: len(value.axes))
        axes = list(widest.axes)
        for index in dict.fromkeys(index for value in values for index in value.axes):
            if index not in axes:
                place = next((k for k, other in enumerate(axes) if self.rank(other) > self.rank(index)), len(axes))
                axes.insert(place, index)
        return tuple(axes)

    def aligned(self, value: Value, axes: Sequence[Index], *, whole: bool = False) -> Value:
        """The value with its axes in this order, and axes of length 1 for those that it lacks.

        whole : with all axes; else those in front are left to broadcasting.
        """
        wanted = [index for index in axes if index in value.axes]
        assert len(wanted) == len(value.axes), (value, axes)
        if not value.axes and not whole:
            return value
        order = [value.axes.index(index) for index in wanted]
        moved = order != sorted(order)
        first = 0 if whole else axes.index(wanted[0])
        places = [":" if index in value.axes else "None" for index in axes[first:]]
        while places and places[-1] == ":":
            places.pop()
        if not moved and not places:
            return value
        value = self.solid(value)
        text = bracketed(value.text, value.level, ATOM)
        if moved:
            text = self.dialect.permuted(text, order)
        if places:
            text += f"[{', '.join(places)}]"
        return replace(value.spelled(text), axes=tuple(wanted))

    def fresh(self, name: str, extent: Integer) -> Index:
        return Index(name, extent)
