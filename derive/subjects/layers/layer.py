"""What a layer is here: its arrays, its options, and the text of its forward equations for given sizes and options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from derive.errors import UsageError
from derive.names import NAME_PATTERN
from derive.subjects.layers.options import Option, read_options
from derive.words import nearest

#: The extent of an axis: a number, or the name of a size.
Size = int | str

#: The upstream gradient of a layer's output.
UPSTREAM = "G"


@dataclass(frozen=True, slots=True)
class Operand:
    """An array that a layer reads.

    axes : per axis a number, or the letter of a size; arrays that share a letter agree there. () is a number.
    domain : what its entries are: "real", "positive", "(0, 1)", "one-hot" or "simplex" (along the last axis), "{0, 1}",
        "{-1, 1}", "classes of K" (whole numbers below the size K), "1..100".
    wrt : whether a gradient is asked for when nobody says which.
    """

    name: str
    axes: tuple[Size, ...] = ()
    domain: str = "real"
    wrt: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """What equations are written for. `setting["stride"]` is an option, `setting.size("H")` an extent."""

    layer: str
    options: Mapping[str, Any]
    sizes: Mapping[str, Size]
    operands: tuple[Operand, ...]

    def __getitem__(self, option: str) -> Any:
        return self.options[option]

    def size(self, letter: str) -> Size:
        """The extent that this letter stands for; the letter itself where it is no size of the operands."""
        return self.sizes.get(letter, letter)

    def axes(self, operand: str) -> tuple[Size, ...]:
        """The letters of an operand's axes."""
        return next(each.axes for each in self.operands if each.name == operand)

    def error(self, message: str) -> UsageError:
        return UsageError(f"{self.layer}: {message}")


@dataclass(frozen=True, slots=True)
class Equations:
    """The lines of a layer, and the shapes of the results that the subscripts alone do not settle."""

    lines: tuple[str, ...]
    shapes: Mapping[str, tuple[Size, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A layer written out: the text, the arrays it reads with the extents they have in it, and the names it defines.

    outputs : the results, the one with the upstream gradient (or the loss) first.
    shapes : of results whose subscripts do not settle it.
    """

    text: str
    operands: tuple[Operand, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, tuple[Size, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Layer:
    """One row of the catalogue.

    operands : the arrays for given options and rank of the first operand (None where nobody says).
    equations : the lines for a setting.
    outputs : what it defines for others to read; of a loss its name.  loss : whether the first output is a loss.
    torch : the function or module of torch with the same meaning, or "" where there is none.
    """

    name: str
    title: str
    sentence: str
    operands: Callable[[Mapping[str, Any], int | None], tuple[Operand, ...]]
    equations: Callable[[Setting], Equations]
    options: tuple[Option, ...] = ()
    outputs: tuple[str, ...] = ("Y",)
    loss: bool = False
    torch: str = ""
    source: str = ""

    def __repr__(self) -> str:
        return f"<layer {self.name}>"

    def text(self, options: Mapping[str, Any] | None = None, shapes: Shapes | None = None) -> str:
        """The forward equations in the plain notation, with the declarations they need. See `write`."""
        return self.write(options, shapes).text

    def write(self, options: Mapping[str, Any] | None = None, shapes: Shapes | None = None) -> Written:
        """The layer written out.

        options : by name, as values or as the text of a command line.  shapes : of arrays by name, the output and its
        upstream gradient included; sizes that they leave open keep their letters.
        Raises UsageError: an unknown option or array, shapes that do not fit each other, an empty output.
        """
        chosen = read_options(self.name, self.options, options or {})
        given = {name: tuple(shape) for name, shape in (shapes or {}).items()}
        operands = self._operands(chosen, given)
        own = {letter for operand in operands for letter in operand.axes if isinstance(letter, str)}
        reserved = self._reserved(chosen, operands)
        sizes = _bound(self.name, operands, given, reserved)
        setting = Setting(self.name, chosen, {letter: sizes.get(letter, letter) for letter in own}, operands)
        written = self.equations(setting)
        bound = tuple(_filled(operand, setting) for operand in operands)
        declared = {operand.name: operand.axes for operand in bound} | dict(written.shapes or {})
        _check_output(setting, self.outputs[0], declared, given)
        lines = [f"# {self.name}: {self.title}"]
        lines += [f"{name} : {shape_text(shape)}" for name, shape in declared.items()]
        lines += written.lines
        if self.loss:
            lines.append(f"loss {self.outputs[0]}")
        elif self.outputs[0] == "Y":
            lines.append(f"upstream Y = {UPSTREAM}")
        return Written("\n".join(lines) + "\n", bound, self.outputs, dict(written.shapes or {}))

    def _operands(self, chosen: Mapping[str, Any], given: Mapping[str, tuple[Size, ...]]) -> tuple[Operand, ...]:
        """The operands, once the rank of the first of them is known."""
        first = self.operands(chosen, None)[0].name
        operands = self.operands(chosen, len(given[first]) if first in given else None)
        names = {operand.name for operand in operands} | set(self.outputs) | {UPSTREAM}
        for name in given:
            if name not in names:
                close = nearest(name, names)
                known = ", ".join(operand.name for operand in operands)
                hint = f"did you mean {close}?" if close else f"it reads {known}"
                raise UsageError(f"{self.name} has no array {name}; {hint}")
        return operands

    def _reserved(self, chosen: Mapping[str, Any], operands: tuple[Operand, ...]) -> frozenset[str]:
        """Names that the lines use for arrays, indices and constants: no size may be called that."""
        names = {operand.name for operand in operands} | set(self.outputs) | {UPSTREAM}
        letters = {letter for operand in operands for letter in operand.axes if isinstance(letter, str)}
        written = self.equations(Setting(self.name, chosen, {letter: letter for letter in letters}, operands))
        words = {word for line in written.lines if line[0] != "#" for word in re.findall(NAME_PATTERN, line)}
        results = {extent for shape in (written.shapes or {}).values() for extent in shape if isinstance(extent, str)}
        return frozenset(names | ((words | results) - letters))


Shapes = Mapping[str, Sequence[Size]]


def shape_text(shape: Sequence[Size]) -> str:
    """`2 x C x 8`, or `scalar`."""
    return " x ".join(map(str, shape)) or "scalar"


def _bound(
    layer: str,
    operands: tuple[Operand, ...],
    given: Mapping[str, tuple[Size, ...]],
    reserved: frozenset[str],
) -> dict[str, Size]:
    """The extent of each letter that the given shapes settle; letters left open get a name that nothing else has."""
    sizes: dict[str, Size] = {}
    first: dict[str, str] = {}
    for operand in operands:
        shape = given.get(operand.name)
        if shape is None:
            continue
        if len(shape) != len(operand.axes):
            expected = shape_text(operand.axes)
            message = f"{layer} reads {operand.name} as {expected}, and the one given is {shape_text(shape)}"
            raise UsageError(f"{message}: {_axes(len(shape))}, not {_axes(len(operand.axes))}")
        for place, (letter, extent) in enumerate(zip(operand.axes, shape, strict=True)):
            where = f"axis {place} of {operand.name}"
            _check_extent(layer, where, extent, reserved)
            if isinstance(letter, int):
                if extent != letter:
                    raise UsageError(f"{layer}: {where} has {letter} entries, and the one given has {extent}")
            elif sizes.setdefault(letter, extent) != extent:
                raise UsageError(f"{layer}: {letter} is {sizes[letter]} in {first[letter]} and {extent} in {where}")
            else:
                first.setdefault(letter, where)
    taken = {extent for extent in sizes.values() if isinstance(extent, str)}
    for operand in operands:
        for letter in operand.axes:
            if isinstance(letter, str) and letter not in sizes:
                name, number = letter, 1
                while name in taken or name in reserved:
                    name, number = f"{letter}{number}", number + 1
                sizes[letter] = name
                taken.add(name)
    return sizes


def _check_extent(layer: str, where: str, extent: Size, reserved: frozenset[str]) -> None:
    if isinstance(extent, str):
        if not re.fullmatch(NAME_PATTERN, extent):
            raise UsageError(f"{layer}: {where} is {extent!r}; an extent is a whole number or a name")
        if extent in reserved:
            message = (
                f"{where} is called {extent}, which is an array or an index of its equations; give it another name"
            )
            raise UsageError(f"{layer}: {message}")
    elif extent < 1:
        raise UsageError(f"{layer}: {where} has {extent} entries; it has at least 1")


def _axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def _filled(operand: Operand, setting: Setting) -> Operand:
    """The operand with extents for letters, in its domain too."""
    axes = tuple(setting.size(axis) if isinstance(axis, str) else axis for axis in operand.axes)
    domain = re.sub(r"(?<=classes of )\w+", lambda found: str(setting.size(found[0])), operand.domain)
    return replace(operand, axes=axes, domain=domain)


def _check_output(
    setting: Setting, output: str, declared: Mapping[str, tuple[Size, ...]], given: Mapping[str, tuple[Size, ...]]
) -> None:
    """An upstream gradient that is given has the shape of the output."""
    shape = declared.get(output)
    for name in (output, UPSTREAM):
        if shape is None or name not in given:
            continue
        pairs = zip(shape, given[name], strict=False)
        if len(shape) != len(given[name]) or any(
            isinstance(one, int) and isinstance(two, int) and one != two for one, two in pairs
        ):
            raise setting.error(f"{output} is {shape_text(shape)}, and the {name} given is {shape_text(given[name])}")
