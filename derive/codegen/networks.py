"""A network's training step as a module of its own: forward, backward and step, without a tape.

    forward(parameters, x) -> (output, saved)         backward(parameters, saved, y) -> (loss, gradients)
    step(parameters, gradients, lr)

The statements are those of `derive.codegen.network_plan`, each under the equation that it computes. With torch, dead
values are overwritten, and `backward(..., out=gradients)` writes into the gradients of an earlier step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from derive import terms
from derive.codegen.arrays import DIALECTS
from derive.codegen.arrays.recurrences import Group
from derive.codegen.arrays.source import ArraySource, _Printer, cited
from derive.codegen.arrays.text import comment, documented, wrapped
from derive.codegen.network_kernels import Kernel, torch_kernel
from derive.codegen.network_plan import Described, Plan, plan
from derive.codegen.network_windows import window_kernels
from derive.errors import UsageError
from derive.program import Equation


@dataclass(frozen=True)
class NetworkSource:
    """The module of a network in one dialect; `text` is the program text."""

    name: str
    network: Described
    target: str

    @cached_property
    def plan(self) -> Plan:
        return plan(self.network)

    @cached_property
    def saved(self) -> tuple[str, ...]:
        """What the forward pass keeps: the values that the loss and the adjoints read, the output first; statistics."""
        kernels = _kernels(self)
        found = dict.fromkeys([self.network.output, *self.network.statistics])
        forward = {line.name for line in self.plan.forward} | {"x"}
        for line in (*self.plan.loss, *self.plan.adjoints):
            reads = kernels[line.name].reads if line.name in kernels else terms.reads(line.term)
            found |= dict.fromkeys(name for name in self.plan.program.heads if name in reads and name in forward)
        return tuple(found)

    @cached_property
    def places(self) -> tuple[str, ...]:
        """What the forward pass keeps besides: the places of maxima."""
        return tuple(name for kernel in _kernels(self).values() for name in kernel.kept)

    @cached_property
    def text(self) -> str:
        return _module(self)


@dataclass(frozen=True)
class LoadedNetwork:
    """The three functions of a module.  saved : names of what `forward` keeps, as far as they are of equations."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    step: Callable[..., Any]
    saved: tuple[str, ...]


def network_source(network: Described, target: str = "torch") -> str:
    """The module for "torch", "numpy" or "loops". Raises UsageError for another target."""
    return _source(network, target).text


def load_network(network: Described, target: str = "torch") -> LoadedNetwork:
    """The functions of the module, compiled once for networks of the same equations."""
    return _loaded(_source(network, target).text, _source(network, target))


def _source(network: Described, target: str) -> NetworkSource:
    if target not in DIALECTS:
        raise UsageError(f"there is no target {target!r}; there are {', '.join(DIALECTS)}")
    key = (network.text, target)
    if key not in _SOURCES:
        if len(_SOURCES) >= 32:
            _SOURCES.pop(next(iter(_SOURCES)))
        _SOURCES[key] = NetworkSource("network", network, target)
    return _SOURCES[key]


_SOURCES: dict[tuple[str, str], NetworkSource] = {}
_LOADED: dict[str, LoadedNetwork] = {}


def _loaded(text: str, source: NetworkSource) -> LoadedNetwork:
    from derive.codegen.load import compiled_module

    if text not in _LOADED:
        names = compiled_module(source)
        _LOADED[text] = LoadedNetwork(names["forward"], names["backward"], names["step"], source.saved)
    return _LOADED[text]


# --- printing ---------------------------------------------------------------------------------------------------------


def _kernels(source: NetworkSource) -> dict[str, Kernel]:
    if source.target != "torch":
        return {}
    parameters = {source.plan.names[name]: name for name in source.network.parameters}
    lines = (*source.plan.forward, *source.plan.loss, *source.plan.adjoints)
    found = {line.name: torch_kernel(line, parameters) for line in lines}
    windows = window_kernels(
        source.plan.program, source.plan.names, source.plan.adjoints, tuple(source.network.parameters)
    )
    return {name: kernel for name, kernel in found.items() if kernel is not None} | windows


class _Body(_Printer):
    """The statements of one function: kernels where they are known, the general lowering elsewhere."""

    def __init__(self, source: ArraySource, kernels: Mapping[str, Kernel], owned: set[str]) -> None:
        super().__init__(source)
        self.names.used |= {"parameters", "saved", "gradients", "out", "lr", "name", "found"}
        self.kernels, self.owned = kernels, owned
        self.covered: set[str] = set()
        self.droppable: list[str] = []
        self.names.used |= {name for kernel in kernels.values() for name in kernel.kept}
        self.places = {line.name: place for place, line in enumerate(self.signature.lines)}

    def reads(self, line: Equation) -> frozenset[str]:
        return self.kernels[line.name].reads if line.name in self.kernels else terms.reads(line.term)

    def is_dead(self, name: str, place: int) -> bool:
        """Whether the value was made here, is no result, and nothing behind this line reads it."""
        later = self.signature.lines[place + 1 :]
        return name in self.owned and not any(name in self.reads(line) for line in later)

    def group(self, group: Group, ready: dict[str, terms.Term]) -> None:
        name = group.equations[0].name
        if name not in self.covered:
            self.written(group, ready)
        if len(group.equations) == 1:
            self.drop(self.places[name])

    def drop(self, place: int) -> None:
        """Let go of adjoints that are dead behind this line: their memory is free for the next."""
        gone = [name for name in self.droppable if self.places[name] <= place and self.is_dead(name, place)]
        for name in gone:
            self.droppable.remove(name)
            self.forget(name)
        if gone:
            self.low.emit(f"del {', '.join(map(self.array, gone))}")

    def forget(self, name: str) -> None:
        """The lowering may not call anything by the name of a value that is gone."""
        for block in self.low.blocks:
            for key in [key for key, (value, _) in block.known.items() if value.text == self.array(name)]:
                del block.known[key]

    def written(self, group: Group, ready: dict[str, terms.Term]) -> None:
        name = group.equations[0].name
        kernel = self.kernels.get(name)
        if kernel is not None:
            for other in kernel.gives:
                self.low.emit_all(comment(cited(self.signature.lines[self.places[other]])))
            self.covered |= set(kernel.gives)
        super().group(group, ready)

    def assign(self, line: Equation, term: terms.Term) -> None:
        kernel = self.kernels.get(line.name)
        if kernel is None:
            super().assign(line, term)
            return
        place = self.places[line.name]
        target = kernel.targets(self.array) if kernel.targets else self.array(line.name)
        for name in kernel.reads:
            if self.is_dead(name, place):
                self.forget(name)
        text = kernel.write(self.array, lambda name: self.is_dead(name, place))
        if kernel.targets and len(target) + len(text) > 90:  # a line that breaks inside its brackets has one target
            self.low.emit(f"found = {text}")
            text = "found"
        self.low.emit(f"{target} = {text}")
        self.low.remember(self.array(line.name), line.indices, term)


def _body(source: NetworkSource, lines: tuple[Equation, ...], results: tuple[str, ...], arguments: tuple[str, ...],
          kept: tuple[str, ...] = ()) -> list[str]:  # fmt: skip
    """Unpacking of sizes, and the statements."""
    arrays = ArraySource(lines, source.plan.program, DIALECTS[source.target], "network", arguments, results)
    owned = {line.name for line in lines} - {*results, *kept}
    printer = _Body(arrays, _kernels(source), owned)
    if source.target != "loops":
        printer.droppable = [line.name for line in lines if line in source.plan.adjoints and line.name in owned]
    body = printer.body()
    from derive.codegen.arrays.signature import sizes_of

    words = frozenset(word for line in body if not line.lstrip().startswith("#") for word in _words(line))
    used = [thing[1] for thing in printer.names.known if isinstance(thing, tuple) and thing[0] == "size"]
    sizes = sizes_of(
        [name for name in used if printer.names.of(("size", name), name) in words],
        printer.signature,
        source.plan.program,
    )
    return [line for opening in printer.unpacking(sizes) for line in wrapped(opening, 1)] + body


def _module(source: NetworkSource) -> str:
    network, found, dialect = source.network, source.plan, DIALECTS[source.target]
    tensor = dialect.array
    names = tuple(network.parameters)
    bars = tuple(found.names[name] for name in names)
    held = source.saved
    kept = (*held, *source.places)
    read = (*names, *network.given)
    forward = _body(source, found.forward, held[:1] + tuple(n for n in held[1:] if n != "x"), ("x", *read), held)
    backward = _body(source, (*found.loss, *found.adjoints), ("L", *bars), (*read, *held, "y"))
    used = [name for name in read if any(_mentions(line, name) for line in backward)]
    out = f", out: Mapping[str, {tensor}] | None = None" if source.target == "torch" else ""
    label = dialect.integers if network.labels else tensor
    lines = [
        *wrapped(f"def forward(parameters: Mapping[str, {tensor}], x: {tensor}) -> "
                 f"tuple[{tensor}, tuple[{tensor}, ...]]:", 0),
        *_documented(f"{network.output}, and what the backward pass needs: {', '.join(kept)}."),
        *_unpacked(read),
        *(_LAYOUT if source.places else []),
        *forward,
        *wrapped(f"return {network.output}, ({', '.join(kept)},)", 1),
        "",
        "",
        *wrapped(f"def backward(parameters: Mapping[str, {tensor}], saved: tuple[{tensor}, ...], y: {label}{out}) -> "
                 f"tuple[{dialect.scalar}, dict[str, {tensor}]]:", 0),
        *_documented("The loss, and its derivatives by the parameters."),
        *(["    out = out or {}"] if out else []),
        *_unpacked(used),
        *_taken_apart(kept),
        *backward,
        *wrapped("return L, {" + ", ".join(f'"{name}": {bar}' for name, bar in zip(names, bars, strict=True)) + "}", 1),
        "",
        "",
        *wrapped(f"def step(parameters: Mapping[str, {tensor}], gradients: Mapping[str, {tensor}], lr: float) "
                 "-> None:", 0),
        *_documented("Gradient descent in place: each parameter less lr times its gradient."),
        "    for name, gradient in gradients.items():",
        "        parameters[name].sub_(gradient, alpha=lr)" if source.target == "torch"
        else "        parameters[name][...] -= lr * gradient",
    ]  # fmt: skip
    imports = dialect.imports("\n".join(lines))
    return "\n".join([*_heading(source), "from collections.abc import Mapping", "", *imports, "", "", *lines]) + "\n"


_LAYOUT = [
    "    # channels are neighbours in memory: convolutions and pooling run over them at once",
    "    x = x.to(memory_format=torch.channels_last)",
]


def _mentions(line: str, name: str) -> bool:
    return not line.lstrip().startswith("#") and name in _words(line)


@lru_cache(maxsize=4096)
def _words(line: str) -> frozenset[str]:
    import re

    return frozenset(re.findall(r"[A-Za-z_]\w*", re.sub(r'"[^"]*"', "", line)))


def _documented(text: str) -> list[str]:
    return documented(f'"""{text}"""', 1)


def _taken_apart(names: tuple[str, ...]) -> list[str]:
    """a, b = saved; in brackets where it needs several lines."""
    line = f"    {', '.join(names)}{',' if len(names) == 1 else ''} = saved"
    return [line] if len(line) <= 100 else ["    (", *documented(f"{', '.join(names)},", 2), "    ) = saved"]


def _unpacked(names: tuple[str, ...] | list[str]) -> list[str]:
    return [f'    {name} = parameters["{name}"]' for name in names]


def _heading(source: NetworkSource) -> list[str]:
    """The docstring of the module: shapes of the parameters, and what is kept, with its memory."""
    network = source.network
    shapes = getattr(network, "shapes", {})
    lines = [f'"""{network.name}: forward, backward and step; rows are samples.', "", "Parameters:"]
    lines += [f"    {name} : {_shape(shape)}" for name, shape in network.parameters.items()]
    if network.given:
        rows = {name: "N, " if name in getattr(network, "masks", {}) else "" for name in network.given}
        lines += ["", "Given among the parameters, without a gradient:"]
        lines += [f"    {name} : {_shape(network.given[name], row)}" for name, row in rows.items()]
    lines += ["", "Kept for the backward pass (numbers of one sample; 4 bytes each in float32):"]
    for name in source.saved:
        if name in shapes:
            count = 1
            for extent in shapes[name]:
                count *= extent
            how = "the input itself, no copy" if name == "x" else f"{count} numbers, {4 * count} bytes"
            lines.append(f"    {name} : (N, {', '.join(map(str, shapes[name]))}); {how}")
    return [*lines, '"""', "", "from __future__ import annotations", ""]


def _shape(shape: tuple[int, ...], rows: str = "") -> str:
    return f"({rows}{', '.join(map(str, shape))}{',' if len(shape) == 1 and not rows else ''})"


__all__ = ["LoadedNetwork", "NetworkSource", "load_network", "network_source"]
