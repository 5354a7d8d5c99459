"""A function on arrays as readable Python: typed, documented, each statement under the equation it computes.

The text is a view of equations: an ArraySource holds them and prints itself, so that `derive.codegen.load` never
compiles a text that came from anywhere else. Whatever an author chose, names above all, reaches the text as an
identifier made by `derive.codegen.arrays.naming`, or in a comment that holds nothing but printable characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from derive import terms
from derive.codegen.arrays.dialect import Dialect, Like, colons
from derive.codegen.arrays.loops import LOOPS, loop_lines
from derive.codegen.arrays.lowering import Lowering
from derive.codegen.arrays.naming import Names, function_name
from derive.codegen.arrays.recurrences import Group, domain_of, groups
from derive.codegen.arrays.signature import Signature, Sizes, signature, sizes_of
from derive.codegen.arrays.stable import stable
from derive.codegen.arrays.text import ATOM, bracketed, comment, documented, wrapped
from derive.codegen.arrays.values import NUMBER, Value
from derive.integers import Integer, IntegerEntry
from derive.plain import formula
from derive.program import Equation, Program
from derive.writing import tree_of_equation


@dataclass(frozen=True)
class ArraySource:
    """The code of equations in one dialect; `text` is the program text.

    equations : what is to be computed.  program : the forward pass they read.  arguments, results : names, or None for
    what the equations read and nothing gives, and for all equations.
    """

    equations: tuple[Equation, ...]
    program: Program
    dialect: Dialect
    name: str = "gradients"
    arguments: tuple[str, ...] | None = None
    results: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        import html  # for notebooks only

        return f"<pre><code>{html.escape(self.text)}</code></pre>"

    @cached_property
    def signature(self) -> Signature:
        return signature(self.equations, self.program, self.arguments, self.results)

    @cached_property
    def text(self) -> str:
        return self._printed[0]

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the arrays, and of the sizes behind them, in the order in which the function takes them."""
        return self._printed[1]

    @cached_property
    def _printed(self) -> tuple[str, tuple[str, ...]]:
        printer = _Printer(self)
        return "\n".join(printer.lines()) + "\n", printer.parameters


class _Printer:
    """One printing: names, the body, and around it what the body turned out to need."""

    def __init__(self, source: ArraySource) -> None:
        self.source, self.dialect, self.signature = source, source.dialect, source.signature
        self.names = Names()
        self.function = function_name(source.name)
        self.names.used.add(self.function)
        for name in (*self.signature.arguments, *(line.name for line in self.signature.lines)):
            self.array(name)
        first = next(
            (name for name in self.signature.arguments if self.rank(name) and name not in self.signature.integers), None
        )
        if first is None and self.dialect.tensors:
            first = next((name for name in self.signature.arguments if name not in self.signature.integers), None)
        shapes = self.signature.shapes
        letters = {name: tuple(index.name for index in indices) for name, indices in self.signature.heads.items()}
        like = Like(None if first is None else self.array(first))
        self.parameters: tuple[str, ...] = ()
        self.low = Lowering(self.dialect, self.names, shapes, letters, like)

    def array(self, name: str) -> str:
        return self.names.of(("array", name), name)

    def rank(self, name: str) -> int:
        return len(self.signature.heads[name])

    # --- the whole --------------------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        body = self.body()
        wanted = [thing[1] for thing in self.names.known if isinstance(thing, tuple) and thing[0] == "size"]
        sizes = sizes_of(wanted, self.signature, self.source.program)
        self.parameters = (*self.signature.arguments, *sizes.extra, *sizes.named)
        opening = [line for text in self.unpacking(sizes) for line in wrapped(text, 1)]
        head = self.head(sizes)
        documentation = self.documentation(sizes)
        answer = [self.array(name) for name in self.signature.results]
        closing = wrapped(f"return {', '.join(answer)}", 1)
        inside = [*documentation, *opening, *body, *closing]
        text = "\n".join([*head, *inside])
        return [*self.dialect.imports(text), "", "", *head, *inside]

    def head(self, sizes: Sizes) -> list[str]:
        parameters = [f"{self.array(name)}: {self.kind(name)}" for name in (*self.signature.arguments, *sizes.extra)]
        parameters += [f"{self.names.of(('size', name), name)}: int" for name in sizes.named]
        kinds = [self.kind(name) for name in self.signature.results]
        answer = kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"
        quiet = ['@np.errstate(divide="ignore", invalid="ignore", over="ignore")'] if (
            self.low.silenced and not self.dialect.tensors) else []  # fmt: skip
        return [*quiet, *wrapped(f"def {self.function}({', '.join(parameters)}) -> {answer}:", 0)]

    def kind(self, name: str) -> str:
        if name in self.signature.integers:
            return self.dialect.integers if self.rank(name) else "int"
        return self.dialect.array if self.rank(name) else self.dialect.scalar

    def documentation(self, sizes: Sizes) -> list[str]:
        results = ", ".join(self.array(name) for name in self.signature.results)
        lines = [f'"""{_sentence(results, len(self.signature.results))}', ""]
        for name in (*self.signature.arguments, *sizes.extra):
            whole = "; whole numbers" if name in self.signature.integers else ""
            only = "; only its shape is used" if name in sizes.extra else ""
            lines.append(f"{self.array(name)} : {self.shape(name)}{whole}{only}")
        shown = ", ".join(f"{self.array(name)} {self.shape(name)}" for name in self.signature.results)
        lines += [f"Returns {shown}.", '"""']
        return [part for line in lines for part in (documented(line, 1) or [""])]

    def shape(self, name: str) -> str:
        extents = [self.low.number(extent) for extent in self.signature.shapes[name]]
        if not extents:
            return "a number"
        return f"({', '.join(extents)}{',' if len(extents) == 1 else ''})"

    def unpacking(self, sizes: Sizes) -> list[str]:
        answer = []
        for array, shown in sizes.unpacked.items():
            name = self.array(array)
            texts = ["_" if size is None else self.names.of(("size", size), size) for size in shown]
            known = [k for k, size in enumerate(shown) if size is not None]
            if len(known) == 1:
                answer.append(f"{texts[known[0]]} = {name}.shape[{known[0]}]")
            else:
                answer.append(f"{', '.join(texts)} = {name}.shape")
        for size, array, axis, value in sizes.worked:
            own = self.names.fresh("length")
            self.names.known["size", ""] = own
            answer.append(f"{own} = {self.array(array)}.shape[{axis}]")
            answer.append(f"{self.names.of(('size', size), size)} = {self.low.number(value)}")
            del self.names.known["size", ""]
        return answer

    # --- the body ---------------------------------------------------------------------------------------------------

    def body(self) -> list[str]:
        low = self.low
        for name in self.signature.results:  # so that the docstring can name every size
            self.shape(name)
        for name in self.signature.arguments:
            self.shape(name)
        if self.dialect is LOOPS:
            for group in groups(self.signature.lines):
                loop_lines(low, group)
        else:
            low.labels = _labels(self.source.program, self.signature)
            ready = {line.name: stable(line.term) for line in self.signature.lines}
            low.count_uses(ready.values())
            for group in groups(self.signature.lines):
                self.group(group, ready)
        lines = []
        for depth, text in low.blocks[0].text():
            lines += wrapped(text, depth + 1)
        return lines

    def group(self, group: Group, ready: dict[str, terms.Term]) -> None:
        low = self.low
        if not group.steps:
            (line,) = group.equations
            low.emit_all(comment(cited(line)))
            self.assign(line, ready[line.name])
            return
        for line in group.equations:
            low.emit_all(comment(cited(line)))
        for line in group.equations:
            extents = [low.number(extent) for extent in self.signature.shapes[line.name]]
            low.emit(f"{self.array(line.name)} = {self.dialect.zeros(extents, low.like)}")
        first, stop = domain_of(group)
        name = self.names.temporary(group.steps[0].name)
        span = low.number(stop) if first == 0 else f"{low.number(first)}, {low.number(stop)}"
        walk = f"reversed(range({span}))" if group.falls else f"range({span})"
        with low.loop(f"for {name} in {walk}:", dict.fromkeys(group.steps, name)) as depth:
            low.filling = dict.fromkeys((line.name for line in group.equations), depth)
            for line, step in zip(group.equations, group.steps, strict=True):
                low.order = [index for index in line.indices if index is not step]
                low.target, low.top = "", None
                value = self.stored(low.value(ready[line.name]), low.order, whole=False)
                cut = colons(len(line.indices), {line.indices.index(step): name})
                low.emit(f"{self.array(line.name)}{cut} = {value.text}")
            low.filling = {}

    def assign(self, line: Equation, term: terms.Term) -> None:
        low, name = self.low, self.array(line.name)
        low.order = list(line.indices)
        shifted = [index for index in line.indices if index.lower != 0]
        low.target, low.top = ("", None) if shifted else (name, term)
        value = low.value(term)
        low.target, low.top = "", None
        value = self.stored(value, line.indices, whole=not shifted)
        if shifted:  # what stands before the first index is 0 and never read
            extents = [low.number(index.stop) for index in line.indices]
            low.emit(f"{name} = {self.dialect.zeros(extents, low.like)}")
            cuts = {k: f"{low.number(i.lower)}:" for k, i in enumerate(line.indices) if i.lower != 0}
            low.emit(f"{name}{colons(len(line.indices), cuts)} = {value.text}")
        elif value.text != name:
            low.emit(f"{name} = {value.text}")
        low.remember(name, line.indices, term)

    def stored(self, value: Value, indices: Sequence[object], *, whole: bool) -> Value:
        """The value as the array that holds it: real numbers, all axes in order."""
        low = self.low
        axes = list(indices)
        if value.kind == NUMBER:
            if not whole:
                return value
            return value.spelled(self.dialect.filled(low.extents(axes), value.text, low.like))  # type: ignore[arg-type]
        value = low.real(low.solid(value) if whole else value)
        value = low.aligned(value, axes)  # type: ignore[arg-type]
        if whole and len(value.axes) < len(axes):
            text = bracketed(value.text, value.level, ATOM)
            value = value.spelled(self.dialect.repeated(text, low.extents(axes), copied=True))  # type: ignore[arg-type]
        return value


def cited(line: Equation) -> str:
    """The equation in the plain notation."""
    return formula(tree_of_equation(line))


def _sentence(names: str, count: int) -> str:
    return f"{names}, by the equation below." if count == 1 else f"{names}, by the equations below."


def _labels(program: Program, found: Signature) -> set[tuple[str, Integer]]:
    """Arrays of whole numbers that the forward pass uses as subscripts, with the extent that they stay below."""
    answer: set[tuple[str, Integer]] = set()
    shapes = found.shapes
    for line in program.equations:
        guarded = {
            atom.array
            for node in terms.walk(line.term)
            if isinstance(node, terms.Guard)
            for part in terms.integers_in(node)
            for atom in part.atoms()
            if isinstance(atom, IntegerEntry)
        }
        for node in terms.walk(line.term):
            if isinstance(node, terms.Entry):
                for subscript, extent in zip(node.indices, shapes[node.array], strict=True):
                    atom = subscript.alone
                    if isinstance(atom, IntegerEntry) and atom.array not in guarded:
                        answer.add((atom.array, extent))
    return answer
