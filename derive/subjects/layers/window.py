"""Windows that slide over an image: which cell an output reads, where the boundary is, how many outputs there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from derive.subjects.layers.layer import Setting, Size

#: Letters for one, two and three spatial axes: extents of the image, of the kernel, of the result; then indices.
IMAGE = {1: ("H",), 2: ("H", "Wd"), 3: ("D", "H", "Wd")}
KERNEL = {1: ("P",), 2: ("P", "Q"), 3: ("P", "Q", "R")}
RESULT = {1: ("Ho",), 2: ("Ho", "Wo"), 3: ("Do", "Ho", "Wo")}
OUTPUTS = ("i", "j", "h")
INPUTS = ("p", "q", "r")
OFFSETS = ("k", "l", "m")


@dataclass(frozen=True, slots=True)
class Window:
    """One axis: an image of `image` cells with `before` and `after` cells of padding, and windows of `kernel` cells.

    Output i reads the cells stride*i + dilation*k - before for k in 0..kernel-1; flipped, k counts from the far end.
    """

    image: Size
    kernel: Size
    result: str
    output: str
    offset: str
    stride: int = 1
    before: int = 0
    after: int = 0
    dilation: int = 1
    flipped: bool = False
    ceil: bool = False

    @property
    def reach(self) -> int | None:
        """Cells from the first to the last of a window."""
        return self.dilation * (self.kernel - 1) + 1 if isinstance(self.kernel, int) else None

    @property
    def position(self) -> str:
        """The cell that is read, `2*i + k - 1`."""
        return affine([(self.stride, self.output), *self.steps, (-self.before, 1)])

    @property
    def steps(self) -> list[tuple[int, Size]]:
        """The part of the position that the kernel decides: dilation*k, or counted from the far end."""
        if not self.flipped:
            return [(self.dilation, self.offset)]
        return [(-self.dilation, self.offset), (self.dilation, self.kernel), (-self.dilation, 1)]

    @property
    def inside(self) -> str:
        """The indicator of the cells that the image has, `[0 <= 2*i + k - 1 < H]`."""
        return f"[0 <= {self.position} < {self.image}]"

    @property
    def extent(self) -> int | None:
        """How many outputs there are, where that is a number."""
        if not isinstance(self.image, int) or self.reach is None:
            return None
        padded = self.image + self.before + self.after
        spare = padded - self.reach + (self.stride - 1 if self.ceil else 0)
        count = spare // self.stride + 1
        # as torch: a window that begins behind the image and the padding in front of it is dropped
        if self.ceil and (count - 1) * self.stride >= self.image + self.before:
            count -= 1
        return count

    @property
    def leaves(self) -> bool:
        """Whether a window may leave the image."""
        if self.before or self.after:
            return True
        if not self.ceil or self.stride == 1:
            return False
        count = self.extent
        if count is None or self.reach is None or not isinstance(self.image, int):
            return True
        return (count - 1) * self.stride + self.reach > self.image

    @property
    def formula(self) -> str:
        """The number of outputs as a formula, `floor((H - P + 2)/2) + 1`."""
        padding = self.before + self.after + (self.stride - 1 if self.ceil else 0)
        last = affine([(1, self.image), (-self.dilation, self.kernel), (padding + self.dilation - 1, 1)])
        if self.stride == 1:
            return affine([(1, last), (1, 1)])
        late = f", less 1 if the last would begin behind the image, at {affine([(1, self.image), (self.before, 1)])}"
        return f"floor(({last})/{self.stride}) + 1" + (late if self.ceil else "")


def windows(
    setting: Setting,
    kernel: Sequence[Size],
    indices: Sequence[str] = OUTPUTS,
    flipped: bool = False,
    ceil: bool = False,
) -> tuple[Window, ...]:
    """One window for each axis of the kernel, from the options stride, padding and dilation.

    Without a stride it is the kernel's extent.  indices : what is multiplied by the stride.
    """
    axes = len(kernel)
    stride: Sequence[Any] = setting["stride"] or kernel
    dilation, padding = setting.options.get("dilation", (1,) * axes), setting["padding"]
    return tuple(
        Window(
            setting.size(IMAGE[axes][axis]),
            kernel[axis],
            RESULT[axes][axis],
            indices[axis],
            OFFSETS[axis],
            stride[axis],
            padding[axis][0],
            padding[axis][1],
            dilation[axis],
            flipped,
            ceil,
        )
        for axis in range(axes)
    )


def check_reach(setting: Setting, each: Sequence[Window]) -> None:
    """Raise UsageError where a kernel is larger than the padded image and leaves no output (ceil mode may keep one)."""
    for axis, window in enumerate(each):
        image, reach, extent = window.image, window.reach, window.extent
        if extent is None or extent > 0:
            continue
        dilated = f" at dilation {window.dilation}" if window.dilation > 1 else ""
        padded = f" + {window.before} + {window.after} of padding" if window.before or window.after else ""
        message = f"the kernel of {window.kernel}{dilated} reaches over {reach} cells along axis {axis + 2} of X"
        raise setting.error(f"{message}, which has {image}{padded}; there is no output")


def affine(terms: Iterable[tuple[int, Size]]) -> str:
    """A sum of multiples, numbers added up behind: [(2, "i"), (1, "k"), (-1, 1)] -> `2*i + k - 1`."""
    constant = 0
    pieces: list[tuple[int, str]] = []
    for factor, name in terms:
        if isinstance(name, int):
            constant += factor * name
        elif factor:
            pieces.append((factor, name if abs(factor) == 1 else f"{abs(factor)}*{name}"))
    if constant or not pieces:
        pieces.append((constant, str(abs(constant))))
    first, *rest = pieces
    return ("-" if first[0] < 0 else "") + first[1] + "".join(f" {'-' if f < 0 else '+'} {text}" for f, text in rest)
