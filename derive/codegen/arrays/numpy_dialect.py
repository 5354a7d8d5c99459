"""NumPy's spelling of array code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from derive.codegen.arrays.dialect import Like, Sliding, axes_text, colons, span
from derive.codegen.arrays.text import listed


class NumpyDialect:
    column = "numpy"
    module = "np"
    array = "Array"
    integers = "NDArray[np.integer]"
    scalar = "float"
    tensors = False
    kernels = False

    def imports(self, body: str) -> list[str]:
        lines = ["import math", ""] if "math." in body or "_erf(" in body else []
        lines.append("import numpy as np")
        if "sliding_window_view(" in body:
            lines.append("from numpy.lib.stride_tricks import sliding_window_view")
        if "NDArray[" in body or re.search(r"\bArray\b", body):
            lines.append("from numpy.typing import NDArray")
        if re.search(r"\bArray\b", body):
            lines += ["", "Array = NDArray[np.floating]"]
        if "_erf(" in body:
            lines += ["", "_erf = np.vectorize(math.erf, otypes=[np.float64])"]
        return lines

    def permuted(self, text: str, order: Sequence[int]) -> str:
        return f"{text}.T" if list(order) == [1, 0] else f"{text}.transpose{listed([str(axis) for axis in order])}"

    def padded(self, text: str, pads: Sequence[tuple[str, str]]) -> str:
        pairs = [f"({low}, {high})" for low, high in pads]
        if len(set(pairs)) == 1:
            low, high = pads[0]
            return f"np.pad({text}, {low if low == high else pairs[0]})"
        return f"np.pad({text}, {listed(pairs)})"

    def windows(self, text: str, rank: int, sliding: Sequence[Sliding]) -> str:
        spans, axes = [each.span for each in sliding], [each.axis for each in sliding]
        if axes == list(range(rank)):
            made = f"sliding_window_view({text}, {spans[0] if rank == 1 else listed(spans)})"
        elif len(axes) == 1:
            made = f"sliding_window_view({text}, {spans[0]}, axis={axes[0]})"
        else:
            made = f"sliding_window_view({text}, {listed(spans)}, axis={axes_text(axes)})"
        steps = {each.axis: span("", "", each.step) for each in sliding if each.step != "1"}
        steps |= {rank + k: span("", "", each.dilation) for k, each in enumerate(sliding) if each.dilation != "1"}
        return made + colons(rank + len(axes), steps)

    def flipped(self, text: str, axes: Sequence[int], rank: int) -> str:
        return text + colons(rank, dict.fromkeys(axes, "::-1"))

    def where(self, mask: str, text: str, other: str) -> str:
        return f"np.where({mask}, {text}, {other})"

    def zeros(self, shape: Sequence[str], like: Like) -> str:
        return f"np.zeros({_shape(shape)}{', ' + like.name + '.dtype' if like.name else ''})"

    def filled(self, shape: Sequence[str], value: str, like: Like) -> str:
        if not shape:  # a number of Python, which leaves the precision of arrays alone
            return value if re.fullmatch(r"-?\d+\.\d*(e[-+]?\d+)?|-?\d+e[-+]?\d+", value) else f"float({value})"
        return f"np.full({_shape(shape)}, {value}, {like.name + '.dtype' if like.name else 'np.float64'})"

    def repeated(self, text: str, shape: Sequence[str], *, copied: bool = False) -> str:
        return f"np.broadcast_to({text}, {listed(list(shape))}){'.copy()' if copied else ''}"

    def reduced(self, text: str, operator: str, axes: Sequence[int], rank: int) -> str:
        return f"{text}.{operator}({'' if len(axes) == rank else 'axis=' + axes_text(axes)})"

    def first_extreme(self, text: str, operator: str) -> str:
        return f"{text}.arg{operator}(axis=-1)"

    def arange(self, lower: str, stop: str, like: Like) -> str:
        return f"np.arange({stop})" if lower == "0" else f"np.arange({lower}, {stop})"

    def real(self, text: str, like: Like) -> str:
        if not like.name:  # where no argument is an array, a condition on numbers of Python is a bool of Python
            return f"np.asarray({text}, np.float64)"
        return f"{text}.astype({like.name}.dtype)"

    def extreme(self, operator: str, one: str, two: str) -> str:
        return f"np.{operator}imum({one}, {two})"

    def diagonal(self, text: str, one: int, two: int) -> str:
        return f"{text}.diagonal()" if (one, two) == (0, 1) else f"{text}.diagonal(axis1={one}, axis2={two})"

    def einsum(self, subscripts: str, operands: Sequence[str], *, batched: bool) -> str:
        # by BLAS where no index is kept that both have; else optimize would only cost time
        how = ", optimize=True" if len(operands) > 1 and not batched else ""
        return f'np.einsum("{subscripts}", {", ".join(operands)}{how})'

    def unraveled(self, text: str, shape: Sequence[str]) -> str:
        return f"np.unravel_index({text}, {listed(list(shape))})"

    def add_at(self, target: str, at: str, value: str, *, flat: bool) -> str:
        return f"np.add.at({target}, {at}, {value})"


def _shape(shape: Sequence[str]) -> str:
    return shape[0] if len(shape) == 1 and re.fullmatch(r"\w+", shape[0]) else listed(list(shape))


NUMPY = NumpyDialect()
