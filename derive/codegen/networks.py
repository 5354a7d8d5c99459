"""A network's training step as a module of its own: forward, backward and step, without a tape.

    forward(parameters, x) -> (output, saved)         backward(parameters, saved, y) -> (loss, gradients)
    step(parameters, gradients, lr)

The statements are those of `derive.codegen.network_plan`, each under the equation that it computes. With torch, dead
values are overwritten, and `backward(..., out=gradients)` writes into the gradients of an earlier step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from derive import terms
from derive.codegen.arrays import DIALECTS
from derive.codegen.arrays.breaking import WIDTH
from derive.codegen.arrays.source import ArraySource
from derive.codegen.arrays.text import documented, wrapped
from derive.codegen.network_body import statements, words
from derive.codegen.network_kernels import Kernel, numpy_kernel, torch_kernel
from derive.codegen.network_plan import Described, Plan, plan
from derive.codegen.network_windows import window_kernels
from derive.errors import UsageError


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
    """The lines that one kernel of the library computes, by name."""
    found: dict[str, Kernel | None] = {}
    lines = (*source.plan.forward, *source.plan.loss, *source.plan.adjoints)
    if source.target == "torch":
        parameters = {source.plan.names[name]: name for name in source.network.parameters}
        found = {line.name: torch_kernel(line, parameters) for line in lines}
        found |= window_kernels(source.plan.program, source.plan.names, source.plan.adjoints)
    elif source.target == "numpy":
        found = {line.name: numpy_kernel(line) for line in lines}
    return {name: kernel for name, kernel in found.items() if kernel is not None}


def _module(source: NetworkSource) -> str:
    network, found, dialect = source.network, source.plan, DIALECTS[source.target]
    tensor = dialect.array
    names = tuple(network.parameters)
    bars = tuple(found.names[name] for name in names)
    held = source.saved
    kept = (*held, *source.places)
    read = (*names, *network.given)
    kernels, frees = _kernels(source), source.target != "loops"
    results = tuple(name for name in held if name != "x")
    forward = statements(
        ArraySource(found.forward, found.program, dialect, "network", ("x", *read), results),
        kernels, kept=held, frees=frees,
    )  # fmt: skip
    unread = tuple(line.name for line in found.forward if line.name not in held)  # by equations only, not by kernels
    lines_back = (*found.loss, *found.adjoints)
    backward = statements(
        ArraySource(lines_back, found.program, dialect, "network", (*read, *held, "y", *unread), ("L", *bars)),
        kernels, held=held, frees=frees,
    )  # fmt: skip
    used = [name for name in read if any(_mentions(line, name) for line in backward)]
    out = f", out: Mapping[str, {tensor}] | None = None" if source.target == "torch" else ""
    label = dialect.integers if network.labels else tensor
    lines = [
        *wrapped(f"def forward(parameters: Mapping[str, {tensor}], x: {tensor}) -> "
                 f"tuple[{tensor}, list[{tensor}]]:", 0),
        *_documented(f"{network.output}, and what the backward pass needs: {', '.join(kept)}."),
        *_unpacked(read),
        *(_LAYOUT if source.places else []),
        *forward,
        *_handed_on(network.output, kept),
        "",
        "",
        *wrapped(f"def backward(parameters: Mapping[str, {tensor}], saved: list[{tensor}], y: {label}{out}) -> "
                 f"tuple[{dialect.scalar}, dict[str, {tensor}]]:", 0),
        *_documented("The loss, and its derivatives by the parameters. Takes from `saved` what it frees."),
        *(["    out = out or {}"] if out else []),
        *_unpacked(used),
        *_taken_apart(kept),
        f"    del saved[{1 + len(network.statistics)}:]" if network.statistics else "    saved.clear()",
        *(_labels(network.shapes[network.output][0]) if network.labels and source.target != "torch" else []),
        *backward,
        *_answered([f'"{name}": {bar}' for name, bar in zip(names, bars, strict=True)]),
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


def _labels(classes: int) -> list[str]:
    """NumPy counts negative subscripts from the end, so a label that is no class has to be looked for."""
    said = f"labels are 0 to {classes - 1}, and y holds {{y.min()}} to {{y.max()}}"
    return [
        f"    if y.min() < 0 or y.max() >= {classes}:",
        f'        raise IndexError(f"{said}")',
    ]


def _mentions(line: str, name: str) -> bool:
    return not line.lstrip().startswith("#") and name in words(line)


def _documented(text: str) -> list[str]:
    return documented(f'"""{text}"""', 1, hang=0)


def _handed_on(output: str, names: tuple[str, ...]) -> list[str]:
    """The result and what is kept; a long list in several statements."""
    line = f"    return {output}, [{', '.join(names)}]"
    if len(line) <= WIDTH:
        return [line]
    parts = _in_lines(names, WIDTH - len("    saved += []"))
    signs = ["=", *["+="] * (len(parts) - 1)]
    lines = [f"    saved {sign} [{', '.join(part)}]" for sign, part in zip(signs, parts, strict=True)]
    return [*lines, f"    return {output}, saved"]


def _taken_apart(names: tuple[str, ...]) -> list[str]:
    """a, b = saved; a long list in several statements."""
    line = f"    {', '.join(names)}{',' if len(names) == 1 else ''} = saved"
    if len(line) <= WIDTH:
        return [line]
    lines, start = [], 0
    for part in _in_lines(names, WIDTH - len("    , = saved[000:000]")):
        cut = f"{start or ''}:{start + len(part) if start + len(part) < len(names) else ''}"
        lines.append(f"    {', '.join(part)}{',' if len(part) == 1 else ''} = saved[{cut}]")
        start += len(part)
    return lines


def _in_lines(names: tuple[str, ...], width: int) -> list[list[str]]:
    """The names in as many lists as there are lines of at most so many columns."""
    parts: list[list[str]] = [[]]
    for name in names:
        if parts[-1] and len(", ".join([*parts[-1], name])) > width:
            parts.append([])
        parts[-1].append(name)
    return parts


def _answered(pairs: list[str]) -> list[str]:
    line = f"return L, {{{', '.join(pairs)}}}"
    if len(line) + 4 <= WIDTH:
        return wrapped(line, 1)
    return [*wrapped(f"gradients = {{{', '.join(pairs)}}}", 1), "    return L, gradients"]


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
