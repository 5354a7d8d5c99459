"""Lowered lines as readable Python: typed, documented, one line of code for each line of the trace, which it cites.

The text is a view of the lines: `Source` holds lines and dialect and prints itself, so that `derive.codegen.load` never
compiles a text that came from anywhere else. Whatever an author chose - names, formulas - reaches the text as an
identifier made by `derive.names.python_names`, or escaped in a comment or docstring.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from derive import tree as t
from derive.codegen.lowering import Applied, CodeLine, Expression, Lowered, names_in
from derive.codegen.spelling import ATOM, PRODUCT, UNARY, applied, literal
from derive.errors import UsageError
from derive.functions import OPERATIONS
from derive.names import python_names
from derive.plain import formula
from derive.tree import Tree

WIDTH = 100
#: Comparisons as they are read from the other side.
MIRRORED = {
    **{"less": "greater", "greater": "less", "at_most": "at_least", "at_least": "at_most"},
    **{"equal": "equal", "unequal": "unequal"},
}


@dataclass(frozen=True)
class Dialect:
    """How a library is spelled.

    column : which template of an operation's row it takes, "numpy" or "torch".
    prefix : before its functions.
    imports, bare_imports : the lines at the top, and those of a function without inputs.
    erf : lines that define `_erf`, where it is used.
    argument, result : types of an input and of a value.
    broadcast : lines that make the arrays {0} of one shape from the inputs {1}, with {2} for what is between.
    entry : one of the arrays under its own name.  lone : the same for a single input.
    like : a constant {0} in the shape of {1}.  number : a constant {0} as the library's own number.
    kind : what an array is called.
    tensors : whether functions refuse plain numbers.
    """

    column: str
    prefix: str
    imports: tuple[str, ...]
    bare_imports: tuple[str, ...]
    erf: tuple[str, ...]
    argument: str
    result: str
    broadcast: tuple[str, ...]
    entry: str
    lone: str
    like: str
    number: str
    kind: str
    tensors: bool


@dataclass(frozen=True)
class Source:
    """Lines, dialect and the function's name; `text` is the program text."""

    lowered: Lowered
    dialect: Dialect
    name: str = "function"

    @cached_property
    def text(self) -> str:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", self.name) or python_names([self.name])[self.name] != self.name:
            raise UsageError(f"{self.name!r} cannot be the name of a function")
        return "\n".join(_Printer(self).lines()) + "\n"

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """What the parameters are called, in the order of the inputs."""
        return tuple(_Printer(self).parameters)


class _Printer:
    """One printing: the identifiers, and what they are made of."""

    def __init__(self, source: Source) -> None:
        self.source, self.dialect, self.lowered = source, source.dialect, source.lowered
        program = self.lowered.program
        nodes = [*program.input_names, *program.by_name, *(line.name for line in self.lowered.lines)]
        labels = []
        for name in program.input_names:
            label = program.label(name)
            if label != name:
                while label in nodes:  # the author's name of an input is the engine's name of another node
                    label += "_"
            labels.append(label)
        self.helpers: dict[str, str] = {}
        for helper in ("inputs", "given", "arrays", "values", "gradient"):
            key = helper
            while key in labels or key in nodes:
                key += "_"
            self.helpers[helper] = key
        self.names = python_names(dict.fromkeys([*labels, *nodes, *self.helpers.values()]))
        self.helpers = {helper: self.names[key] for helper, key in self.helpers.items()}
        self.parameters = [self.names[label] for label in labels]
        self.first = self.names[program.input_names[0]] if program.inputs else ""

    # --- the whole --------------------------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        lowered, dialect = self.lowered, self.dialect
        body = self.entrance()
        body += ["", "# forward trace"] if lowered.primal else []
        for line in lowered.primal:
            body += self.line(line)
        for output, sweep in zip(lowered.outputs, lowered.sweeps, strict=False):
            label = escaped(lowered.program.label(output))
            body += ["", f"# reverse trace of {label}"] if sweep else []
            for line in sweep:
                body += self.line(line)
        body += ["", *self.exit()]
        uses_erf = any(_uses(line.value, "erf") for line in lowered.lines) and dialect.erf
        head = [*(dialect.imports if lowered.program.inputs else dialect.bare_imports)]
        if uses_erf:
            head = ["import math", "", *head, "", *dialect.erf]
        body = [*self.docstring(), *(body if body[0] else body[1:])]
        indented = [f"    {line}" if line else "" for line in body]
        return [*head, "", "", *self.signature(), *indented]

    def signature(self) -> list[str]:
        """The head of the function, on as many lines as it takes."""
        result = self.dialect.result
        values = result if len(self.lowered.outputs) == 1 else f"tuple[{result}, ...]"
        if self.lowered.gradients:
            gradients = f"tuple[{result}, ...]"
            gradients = gradients if len(self.lowered.outputs) == 1 else f"tuple[{gradients}, ...]"
            values = f"tuple[{values}, {gradients}]"
        arguments = [f"{name}: {self.dialect.argument}" for name in self.parameters]
        name = self.source.name
        short = f"def {name}({', '.join(arguments)}) -> {values}:"
        if len(short) <= WIDTH or not arguments:
            return [short]
        if len(joined := ", ".join(arguments)) + 4 <= WIDTH:
            return [f"def {name}(", f"    {joined}", f") -> {values}:"]
        return [f"def {name}(", *(f"    {argument}," for argument in arguments), f") -> {values}:"]

    def docstring(self) -> list[str]:
        lowered = self.lowered
        program = lowered.program
        outputs = [escaped(program.label(output)) for output in lowered.outputs]
        what = "Value and gradient of" if lowered.gradients else "Value of"
        if len(outputs) > 1:
            what = what.replace("Value", "Values").replace("gradient", "gradients")
        inputs = [escaped(program.label(name)) for name in program.input_names]
        shown = ", ".join(outputs)
        if len(program.written) == 1 and len(program.outputs) == 1 and not isinstance(program.written[0], t.Relation):
            written = escaped(formula(program.written[0]))
            shown = shown if shown == written else f"{shown} = {written}"
        lines = textwrap.wrap(f"{what} {shown}.", WIDTH - 8, break_on_hyphens=False)
        if len(lines) > 1:
            lines = [f"{what} {', '.join(outputs)}."] if len(lines) > 6 else lines
        texts = ["", "Each line of code cites the line of the trace that it computes.", ""]
        if any(_uses(line.value, "kept") for line in lowered.lines):
            stands = any(_uses(line.value, "safe") for line in lowered.lines)
            more = "; 0.5 stands in where a factor is then not needed." if stands else "."
            texts += [*_wrapped(f"A product with an indicator that is 0 is 0, whatever its other factors{more}"), ""]
        if inputs:
            kind = self.dialect.kind
            shapes = f"numbers or {kind}s; their shapes are broadcast against each other."
            texts += _wrapped(f"{', '.join(self.parameters)} : {shapes if inputs[1:] else f'a number or {kind}.'}")
        if lowered.gradients:
            derivatives = [bracketed(f"d{output}/d{name}" for name in inputs) for output in outputs]
            found = derivatives[0] if len(outputs) == 1 else f"({', '.join(derivatives)})"
            values = outputs[0] if len(outputs) == 1 else f"({', '.join(outputs)})"
            texts += _wrapped(f"Returns {values} and {found}, each of the broadcast shape, in float64.")
        else:
            texts += _wrapped(f"Returns {', '.join(outputs)}, of the broadcast shape, in float64.")
        return [f'"""{lines[0]}', *lines[1:], *texts, '"""']

    def entrance(self) -> list[str]:
        """Inputs as arrays of one shape, under the names of the trace."""
        program = self.lowered.program
        used = {name for line in self.lowered.lines for name in self._read(line)}
        used.update(self.lowered.outputs, *self.lowered.gradients)
        if self.lowered.constant or any(self._borrows(line.value) for line in self.lowered.lines if not line.like):
            used.update(program.input_names[:1])
        chosen = [(k, name) for k, name in enumerate(program.input_names) if name in used]
        if not chosen:
            return []
        if len(program.input_names) == 1:
            (_, name), parameter = chosen[0], self.parameters[0]
            return self.commented(f"{self.names[name]} = {self.dialect.lone.format(parameter)}", self.origin(name))
        arrays, inputs = self.helpers["arrays"], self.helpers["inputs"]
        lines = self.tuple_of(inputs, self.parameters)
        lines += [line.format(arrays, inputs, self.helpers["given"]) for line in self.dialect.broadcast]
        for k, name in chosen:
            entry = self.dialect.entry.format(f"{arrays}[{k}]")
            lines += self.commented(f"{self.names[name]} = {entry}", self.origin(name))
        return lines

    def _read(self, line: CodeLine) -> Iterable[str]:
        yield from names_in(line.value)
        if line.like:
            yield line.like

    def origin(self, name: str) -> str:
        label = self.lowered.program.label(name)
        return f"{name} = {label}" if label != name else ""

    def tuple_of(self, name: str, entries: Sequence[str]) -> list[str]:
        """`name = (a, b)`, one entry a line where it is long."""
        text = f"{name} = {bracketed(entries)}"
        if len(text) + 4 <= WIDTH:
            return [text]
        return [f"{name} = (", *(f"    {entry}," for entry in entries), ")"]

    def exit(self) -> list[str]:
        """The values, and the derivatives in the order of the inputs."""
        lowered = self.lowered
        values = [self.returned(output) for output in lowered.outputs]
        gradients = [bracketed(self.names[name] for name in names) for names in lowered.gradients]
        shown = values[0] if len(values) == 1 else bracketed(values)
        found = gradients[:1] if len(values) == 1 else [bracketed(gradients)] if gradients else []
        text = f"return {', '.join([shown, *found])}"
        if len(text) + 4 <= WIDTH:
            return [text]
        lines = []
        if len(values) > 1:
            shown = self.helpers["values"]
            lines += self.tuple_of(shown, values)
        if not gradients:
            return [*lines, f"return {shown}"]
        gradient = self.helpers["gradient"]
        if len(values) == 1:
            lines += self.tuple_of(gradient, [self.names[name] for name in lowered.gradients[0]])
        else:  # one entry a line, and so on inside: what a formatter makes of nested tuples
            lines.append(f"{gradient} = (")
            for text, names in zip(gradients, lowered.gradients, strict=True):
                entries = [self.names[name] for name in names]
                short = len(text) + 9 <= WIDTH
                lines += [f"    {text},"] if short else ["    (", *(f"        {entry}," for entry in entries), "    ),"]
            lines.append(")")
        return [*lines, f"return {shown}, {gradient}"]

    def returned(self, output: str) -> str:
        """A value in the broadcast shape; tensors made of constants have it already."""
        name = self.names[output]
        if output in self.lowered.constant and self.first and not self.dialect.tensors:
            return self.dialect.like.format(name, self.first)
        return name

    # --- a line -----------------------------------------------------------------------------------------------------

    def line(self, line: CodeLine) -> list[str]:
        target = self.names[line.name]
        if line.cites is None:
            comment = f"for {', '.join(line.used_in[:3])}" + (", ..." if len(line.used_in) > 3 else "")
        else:
            comment = f"{line.cites.name} = {formula(line.cites.tree)}"
        if isinstance(line.value, t.Operators):
            text = self.constant_line(line)
        else:
            text = self.expression(line.value)[0]
        return self.commented(f"{target} = {text}", comment)

    def constant_line(self, line: CodeLine) -> str:
        value: Tree = line.value  # type: ignore[assignment]
        prefix = self.dialect.prefix
        if line.like:
            like = self.names[line.like]
            if t.is_number(value, 1):
                return f"{prefix}ones_like({like})"
            if t.is_number(value, 0):
                return f"{prefix}zeros_like({like})"
            return self.dialect.like.format(self.constant(value)[0], like)
        return self.number(self.constant(value)[0])

    def number(self, text: str) -> str:
        """A constant that stands alone, as the library's own number."""
        if self.dialect.tensors and self.first:  # on the device of the inputs
            return self.dialect.like.format(text, self.first)
        return self.dialect.number.format(text)

    def commented(self, code: str, comment: str) -> list[str]:
        """The comment behind the code where there is room for it, else above."""
        if not comment:
            return [code]
        comment = escaped(comment)
        if len(code) + len(comment) + 8 <= WIDTH:
            return [f"{code}  # {comment}"]
        if len(comment) + 6 > WIDTH:
            comment = comment[: WIDTH - 12].rstrip() + " ..."
        return [f"# {comment}", code]

    # --- expressions ------------------------------------------------------------------------------------------------

    def expression(self, value: Expression) -> tuple[str, int]:
        """The text and how tightly it binds. Lowering bounds the depth."""
        if isinstance(value, str):
            return self.names[value], ATOM
        if not isinstance(value, Applied):
            return self.constant(value)
        operation, operands = value
        if operation.name in MIRRORED and isinstance(operands[0], t.Operators):
            operation, operands = OPERATIONS[MIRRORED[operation.name]], operands[::-1]  # x > 0.0 for 0.0 < x
        parts = [self.expression(operand) for operand in operands]
        if operation.infix == "^" and isinstance(operands[1], t.Operators):
            parts[1] = self.constant(operands[1], whole=True)
        for k in self._constant_slots(Applied(operation, operands)):
            parts[k] = (self.number(parts[k][0]), ATOM)
        return applied(getattr(operation, self.dialect.column), operation, parts)

    def _constant_slots(self, value: Applied) -> list[int]:
        """The constants that have to become the library's numbers.

        Of an operator at least one: two plain numbers would go by Python's rules, in which (-2.0) ** 0.5 is complex and
        1.0 / 0.0 an error. Of torch's functions every operand.
        """
        operation, operands = value
        constants = [k for k, operand in enumerate(operands) if isinstance(operand, t.Operators)]
        if not operation.infix:
            return constants if self.dialect.tensors else []
        return constants[:1] if len(constants) == len(operands) else []

    def _borrows(self, value: Expression) -> bool:
        """Whether a constant in the expression takes the first input's shape."""
        if not self.dialect.tensors or isinstance(value, str):
            return False
        if not isinstance(value, Applied):
            return True
        return bool(self._constant_slots(value)) or any(self._borrows(operand) for operand in value.operands)

    def constant(self, tree: Tree, *, whole: bool = False) -> tuple[str, int]:
        """The text of a constant and how tightly it binds; whole : whether whole numbers may stay integers."""
        match tree:
            case t.Number(text=text):
                return literal(text, whole=whole), ATOM
            case t.Name(text=("pi" | "e") as text):
                return f"{self.dialect.prefix}{text}", ATOM
            case t.Negative(body=body):
                inner, level = self.constant(body, whole=whole)
                return ("-" + inner if level > UNARY else f"-({inner})"), UNARY
            case t.Product(factors=((_, upper), (_, lower))):
                return f"{self.constant(upper, whole=True)[0]} / {self.constant(lower, whole=True)[0]}", PRODUCT
        raise UsageError(f"{formula(tree)} is no constant")


def _uses(value: Expression, name: str) -> bool:
    if not isinstance(value, Applied):
        return False
    return value.operation.name == name or any(_uses(operand, name) for operand in value.operands)


def bracketed(entries: Iterable[str]) -> str:
    """A tuple as it is written, with the comma that a single entry needs."""
    listed = list(entries)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"


def _wrapped(text: str) -> list[str]:
    """A paragraph of a docstring; a very long list is cut."""
    lines = textwrap.wrap(text, WIDTH - 4, break_on_hyphens=False, break_long_words=False)
    return lines if len(lines) <= 6 else [*lines[:3], "...", lines[-1]]


def escaped(text: str) -> str:
    """Text from an author for a comment or a docstring: printable, no quote or backslash that could end it."""
    return "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else f"<{ord(c):x}>" for c in text)


def parameters_by_name(source: Source) -> Mapping[str, int]:
    """Both the author's names of the inputs and the identifiers, with their places."""
    program = source.lowered.program
    places = {name: k for k, name in enumerate(source.parameters)}
    places.update({program.label(name): k for k, name in enumerate(program.input_names)})
    return places
