"""Cross-correlation and convolution layers over one, two and three axes, and their transposes.

Images are N x C x H x Wd, kernels O x C/groups x P x Q; the kernel of a transposed convolution is C x O/groups x P x Q.
What torch calls a convolution is a cross-correlation, sum V[i+k] K[k]; `kernel=convolution` makes it sum V[i-k] K[k].

Source: V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning (2016), arXiv:1603.07285.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from derive.subjects.layers.layer import Equations, Layer, Operand, Setting, Size
from derive.subjects.layers.options import Option
from derive.subjects.layers.window import (
    IMAGE,
    INPUTS,
    KERNEL,
    OFFSETS,
    OUTPUTS,
    Window,
    affine,
    check_reach,
    windows,
)

KERNEL_CONVENTION = Option(
    "kernel", "choice", "correlation", "correlation reads V[i+k], convolution V[i-k]",
    choices=("correlation", "convolution"),
)  # fmt: skip
GROUPS = Option("groups", "count", 1, "channels are split into so many groups that do not mix")
BIAS = Option("bias", "flag", False, "with a bias b for each output channel")


def stepping(axes: int) -> tuple[Option, ...]:
    """Stride, padding and dilation for so many axes."""
    return (
        Option("kernel-size", "extents", None, "entries of the kernel; by default those of W, or named sizes", axes),
        Option("stride", "extents", 1, "cells between neighbouring windows", axes),
        Option("padding", "padding", 0, "cells of zeros around the image, before:after", axes, 0),
        Option("dilation", "extents", 1, "cells between neighbouring entries of the kernel", axes),
    )


def with_bias(options: Mapping[str, Any], axis: str) -> tuple[Operand, ...]:
    """The bias along an axis, where there is one."""
    return (Operand("b", (axis,)),) if options["bias"] else ()


# --- cross-correlation ------------------------------------------------------------------------------------------------


def _operands(axes: int, options: Mapping[str, Any], _: int | None) -> tuple[Operand, ...]:
    channels = "Cg" if options["groups"] > 1 else "C"
    return (
        Operand("X", ("N", "C", *IMAGE[axes])),
        Operand("W", ("O", channels, *_taps(axes, options))),
        *with_bias(options, "O"),
    )


def _correlation(axes: int, setting: Setting) -> Equations:
    each = windows(setting, _kernel(axes, setting), flipped=setting["kernel"] == "convolution")
    check_reach(setting, each)
    _check_groups(setting)
    outputs, offsets = ", ".join(OUTPUTS[:axes]), ", ".join(OFFSETS[:axes])
    guards = "".join(f"{window.inside}*" for window in each if window.leaves)
    read = f"X[n, {_channel(setting)}, {', '.join(window.position for window in each)}]"
    bias = " + b[o]" if setting["bias"] else ""
    line = f"Y[n, o, {outputs}] = sum(c, {offsets}) {guards}{read}*W[o, c, {offsets}]{bias}"
    if not any(window.leaves for window in each) and any(window.extent is None for window in each):
        return Equations((line,))  # every read is inside, so the subscripts settle how far i runs
    shape, remarks = result_shape(each)
    return Equations((*remarks, line), {"Y": (setting.size("N"), setting.size("O"), *shape)})


def _taps(axes: int, options: Mapping[str, Any]) -> tuple[Size, ...]:
    """The extents of the kernel, or the letters of their sizes."""
    given: tuple[Size, ...] | None = options["kernel-size"]
    return KERNEL[axes] if given is None else given


def _kernel(axes: int, setting: Setting) -> tuple[Size, ...]:
    return tuple(setting.size(extent) if isinstance(extent, str) else extent for extent in setting.axes("W")[-axes:])


def result_shape(each: tuple[Window, ...]) -> tuple[tuple[Size, ...], tuple[str, ...]]:
    """Extents of the result, and a remark for each that is only named."""
    shape = tuple(window.result if window.extent is None else window.extent for window in each)
    named = [window for window in each if window.extent is None]
    return shape, tuple(f"# {window.result} = {window.formula}" for window in named)


def _channel(setting: Setting) -> str:
    """The channel of the image that output channel o reads at channel c of its kernel."""
    groups = setting["groups"]
    if groups == 1:
        return "c"
    inner, outer = setting.size("Cg"), setting.size("O")
    if outer == groups:  # one output channel in each group
        return affine([(inner, "o"), (1, "c")]) if isinstance(inner, int) else f"{inner}*o + c"
    group = group_of("o", outer, groups)
    return affine([(inner, group), (1, "c")]) if isinstance(inner, int) else f"{inner}*{group} + c"


def group_of(index: str, channels: Size, groups: int) -> str:
    """The group that a channel is in; channels/groups divides without remainder."""
    if isinstance(channels, int):
        return f"floor({index}/{channels // groups})" if channels > groups else index
    return f"floor({groups}*{index}/{channels})"


def _check_groups(setting: Setting) -> None:
    groups, channels, outer = setting["groups"], setting.size("C"), setting.size("O")
    if groups == 1:
        return
    inner = setting.size("Cg")
    for what, count in (("input", channels), ("output", outer)):
        if isinstance(count, int) and count % groups:
            raise setting.error(f"{count} {what} channels cannot be split into {groups} groups of one size")
    if isinstance(channels, int) and isinstance(inner, int) and channels != groups * inner:
        message = f"X has {channels} channels in {groups} groups, so W reads {channels // groups} of them, not {inner}"
        raise setting.error(message)


# --- transposed -------------------------------------------------------------------------------------------------------


def _transposed_operands(axes: int, options: Mapping[str, Any], _: int | None) -> tuple[Operand, ...]:
    channels = "Og" if options["groups"] > 1 else "O"
    return (
        Operand("X", ("N", "C", *IMAGE[axes])),
        Operand("W", ("C", channels, *_taps(axes, options))),
        *with_bias(options, "O"),
    )


def _transposed(axes: int, setting: Setting) -> Equations:
    """Every input cell p sends to the output cells i = stride*p + dilation*k - padding."""
    groups, flipped = setting["groups"], setting["kernel"] == "convolution"
    spread = windows(setting, _kernel(axes, setting), INPUTS, flipped)
    shape: list[Size] = []
    remarks: list[str] = []
    for axis, window in enumerate(spread):
        extent, remark = _spread_extent(setting, axis, window)
        shape.append(extent)
        remarks += remark
    outputs, inputs, offsets = (", ".join(letters[:axes]) for letters in (OUTPUTS, INPUTS, OFFSETS))
    reached = "".join(f"[{output} = {window.position}]*" for output, window in zip(OUTPUTS, spread, strict=False))
    bias = " + b[o]" if setting["bias"] else ""
    if groups == 1:
        bound, weight, outer = f"c, {offsets}, {inputs}", "o", setting.size("O")
    else:
        channels, inner = setting.size("C"), setting.size("Og")
        outer = _outer_channels(setting, groups)
        if isinstance(channels, int) and channels % groups:
            raise setting.error(f"{channels} input channels cannot be split into {groups} groups of one size")
        first = group_of("c", channels, groups)
        place = affine([(inner, first), (1, "g")]) if isinstance(inner, int) else f"{inner}*{first} + g"
        bound, weight, reached = f"c, g, {offsets}, {inputs}", "g", f"[o = {place}]*{reached}"
    line = f"Y[n, o, {outputs}] = sum({bound}) {reached}X[n, c, {inputs}]*W[c, {weight}, {offsets}]{bias}"
    return Equations((*remarks, line), {"Y": (setting.size("N"), outer, *shape)})


def _outer_channels(setting: Setting, groups: int) -> Size:
    """groups * O/groups, which a bias must agree with."""
    inner, bias = setting.size("Og"), setting.size("O")
    if not isinstance(inner, int):
        return bias
    if setting["bias"] and isinstance(bias, int) and bias != groups * inner:
        raise setting.error(f"{groups} groups of {inner} output channels are {groups * inner}, and b has {bias}")
    return groups * inner


def _spread_extent(setting: Setting, axis: int, window: Window) -> tuple[Size, list[str]]:
    """(H - 1)*stride - padding + dilation*(P - 1) + output padding + 1, as torch defines it."""
    extra = setting["output-padding"][axis]
    if extra >= max(window.stride, window.dilation):
        message = f"--output-padding {extra} of axis {axis + 2} is not below stride {window.stride} or dilation"
        raise setting.error(f"{message} {window.dilation}")
    constant = extra + 1 - window.stride - window.dilation - window.before - window.after
    if isinstance(window.image, int) and isinstance(window.kernel, int):
        count = window.stride * window.image + window.dilation * window.kernel + constant
        if count < 1:
            taken = f"padding {window.before} and {window.after}"
            message = f"{window.image} cells spread to {count + window.before + window.after} along axis {axis + 2}"
            raise setting.error(f"{message}, and {taken} leaves {count}: there is no output")
        return count, []
    formula = affine([(window.stride, window.image), (window.dilation, window.kernel), (constant, 1)])
    return window.result, [f"# {window.result} = {formula}"]


# --- rows -------------------------------------------------------------------------------------------------------------


def _rows(axes: int) -> tuple[Layer, Layer]:
    extra = Option("output-padding", "extents", 0, "cells added behind the result", axes, 0)
    return (
        Layer(
            f"conv{axes}d",
            f"cross-correlation over {_AXES[axes]}",
            "each output adds up the products of a kernel with the part of the image under it, over all channels",
            partial(_operands, axes),
            partial(_correlation, axes),
            (*stepping(axes), GROUPS, BIAS, KERNEL_CONVENTION),
            torch=f"torch.nn.functional.conv{axes}d",
            source="Dumoulin & Visin, arXiv:1603.07285, section 2",
        ),
        Layer(
            f"conv_transpose{axes}d",
            f"transposed convolution over {_AXES[axes]}",
            "each input cell adds its multiple of the kernel to the output, stride cells apart",
            partial(_transposed_operands, axes),
            partial(_transposed, axes),
            (*stepping(axes), extra, GROUPS, BIAS, KERNEL_CONVENTION),
            torch=f"torch.nn.functional.conv_transpose{axes}d",
            source="Dumoulin & Visin, arXiv:1603.07285, section 4",
        ),
    )


_AXES = {1: "one axis", 2: "two axes", 3: "three axes"}

LAYERS = tuple(layer for axes in (1, 2, 3) for layer in _rows(axes))
