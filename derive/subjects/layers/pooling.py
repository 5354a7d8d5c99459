"""Pooling over windows and over whole feature maps.

Max pooling: cells of the padding never win. They count as -10^308, which is below every entry that a float holds.
Average pooling: cells of the padding count (count_include_pad) or not; the cells that ceil mode reaches beyond the
padding never do.

Source: the definitions of torch.nn.MaxPool2d and torch.nn.AvgPool2d (2.13).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from derive.subjects.layers.convolutions import result_shape
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting
from derive.subjects.layers.options import Option
from derive.subjects.layers.window import IMAGE, OUTPUTS, Window, affine, check_reach, windows


def _options(axes: int) -> tuple[Option, ...]:
    return (
        Option("kernel-size", "extents", 2, "cells of a window", axes),
        Option("stride", "extents", None, "cells between neighbouring windows; the kernel size if not given", axes),
        Option("padding", "padding", 0, "cells around the image, before:after", axes, 0),
        Option("ceil-mode", "flag", False, "keep a last window that only partly lies inside"),
    )


def _operands(axes: int, _: Mapping[str, Any], __: int | None) -> tuple[Operand, ...]:
    return (Operand("X", ("N", "C", *IMAGE[axes])),)


def _windows(setting: Setting) -> tuple[Window, ...]:
    each = windows(setting, setting["kernel-size"], ceil=setting["ceil-mode"])
    check_reach(setting, each)
    for axis, window in enumerate(each):
        _check_padding(setting, axis, window)
    return each


def _check_padding(setting: Setting, axis: int, window: Window) -> None:
    """Padding is at most half the kernel, as in torch, and no window lies in the padding alone."""
    assert isinstance(window.kernel, int)
    for amount in (window.before, window.after):
        if 2 * amount > window.kernel:
            message = f"a padding of {amount} along axis {axis + 2} of X is more than half of the kernel's"
            raise setting.error(f"{message} {window.kernel} cells")
    if window.extent is None or not isinstance(window.image, int):
        return
    for output in range(window.extent):
        start = window.stride * output - window.before
        if not any(0 <= start + window.dilation * offset < window.image for offset in range(window.kernel)):
            raise setting.error(f"window {output} along axis {axis + 2} of X reads none of its {window.image} cells")


def _written(each: tuple[Window, ...], setting: Setting, *lines: str, counted: bool = False) -> Equations:
    """The lines, with the shape of the result where the subscripts do not settle it."""
    if not any(window.leaves for window in each) and any(window.extent is None for window in each):
        return Equations(lines)
    shape, remarks = result_shape(each)
    shapes = {"Y": (setting.size("N"), setting.size("C"), *shape)} | ({"count": shape} if counted else {})
    return Equations((*remarks, *lines), shapes)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The pieces of a line.

    outputs : indices of the result.  over : `(k, l) [0 <= k < 2]*[0 <= l < 3]*`, the indices of a window and how far
    they run, which no array says.  entry : what is read.  inside : the indicators of the image, or "".
    """

    outputs: str
    over: str
    entry: str
    inside: str


def _reading(each: tuple[Window, ...]) -> _Reading:
    offsets = ", ".join(window.offset for window in each)
    limits = "".join(f"[0 <= {window.offset} < {window.kernel}]*" for window in each)
    return _Reading(
        ", ".join(window.output for window in each),
        f"({offsets}) {limits}",
        f"X[n, c, {', '.join(window.position for window in each)}]",
        "*".join(window.inside for window in each if window.leaves),
    )


def _max(setting: Setting) -> Equations:
    each = _windows(setting)
    part = _reading(each)
    result, inside = f"Y[n, c, {part.outputs}]", part.inside
    if not inside:
        return _written(each, setting, f"{result} = max{part.over}{part.entry}")
    body = f"({inside}*{part.entry} + (1 - {inside})*lowest)"
    return _written(each, setting, "lowest = -1e308", f"{result} = max{part.over}{body}")


def _average(setting: Setting) -> Equations:
    each = _windows(setting)
    part = _reading(each)
    result, inside = f"Y[n, c, {part.outputs}]", part.inside and f"{part.inside}*"
    counts = "*".join(filter(None, map(_counted if setting["count-include-pad"] else _counted_inside, each)))
    if not counts:
        return _written(each, setting, f"{result} = mean{part.over}{inside}{part.entry}")
    return _written(
        each,
        setting,
        f"count[{part.outputs}] = sum{part.over}{counts}",
        f"{result} = sum{part.over}{inside}{part.entry}/count[{part.outputs}]",
        counted=True,
    )


def _counted_inside(window: Window) -> str:
    return window.inside if window.leaves else ""


def _counted(window: Window) -> str:
    """The indicator of the cells of image and padding, where a window may reach beyond both."""
    if not window.ceil or window.stride == 1:
        return ""
    if isinstance(window.image, int) and window.extent is not None and window.reach is not None:
        last = window.stride * (window.extent - 1) + window.reach - window.before
        if last <= window.image + window.after:
            return ""
    return f"[{window.position} < {affine([(1, window.image), (window.after, 1)])}]"


# --- whole feature maps -----------------------------------------------------------------------------------------------


def _map_operands(_: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    spatial = {3: 1, 5: 3}.get(rank or 4, 2)
    return (Operand("X", ("N", "C", *IMAGE[spatial])),)


def _global(reduction: str, setting: Setting) -> Equations:
    letters = ", ".join(OUTPUTS[: len(setting.axes("X")) - 2])
    return Equations((f"Y[n, c] = {reduction}({letters}) X[n, c, {letters}]",))


def _rows(axes: int) -> tuple[Layer, Layer]:
    words = {1: "one axis", 2: "two axes", 3: "three axes"}[axes]
    dilation = Option("dilation", "extents", 1, "cells between neighbouring cells of a window", axes)
    counting = Option("count-include-pad", "flag", True, "cells of the padding count in the mean")
    return (
        Layer(
            f"max_pool{axes}d",
            f"max pooling over {words}",
            "each output is the largest entry of its window; a tie goes to the first in row-major order",
            partial(_operands, axes),
            _max,
            (*_options(axes), dilation),
            torch=f"torch.nn.functional.max_pool{axes}d",
            source="torch.nn.MaxPool2d",
        ),
        Layer(
            f"avg_pool{axes}d",
            f"average pooling over {words}",
            "each output is the mean of its window",
            partial(_operands, axes),
            _average,
            (*_options(axes), counting),
            torch=f"torch.nn.functional.avg_pool{axes}d",
            source="torch.nn.AvgPool2d",
        ),
    )


LAYERS = (
    *(layer for axes in (1, 2, 3) for layer in _rows(axes)),
    Layer(
        "global_avg_pool",
        "global average pooling",
        "each feature map becomes its mean",
        _map_operands,
        partial(_global, "mean"),
        torch="torch.nn.functional.adaptive_avg_pool2d",
        source="M. Lin, Q. Chen, S. Yan, Network in network (2014), arXiv:1312.4400",
    ),
    Layer(
        "global_max_pool",
        "global max pooling",
        "each feature map becomes its largest entry; a tie goes to the first in row-major order",
        _map_operands,
        partial(_global, "max"),
        torch="torch.nn.functional.adaptive_max_pool2d",
    ),
)
