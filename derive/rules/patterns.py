"""Recognised convolutions: "the result is again a convolution" as a claim with numbers in it, that can be run.

One relation per spatial axis says it all. With m the index of the result, x that of the image and k that of the kernel,

    e*x = s*m + d*k - p

is a cross-correlation with stride s and kernel dilation d over an image between whose entries e - 1 zeros are put and
to which p zeros are added in front. A kernel that is read the other way round, d*k with a minus sign, is flipped: then
it is a convolution, and a transposed one where e > 1.

Source: V. Dumoulin & F. Visin, A guide to convolution arithmetic for deep learning (2016), relations 6-14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from derive import terms
from derive import tree as t
from derive.bounds import is_nonnegative, pairs
from derive.document import Inline
from derive.integers import Floor, Index, Integer, integer
from derive.plain import formula
from derive.program import Equation
from derive.rules.rewriting import factors_of
from derive.rules.wording import said
from derive.terms import Chain, Condition, Delta, Entry, Guard, Number, Term
from derive.tree import Tree
from derive.writing import tree_of_term


@dataclass(frozen=True, slots=True)
class SpatialAxis:
    """One axis along which the kernel slides: input_dilation*x = stride*m + kernel_dilation*k - before.

    image_axis, kernel_axis : which axes of the two arrays.  before, after : zeros added (cut off where negative).
    """

    result: Index
    image_axis: int
    kernel_axis: int
    flipped: bool
    stride: Integer
    kernel_dilation: Integer
    input_dilation: Integer
    before: Integer
    after: Integer
    window: Integer


@dataclass(frozen=True, slots=True)
class Convolution:
    """The right-hand side is the convolution of `image` with `kernel`, as the axes say.

    name : "cross-correlation", "convolution" or "transposed convolution".
    mode : "valid", "full", "same", or "padded" for anything else.
    """

    equation: Equation
    image: Entry
    kernel: Entry
    axes: tuple[SpatialAxis, ...]

    @property
    def flipped(self) -> bool:
        return self.axes[0].flipped

    @property
    def name(self) -> str:
        if any(axis.input_dilation != 1 for axis in self.axes):
            return "transposed convolution"
        return "convolution" if self.flipped else "cross-correlation"

    @property
    def mode(self) -> str:
        """Of the unit-stride sliding over the image as it is padded: how much the kernel may stand out of it."""
        if all(axis.before == 0 and axis.after == 0 for axis in self.axes):
            return "valid"
        reach = [axis.kernel_dilation * (axis.window - 1) for axis in self.axes]
        if all(a.before == r and a.after == r for a, r in zip(self.axes, reach, strict=True)):
            return "full"
        if all(a.stride == 1 and a.before + a.after == r for a, r in zip(self.axes, reach, strict=True)):
            return "same"
        return "padded"


def convolution(equation: Equation, heads: Mapping[str, Entry], delta: Equation | None = None) -> Convolution | None:
    """The convolution that the right-hand side is, or None.

    heads : every array at its own indices, whose domains are its shape.
    delta : the same adjoint while deltas are left that need a division.
    Recognised is a sum of products of two entries, in which every index of the result stands alone in one operand or
    slides; of the guards each says no more than that an operand is read inside.
    """
    found = _match(equation, heads)
    return _match(delta, heads) if found is None and delta is not None else found


def _match(equation: Equation, heads: Mapping[str, Entry]) -> Convolution | None:
    factors, bound = _flat(equation.term)
    entries = [factor for factor in factors if isinstance(factor, Entry) and factor.indices]
    others = [factor for factor in factors if factor not in entries]
    if len(entries) != 2 or not all(isinstance(other, (Guard, Delta)) for other in others):
        return None
    deltas = tuple(other for other in others if isinstance(other, Delta))
    if not all(_reads_whole(entry, heads) for entry in entries) or not _only_padding(others, entries, heads):
        return None
    for image, kernel in (entries, reversed(entries)):
        axes = _Reading(image, kernel, bound, deltas, heads).axes(equation.indices)
        if axes and len({axis.flipped for axis in axes}) == 1:
            return Convolution(equation, image, kernel, tuple(axes))
    return None


def _reads_whole(entry: Entry, heads: Mapping[str, Entry]) -> bool:
    """Whether every index that stands alone runs over all of its axis: a part of the operand is not the operand."""
    own = (part.index for part in heads[entry.array].indices)
    return all(
        index is not None and (part.index is None or (part.index.lower, part.index.stop) == (index.lower, index.stop))
        for part, index in zip(entry.indices, own, strict=True)
    )


def _only_padding(others: Iterable[Term], entries: Iterable[Entry], heads: Mapping[str, Entry]) -> bool:
    """Whether all that the guards ask is that the entries lie inside their arrays: zeros around say the same."""
    inside: set[Integer] = set()
    for entry in entries:
        for part, head in zip(entry.indices, heads[entry.array].indices, strict=True):
            if head.index is not None:
                inside |= {part - head.index.lower, head.index.stop - 1 - part}
    vanishing = [integer(0)]  # what is 0 wherever the deltas are 1 may be added to a side
    conditions: list[Condition] = []
    for other in others:
        if isinstance(other, Delta):
            vanishing += [other.left - other.right, other.right - other.left]
        elif isinstance(other, Guard):
            conditions += other.conditions
    for condition in conditions:
        if not isinstance(condition, Chain):
            return False
        for left, operator, right in pairs(condition):
            if operator not in _SLACK:
                return False
            slack = _SLACK[operator](left, right)
            if not any(slack + zero in inside or is_nonnegative(slack + zero) for zero in vanishing):
                return False
    return True


#: What is at least 0 where the comparison holds.
_SLACK: dict[str, Callable[[Integer, Integer], Integer]] = {
    "<=": lambda left, right: right - left, "<": lambda left, right: right - left - 1,
    ">=": lambda left, right: left - right, ">": lambda left, right: left - right - 1,
}  # fmt: skip


def _flat(term: Term) -> tuple[list[Term], tuple[Index, ...]]:
    """The factors under all sums, and the indices of these sums."""
    factors: list[Term] = []
    bound: tuple[Index, ...] = ()
    for factor in factors_of(term):
        if isinstance(factor, terms.Reduce) and factor.operator == "sum":
            inner, indices = _flat(factor.body)
            factors += inner
            bound += (*factor.indices, *indices)
        elif isinstance(factor, Number) and factor.value == 1:
            continue
        else:
            factors.append(factor)
    return factors, bound


def _two_terms(
    part: Integer, result: Index, bound: tuple[Index, ...]
) -> tuple[Index, Integer, Integer, Integer] | None:
    """(i, a, b, c) with part = a*result + b*i + c, i a bound index and nothing else in it."""
    others = [index for index in part.indices if index is not result]
    if len(others) != 1 or others[0] not in bound:
        return None
    first = part.linear(result)
    second = None if first is None else first[1].linear(others[0])
    if first is None or second is None:
        return None
    a, (b, c) = first[0], second
    return None if (*a.indices, *b.indices, *c.indices) else (others[0], a, b, c)


def _place(array: Entry, index: Index) -> int | None:
    """The one axis at which the array is read at this index alone; None where it is read otherwise as well."""
    places = [place for place, part in enumerate(array.indices) if index in part.indices]
    return places[0] if len(places) == 1 and array.indices[places[0]].index is index else None


def _once(array: Entry, index: Index) -> bool:
    """Whether one subscript alone mentions the index: along a diagonal nothing slides."""
    return sum(index in part.indices for part in array.indices) == 1


def _positive(number: Integer) -> bool:
    return all(factor > 0 for factor in number.terms.values()) and bool(number.terms)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One assignment of roles to the two operands, and the spatial axes under it."""

    image: Entry
    kernel: Entry
    bound: tuple[Index, ...]
    deltas: tuple[Delta, ...]
    heads: Mapping[str, Entry]

    def axes(self, results: tuple[Index, ...]) -> list[SpatialAxis] | None:
        """None where some index of the result fits no role."""
        axes: list[SpatialAxis] = []
        for result in results:
            at_image = [place for place, part in enumerate(self.image.indices) if _stands_in(part, result)]
            at_kernel = [place for place, part in enumerate(self.kernel.indices) if _stands_in(part, result)]
            linked = [each for each in self.deltas if result in (*each.left.indices, *each.right.indices)]
            if len(at_image) + len(at_kernel) + len(linked) != 1:
                return None
            if linked:
                axis = self._by_delta(result, linked[0])
            elif at_image:
                if _is_channel(self.image.indices[at_image[0]], result):
                    continue  # a batch or a channel of the image
                axis = self._sliding(result, at_image[0])
            elif _is_channel(self.kernel.indices[at_kernel[0]], result):
                continue  # a channel of the kernel
            else:
                axis = self._stuffed(result, at_kernel[0])
            if axis is None:
                return None
            axes.append(axis)
        return axes

    def _sliding(self, result: Index, place: int) -> SpatialAxis | None:
        """The image is read at a*m + b*k + c, the kernel at k."""
        found = _two_terms(self.image.indices[place], result, self.bound)
        if found is None:
            return None
        index, a, b, c = found
        at = _place(self.kernel, index)
        if at is None or not _once(self.image, index) or index.lower != 0 or result.lower != 0 or not _positive(a):
            return None
        extents = (index.extent, self._extent(self.image, place))
        if _positive(b):
            return _finished(result, (place, at), False, (a, b, integer(1), -c), extents)
        if _positive(-b):  # read backwards: k = window - 1 - k'
            before = -c - b * (index.extent - 1)
            return _finished(result, (place, at), True, (a, -b, integer(1), before), extents)
        return None

    def _stuffed(self, result: Index, place: int) -> SpatialAxis | None:
        """The kernel is read at a*m - b*x + c, the image at x: b*x = a*m - k + c; or all signs the other way round."""
        found = _two_terms(self.kernel.indices[place], result, self.bound)
        if found is None:
            return None
        index, a, b, c = found
        at = _place(self.image, index)
        if at is None or not _once(self.kernel, index) or index.lower != 0 or result.lower != 0:
            return None
        window = self._extent(self.kernel, place)
        if _positive(-a) and _positive(b):  # k = b*x - a*m + c: not flipped
            return _finished(result, (at, place), False, (-a, integer(1), b, c), (window, index.extent))
        if not _positive(a) or not _positive(-b):
            return None
        return _finished(result, (at, place), True, (a, integer(1), -b, window - 1 - c), (window, index.extent))

    def _by_delta(self, result: Index, each: Delta) -> SpatialAxis | None:
        """b*x + d*k = a*m + c, both operands read at their index alone."""
        difference = each.left - each.right
        inner = [index for index in difference.indices if index is not result]
        if len(inner) != 2 or not all(index in self.bound and index.lower == 0 for index in inner):
            return None
        for one, two in (inner, reversed(inner)):
            at_image, at_kernel = _place(self.image, one), _place(self.kernel, two)
            if two in terms.free_indices(self.image) or one in terms.free_indices(self.kernel):
                continue
            parts = _linear_in(difference, (one, two, result))
            if at_image is None or at_kernel is None or parts is None:
                continue
            sign = 1 if _positive(parts[0]) else -1
            stuffing, dilation, stride, constant = (sign * part for part in parts)
            # stuffing*x = -stride*m - dilation*k - constant
            if not (_positive(stuffing) and _positive(-stride)):
                return None
            places, extents = (at_image, at_kernel), (two.extent, one.extent)
            if _positive(dilation):
                before = dilation * (two.extent - 1) + constant
                return _finished(result, places, True, (-stride, dilation, stuffing, before), extents)
            if _positive(-dilation):
                return _finished(result, places, False, (-stride, -dilation, stuffing, constant), extents)
        return None

    def _extent(self, array: Entry, place: int) -> Integer:
        index = self.heads[array.array].indices[place].index
        assert index is not None
        return index.extent


def _stands_in(part: Integer, index: Index) -> bool:
    """Whether the index stands in it other than to pick a group of channels."""
    return any(atom is index for monomial in part.terms for atom in monomial)


def _is_channel(part: Integer, result: Index) -> bool:
    """Whether an axis is read at the index alone, or at a channel of its group, c + Cg*floor(o/Og)."""
    rest = part - integer(result)
    return not rest.terms or all(
        any(isinstance(atom, Floor) for atom in monomial) and result not in _indices_of(monomial)
        for monomial in rest.terms
    )


def _indices_of(monomial: tuple[Any, ...]) -> tuple[Index, ...]:
    return Integer({monomial: 1}).indices


def groups(found: Convolution) -> int | None:
    """How many groups of channels there are: the extent of o in floor(o/Og), divided by Og; 1 without any."""
    number = 1
    for part in (*found.image.indices, *found.kernel.indices):
        for atom in part.atoms():
            if isinstance(atom, Floor) and atom.numerator.index is not None:
                extent, size = atom.numerator.index.extent.value, atom.denominator.value
                if extent is None or size is None:
                    return None
                number = max(number, -(-extent // size))
    return number


def _linear_in(expression: Integer, atoms: tuple[Index, ...]) -> list[Integer] | None:
    """The coefficients of the indices, and the rest, each free of them all."""
    found = []
    for atom in atoms:
        linear = expression.linear(atom)
        if linear is None or linear[0].indices:
            return None
        found.append(linear[0])
        expression = linear[1]
    return [*found, expression]


def _finished(
    result: Index, places: tuple[int, int], flipped: bool, numbers: tuple[Integer, Integer, Integer, Integer],
    extents: tuple[Integer, Integer],
) -> SpatialAxis:  # fmt: skip
    """The axis with the zeros behind the image worked out: the last window ends where the padded image ends."""
    stride, dilation, stuffing, before = numbers
    window, image = extents
    last = stride * (result.extent - 1) + dilation * (window - 1) - before
    return SpatialAxis(
        result, *places, flipped, stride, dilation, stuffing, before, last - stuffing * (image - 1), window
    )


def details(found: Convolution) -> dict[str, Any]:
    """The claim as data: whole numbers where they are numbers, else expressions in the plain notation.

    One value for all axes where they agree, else a list with one an axis; padding always is a list of pairs.
    """

    def common(values: list[Integer]) -> Any:
        shown = [_shown(value) for value in values]
        return shown[0] if all(value == shown[0] for value in shown) else shown

    return {
        "image": found.image.array,
        "kernel": found.kernel.array,
        "flipped": found.flipped,
        "stride": common([axis.stride for axis in found.axes]),
        "kernel_dilation": common([axis.kernel_dilation for axis in found.axes]),
        "input_dilation": common([axis.input_dilation for axis in found.axes]),
        "padding": [[_shown(axis.before), _shown(axis.after)] for axis in found.axes],
        "mode": found.mode,
        "groups": groups(found),
    }


def _shown(value: Integer) -> int | str:
    number = value.value
    return said(value) if number is None else number


def sentence(found: Convolution) -> str:
    """The claim in words: which kind, which operand is flipped, with which stride, zeros and padding."""
    return "".join(part if isinstance(part, str) else formula(part) for part in described(found))


def described(found: Convolution) -> tuple[Inline, ...]:
    """The same as words and formulas."""
    image, kernel = t.Name(found.image.array), t.Name(found.kernel.array)
    parts: list[Inline] = [t.Name(str(found.equation.name)), " is the "]
    if found.name == "transposed convolution":
        parts += ["transposed convolution of ", image, " with ", kernel, ": the cross-correlation of the zero-stuffed "]
        parts += [image, " with "]
    elif found.name == "convolution":
        parts += [
            f"{found.mode} convolution of ",
            image,
            " with ",
            kernel,
            ": the cross-correlation of ",
            image,
            " with ",
        ]
    else:
        parts += [f"{found.mode} cross-correlation of ", image, " with "]
    parts += ["the flipped ", kernel] if found.flipped else [kernel]
    between = [axis.input_dilation - 1 for axis in found.axes]
    if any(zeros != 0 for zeros in between):
        zeros = (
            " zero between the entries of " if all(each == 1 for each in between) else " zeros between the entries of "
        )
        parts += ["; ", *_by_axis(between), zeros, image]
    if any(axis.kernel_dilation != 1 for axis in found.axes):
        parts += ["; ", kernel, " dilated by ", *_by_axis([axis.kernel_dilation for axis in found.axes])]
    if any(axis.stride != 1 for axis in found.axes):
        parts += ["; stride ", *_by_axis([axis.stride for axis in found.axes])]
    return (*parts, *_padding(found, image))


def _padding(found: Convolution, image: Tree) -> list[Inline]:
    """Zeros before and after, for each axis where these differ; a negative number cuts off."""
    pairs = list(dict.fromkeys((axis.before, axis.after) for axis in found.axes))
    if all(before == 0 and after == 0 for before, after in pairs):
        return []
    parts: list[Inline] = ["; zeros around ", image, ": "]
    for place, (before, after) in enumerate(pairs):
        parts += [", " if place else "", _amount(before), " before and ", _amount(after), " after"]
    if all(is_nonnegative(end) for pair in pairs for end in pair):
        return parts
    return [*parts, " (a negative number cuts off)"]


def _by_axis(values: list[Integer]) -> list[Inline]:
    """One value for all axes where they agree, else one for each: 2 x 1."""
    shown = values[:1] if all(value == values[0] for value in values) else values
    return [part for value in shown for part in (" x ", _amount(value))][1:]


def _amount(value: Integer) -> Tree:
    return tree_of_term(value)
