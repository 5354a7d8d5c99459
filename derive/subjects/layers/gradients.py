"""The gradients of a layer by its name: options, shapes read off the values, a bias where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from derive.answers import Answer, grad
from derive.conventions import KEYS, chosen_settings, conventions_of
from derive.errors import UsageError
from derive.subjects.layers.catalogue import LAYERS, find_layer
from derive.subjects.layers.layer import UPSTREAM, Layer, Size
from derive.subjects.layers.options import read_options


def grad_layer(
    name: str,
    wrt: Sequence[str] | str = (),
    *,
    options: Mapping[str, Any] | None = None,
    shapes: Mapping[str, Sequence[Size]] | None = None,
    values: Mapping[str, Any] | None = None,
    upstream: Mapping[str, str] | None = None,
    second: Iterable[str | tuple[str, str]] = (),
    conventions: Iterable[str] = (),
) -> Answer:
    """The gradients of a layer of the catalogue, such as "conv2d", from its forward equations.

    wrt : names of its arrays; by default those that one learns or passes on, not labels and targets.
    options : {"stride": 2, "padding": "1:2"}.  shapes, values, second : as `derive.grad` has them; shapes are read off
        the values.  conventions : settings such as "kernel=convolution"; they choose among the layer's equations too.
    There is a bias exactly where b is among the values, the shapes or `wrt`, or with the option bias; the same holds
    for other arrays that an option adds.
    Raises UsageError for an unknown layer, option or array, shapes that do not fit, and an empty output.
    """
    layer = find_layer(name)
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    settings = chosen_settings(conventions)
    known = {array: tuple(int(n) for n in _shape(array, value)) for array, value in (values or {}).items()}
    merged = _merged(layer, dict(shapes or {}), {name: known[name] for name in _arrays_of(layer) if name in known})
    seed = dict(upstream or {})
    called = seed.pop("Y", UPSTREAM)
    if called != UPSTREAM and called in merged:
        merged[UPSTREAM] = merged.pop(called)
    chosen = _options(layer, dict(options or {}), settings)
    chosen = _implied(layer, chosen, {*names, *merged}, values is not None)
    written = layer.write(chosen, merged)
    text = written.text.replace(f"upstream Y = {UPSTREAM}\n", f"upstream Y = {called}\n")
    asked = names or tuple(operand.name for operand in written.operands if operand.wrt)
    return grad(
        text, asked, values=values, upstream=seed, second=second, conventions=conventions_of(settings),
        title=f"{layer.title[0].upper()}{layer.title[1:]}",
    )  # fmt: skip


def _shape(name: str, value: Any) -> tuple[int, ...]:
    from derive.arraydata import as_arrays  # NumPy: only for those who have numbers

    shape: tuple[int, ...] = as_arrays({name: value})[name].shape
    return shape


def _arrays_of(layer: Layer) -> list[str]:
    """The arrays whose shapes the layer knows; that of another upstream gradient is held against its output later."""
    flags = [option.name for option in layer.options if option.kind == "flag"]
    options = read_options(layer.name, layer.options, dict.fromkeys(flags, True))
    return [*(operand.name for operand in layer.operands(options, None)), *layer.outputs, UPSTREAM]


def _merged(
    layer: Layer, shapes: dict[str, Sequence[Size]], known: Mapping[str, tuple[int, ...]]
) -> dict[str, Sequence[Size]]:
    """Shapes as given, and those of the values; they must not contradict each other."""
    for name, shape in known.items():
        given = tuple(shapes.get(name, shape))
        clash = any(isinstance(one, int) and one != two for one, two in zip(given, shape, strict=False))
        if len(given) != len(shape) or clash:
            told = " x ".join(map(str, given)) or "a number"
            raise UsageError(f"{layer.name}: {name} is {told}, and its values are {' x '.join(map(str, shape))}")
        shapes[name] = shape
    return shapes


def _options(layer: Layer, options: dict[str, Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Options as given, and those that conventions choose."""
    given = {name.replace("_", "-"): value for name, value in options.items() if value is not None}
    own = {option.name for option in layer.options}
    for key in KEYS:
        if key.name not in settings or not key.mathematics:
            continue
        value = settings[key.name]
        if key.name not in own:
            others = [other.name for other in LAYERS.values() if any(each.name == key.name for each in other.options)]
            for_whom = f"it is for {', '.join(others[:6])}" if others else "no layer has a choice there"
            raise UsageError(f"{layer.name} does not ask for the convention {key.name}={value}; {for_whom}")
        if given.setdefault(key.name, value) != value:
            raise UsageError(f"--{key.name} is {given[key.name]} and the convention says {key.name}={value}; give one")
    return given


def _implied(layer: Layer, options: dict[str, Any], named: set[str], valued: bool) -> dict[str, Any]:
    """Flags that nobody set and that add arrays, such as bias and b: on where such an array is named.

    With values they are off where none is, for there would be nothing to compute with.
    """
    for option in layer.options:
        if option.kind != "flag" or option.name in options:
            continue
        there, absent = ({operand.name for operand in layer.operands(_read(layer, options, option.name, on), None)}
                         for on in (True, False))  # fmt: skip
        added = there - absent
        if added and (valued or added & named):
            options = {**options, option.name: bool(added & named)}
    return options


def _read(layer: Layer, options: Mapping[str, Any], flag: str, on: bool) -> dict[str, Any]:
    return read_options(layer.name, layer.options, {**options, flag: on})
