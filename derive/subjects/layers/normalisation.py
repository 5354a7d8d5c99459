"""Normalisation: batch, layer, RMS, group and instance norm.

The mean and the variance are those of the data, so the gradient flows through them; with running statistics they are
data. The variance divides by the number of entries, not by that number less one.

Sources: S. Ioffe, C. Szegedy (2015), arXiv:1502.03167; J. Ba, J. Kiros, G. Hinton (2016), arXiv:1607.06450;
B. Zhang, R. Sennrich (2019), arXiv:1910.07467; Y. Wu, K. He (2018), arXiv:1803.08494.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.errors import UsageError
from derive.subjects.layers.convolutions import group_of
from derive.subjects.layers.elementwise import INDICES
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting, Size
from derive.subjects.layers.options import Option

AFFINE = Option("affine", "flag", True, "with a factor gamma and a shift beta")
EPS = Option("eps", "number", "1e-5", "what is added to the variance")

_SPATIAL = {0: (), 1: ("H",), 2: ("H", "Wd"), 3: ("D", "H", "Wd")}


def _affine(options: Mapping[str, Any], axes: tuple[Size, ...]) -> tuple[Operand, ...]:
    return (Operand("gamma", axes), Operand("beta", axes)) if options["affine"] else ()


def _image_axes(layer: str, rank: int | None, least: int) -> tuple[Size, ...]:
    count = rank or least
    if not least <= count <= 5:
        raise UsageError(f"{layer} reads X with {least} to 5 axes, N x C first, and the one given has {count}")
    return ("N", "C", *_SPATIAL[count - 2])


def _scaled(setting: Setting, at: str, along: str) -> str:
    """The result from the normalised entry."""
    return f"Y{at} = gamma[{along}]*X_hat{at} + beta[{along}]" if setting["affine"] else f"Y{at} = X_hat{at}"


# --- over the batch ---------------------------------------------------------------------------------------------------


def _batch_operands(options: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    running = (Operand("mu", ("C",), wrt=False), Operand("var", ("C",), "positive", wrt=False))
    return (
        Operand("X", _image_axes("batchnorm", rank, 2)),
        *(running if options["statistics"] == "running" else ()),
        *_affine(options, ("C",)),
    )


def _batchnorm(setting: Setting) -> Equations:
    spatial = "".join(f", {index}" for index in INDICES[: len(setting.axes("X")) - 2])
    at = f"[n, c{spatial}]"
    statistics: tuple[str, ...] = (
        f"mu[c] = mean(n{spatial}) X{at}",
        f"var[c] = mean(n{spatial}) (X{at} - mu[c])^2",
    )
    if setting["statistics"] == "running":
        statistics = ()
    return Equations(
        (
            f"eps = {setting['eps']}",
            *statistics,
            f"X_hat{at} = (X{at} - mu[c])/sqrt(var[c] + eps)",
            _scaled(setting, at, "c"),
        )
    )


# --- over the last axes -----------------------------------------------------------------------------------------------


def _layer_axes(options: Mapping[str, Any], rank: int | None) -> tuple[tuple[Size, ...], tuple[Size, ...]]:
    """The axes in front, and the last ones, which are normalised together."""
    last = options["axes"]
    count = rank or last + 1
    if last >= count:
        raise UsageError(f"X has {count} axes, so at most the last {count - 1} can be normalised, not {last}")
    front, behind = ("N", "S", "T1", "T2"), ("D", "H", "Wd", "E")
    if count - last > len(front) or last > len(behind):
        raise UsageError(
            f"X has {count} axes; there are at most {len(front)} in front and {len(behind)} normalised ones"
        )
    return front[: count - last], behind[:last]


def _layer_operands(options: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    front, behind = _layer_axes(options, rank)
    return (Operand("X", (*front, *behind)), *_affine(options, behind))


def _rms_operands(options: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    front, behind = _layer_axes(options, rank)
    return (Operand("X", (*front, *behind)), *((Operand("gamma", behind),) if options["affine"] else ()))


def _last(setting: Setting) -> tuple[str, str, str]:
    """Indices of the row, indices along it, and both."""
    last = setting["axes"]
    count = len(setting.axes("X"))
    row = ", ".join(("n", "s", "t", "u")[: count - last])
    along = ", ".join(INDICES[:last])
    return row, along, f"[{row}, {along}]"


def _layernorm(setting: Setting) -> Equations:
    row, along, at = _last(setting)
    return Equations(
        (
            f"eps = {setting['eps']}",
            f"mu[{row}] = mean({along}) X{at}",
            f"var[{row}] = mean({along}) (X{at} - mu[{row}])^2",
            f"X_hat{at} = (X{at} - mu[{row}])/sqrt(var[{row}] + eps)",
            _scaled(setting, at, along),
        )
    )


def _rmsnorm(setting: Setting) -> Equations:
    row, along, at = _last(setting)
    factor = f"gamma[{along}]*" if setting["affine"] else ""
    return Equations(
        (
            f"eps = {setting['eps']}",
            f"rms[{row}] = sqrt((mean({along}) X{at}^2) + eps)",
            f"Y{at} = {factor}X{at}/rms[{row}]",
        )
    )


# --- over groups of channels ------------------------------------------------------------------------------------------


def _group_operands(options: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    return (Operand("X", _image_axes("groupnorm", rank, 3)), *_affine(options, ("C",)))


def _groupnorm(setting: Setting) -> Equations:
    groups, channels = setting["groups"], setting.size("C")
    if isinstance(channels, int) and channels % groups:
        raise setting.error(f"{channels} channels cannot be split into {groups} groups of one size")
    letters = setting.axes("X")[2:]
    spatial = "".join(f", {index}" for index in INDICES[: len(letters)])
    at = f"[n, c{spatial}]"
    entries = "*".join(str(setting.size(str(letter))) for letter in ("C", *letters))
    row, mine, over = "n", "n", f"mean(c{spatial}) "
    if groups > 1:
        group = group_of("c", channels, groups)
        row, mine, over = "n, g", f"n, {group}", f"{groups}/({entries})*sum(c{spatial}) [{group} = g]*"
    return Equations(
        (
            f"eps = {setting['eps']}",
            f"mu[{row}] = {over}X{at}",
            f"var[{row}] = {over}(X{at} - mu[{row}])^2",
            f"X_hat{at} = (X{at} - mu[{mine}])/sqrt(var[{mine}] + eps)",
            _scaled(setting, at, "c"),
        ),
        {name: (setting.size("N"), groups) for name in ("mu", "var")} if groups > 1 else None,
    )


def _instance_operands(options: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    return (Operand("X", _image_axes("instancenorm", rank, 3)), *_affine(options, ("C",)))


def _instancenorm(setting: Setting) -> Equations:
    spatial = ", ".join(INDICES[: len(setting.axes("X")) - 2])
    at = f"[n, c, {spatial}]"
    return Equations(
        (
            f"eps = {setting['eps']}",
            f"mu[n, c] = mean({spatial}) X{at}",
            f"var[n, c] = mean({spatial}) (X{at} - mu[n, c])^2",
            f"X_hat{at} = (X{at} - mu[n, c])/sqrt(var[n, c] + eps)",
            _scaled(setting, at, "c"),
        )
    )


_TRAILING = Option("axes", "count", 1, "how many of the last axes are normalised together")

LAYERS = (
    Layer(
        "batchnorm",
        "batch normalisation",
        "each channel is shifted and scaled to mean 0 and variance 1 over the batch, then by beta and gamma",
        _batch_operands,
        _batchnorm,
        (
            AFFINE,
            EPS,
            Option("statistics", "choice", "batch", "of the batch, or as data", choices=("batch", "running")),
        ),
        torch="torch.nn.functional.batch_norm",
        source="Ioffe & Szegedy, arXiv:1502.03167, algorithm 1",
    ),
    Layer(
        "layernorm",
        "layer normalisation",
        "each example is shifted and scaled to mean 0 and variance 1 over its last axes, then by beta and gamma",
        _layer_operands,
        _layernorm,
        (AFFINE, EPS, _TRAILING),
        torch="torch.nn.functional.layer_norm",
        source="Ba, Kiros & Hinton, arXiv:1607.06450",
    ),
    Layer(
        "rmsnorm",
        "RMS normalisation",
        "each example is divided by the root of the mean of its squares, then multiplied by gamma",
        _rms_operands,
        _rmsnorm,
        (AFFINE, EPS, _TRAILING),
        torch="torch.nn.functional.rms_norm",
        source="Zhang & Sennrich, arXiv:1910.07467",
    ),
    Layer(
        "groupnorm",
        "group normalisation",
        "each group of channels of each example is shifted and scaled to mean 0 and variance 1",
        _group_operands,
        _groupnorm,
        (AFFINE, EPS, Option("groups", "count", 2, "channels are split into so many groups")),
        torch="torch.nn.functional.group_norm",
        source="Wu & He, arXiv:1803.08494",
    ),
    Layer(
        "instancenorm",
        "instance normalisation",
        "each channel of each example is shifted and scaled to mean 0 and variance 1",
        _instance_operands,
        _instancenorm,
        (AFFINE, EPS),
        torch="torch.nn.functional.instance_norm",
        source="D. Ulyanov, A. Vedaldi, V. Lempitsky (2016), arXiv:1607.08022",
    ),
)  # fmt: skip
