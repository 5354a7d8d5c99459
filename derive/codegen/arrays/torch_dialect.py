"""torch's spelling of array code; no autograd takes part in it."""

from __future__ import annotations

from collections.abc import Sequence

from derive.codegen.arrays.dialect import Like, Sliding, axes_text, colons, span
from derive.codegen.arrays.text import listed


class TorchDialect:
    column = "torch"
    module = "torch"
    array = "Tensor"
    integers = "Tensor"
    scalar = "Tensor"
    tensors = True
    kernels = True

    def imports(self, body: str) -> list[str]:
        lines = ["import math", ""] if "math." in body else []
        lines.append("import torch")
        if "F." in body:
            lines.append("import torch.nn.functional as F")
        if "Tensor" in body:
            lines.append("from torch import Tensor")
        return lines

    def permuted(self, text: str, order: Sequence[int]) -> str:
        rank = len(order)
        if list(order) == [1, 0]:
            return f"{text}.T"
        moved = [axis for axis in range(rank) if order[axis] != axis]
        if len(moved) == 2:
            return f"{text}.transpose({moved[0]}, {moved[1]})"
        return f"{text}.permute{listed([str(axis) for axis in order])}"

    def padded(self, text: str, pads: Sequence[tuple[str, str]]) -> str:
        last = list(pads)
        while last[0] == ("0", "0"):
            last.pop(0)
        return f"F.pad({text}, {listed([side for pair in reversed(last) for side in pair])})"

    def windows(self, text: str, rank: int, sliding: Sequence[Sliding]) -> str:
        made = text + "".join(f".unfold({each.axis}, {each.span}, {each.step})" for each in sliding)
        steps = {rank + k: span("", "", each.dilation) for k, each in enumerate(sliding) if each.dilation != "1"}
        return made + colons(rank + len(sliding), steps)

    def flipped(self, text: str, axes: Sequence[int], rank: int) -> str:
        return f"{text}.flip({', '.join(map(str, axes))})"

    def where(self, mask: str, text: str, other: str) -> str:
        return f"torch.where({mask}, {text}, {other})"

    def zeros(self, shape: Sequence[str], like: Like) -> str:
        return f"{like.name}.new_zeros({listed(list(shape))})" if like.name else (
            f"torch.zeros({listed(list(shape))}, dtype=torch.float64)")  # fmt: skip

    def filled(self, shape: Sequence[str], value: str, like: Like) -> str:
        if not shape:  # beside arrays its precision does not count
            return f"torch.tensor({value}, dtype=torch.float64)"
        size = listed(list(shape))
        if like.name:
            return f"{like.name}.new_full({size}, {value})"
        return f"torch.full({size}, {value}, dtype=torch.float64)"

    def repeated(self, text: str, shape: Sequence[str], *, copied: bool = False) -> str:
        return f"{text}.expand{listed(list(shape))}{'.clone()' if copied else ''}"

    def reduced(self, text: str, operator: str, axes: Sequence[int], rank: int) -> str:
        if operator == "prod" and len(axes) < rank:
            for axis in sorted(axes, reverse=True):
                text = f"{text}.prod(dim={axis})"
            return text
        if operator in ("max", "min"):
            operator = f"a{operator}"
        return f"{text}.{operator}({'' if len(axes) == rank else 'dim=' + axes_text(axes)})"

    def first_extreme(self, text: str, operator: str) -> str:
        return f"{text}.arg{operator}(dim=-1)"

    def arange(self, lower: str, stop: str, like: Like) -> str:
        where = f", device={like.name}.device" if like.name else ""
        return f"torch.arange({stop if lower == '0' else lower + ', ' + stop}{where})"

    def real(self, text: str, like: Like) -> str:
        return f"{text}.to({like.name + '.dtype' if like.name else 'torch.float64'})"

    def extreme(self, operator: str, one: str, two: str) -> str:
        return f"torch.{operator}imum({one}, {two})"

    def diagonal(self, text: str, one: int, two: int) -> str:
        return f"{text}.diagonal()" if (one, two) == (0, 1) else f"{text}.diagonal(dim1={one}, dim2={two})"

    def einsum(self, subscripts: str, operands: Sequence[str], *, batched: bool) -> str:
        return f'torch.einsum("{subscripts}", {", ".join(operands)})'

    def unraveled(self, text: str, shape: Sequence[str]) -> str:
        return f"torch.unravel_index({text}, {listed(list(shape))})"

    def add_at(self, target: str, at: str, value: str, *, flat: bool) -> str:
        if flat:
            return f"{target}.index_add_(0, {at}, {value})"
        return f"{target}.index_put_({listed([at])}, {value}, accumulate=True)"


TORCH = TorchDialect()
