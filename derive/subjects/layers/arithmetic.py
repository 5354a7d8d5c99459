"""The operations that a small framework is built of: sums, products and functions of entries, means, transposes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from derive.subjects.layers.elementwise import INDICES, axes_of_rank, entry_by_entry, indices_of, line_by_entry
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting


def _of_two(sign: str, setting: Setting) -> Equations:
    at = indices_of(setting, "A")
    return Equations((f"Y{at} = A{at}{sign}B{at}",))


def _two(second: str = "real") -> Any:
    return entry_by_entry(Operand("A", ("...",)), Operand("B", ("...",), second))


def _one(domain: str = "real") -> Any:
    return entry_by_entry(Operand("X", ("...",), domain))


def _shifted(_: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    """A bias along the last axis."""
    return (Operand("X", (*axes_of_rank((rank or 2) - 1), "O")), Operand("b", ("O",)))


def _add_bias(setting: Setting) -> Equations:
    row = "".join(f"{index}, " for index in INDICES[: len(setting.axes("X")) - 1])
    return Equations((f"Y[{row}o] = X[{row}o] + b[o]",))


def _reduction(operator: str, setting: Setting) -> Equations:
    at = indices_of(setting)
    return Equations((f"L = {operator}({at[1:-1]}) X{at}" if at else "L = X",))


def _matrix(_: Mapping[str, Any], __: int | None) -> tuple[Operand, ...]:
    return (Operand("X", ("m", "n")),)


LAYERS = (
    Layer("add", "sum of two arrays", "entry by entry", _two(), partial(_of_two, " + "), torch="torch.add"),
    Layer("subtract", "difference of two arrays", "entry by entry", _two(), partial(_of_two, " - "), torch="torch.sub"),
    Layer("multiply", "entrywise product", "entry by entry", _two(), partial(_of_two, "*"), torch="torch.mul"),
    Layer("divide", "quotient of two arrays", "entry by entry", _two("positive"), partial(_of_two, "/"),
          torch="torch.div"),
    Layer("add_bias", "sum with a bias", "the bias is repeated along all axes but the last", _shifted, _add_bias,
          torch="torch.add"),
    Layer("negative", "negative", "entry by entry", _one(), partial(line_by_entry, "-{x}"), torch="torch.neg"),
    Layer("square", "square", "entry by entry", _one(), partial(line_by_entry, "{x}^2"), torch="torch.square"),
    Layer("square_root", "square root", "entry by entry, of positive numbers", _one("positive"),
          partial(line_by_entry, "sqrt({x})"), torch="torch.sqrt"),
    Layer("exponential", "exponential", "entry by entry", _one(), partial(line_by_entry, "exp({x})"),
          torch="torch.exp"),
    Layer("logarithm", "natural logarithm", "entry by entry, of positive numbers", _one("positive"),
          partial(line_by_entry, "log({x})"), torch="torch.log"),
    Layer("absolute", "absolute value", "entry by entry; abs'(0) = 0", _one(), partial(line_by_entry, "abs({x})"),
          torch="torch.abs"),
    Layer("sum_all", "sum of all entries", "one number", _one(), partial(_reduction, "sum"), outputs=("L",), loss=True,
          torch="torch.sum"),
    Layer("mean_all", "mean of all entries", "one number", _one(), partial(_reduction, "mean"), outputs=("L",),
          loss=True, torch="torch.mean"),
    Layer("transpose", "transpose", "rows become columns", _matrix, lambda setting: Equations(("Y = X^T",)),
          torch="torch.t"),
)  # fmt: skip
