"""Convolutions and pooling of networks: one kernel of torch for a layer, and one for its adjoints together.

The adjoints are those of the equations that `derive.gradients` gives; the kernels compute exactly these, which the
tests hold against the general lowering and autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from derive import terms
from derive.codegen.network_kernels import Kernel
from derive.codegen.network_patterns import letters
from derive.integers import integer
from derive.program import Equation, Program
from derive.terms import Add, Chain, Entry, Guard, Mul, Reduce

#: Adjoints of input and kernel. That of the bias is a plain sum, which is several times faster than this one's.
_CALL = "torch.ops.aten.convolution_backward.default"


def window_kernels(program: Program, names: Mapping[str, str], adjoints: Sequence[Equation]) -> dict[str, Kernel]:
    """Kernels of all convolutions and poolings: by the line that they stand at."""
    found: dict[str, Kernel] = {}
    order = [line.name for line in adjoints]
    for line in program.equations:
        made = _convolution(line, program)
        if made is not None:
            _convolution_kernels(line, made, program, names, order, found)
        size = _pooling(line, program)
        if size:
            _pooling_kernels(line, size, program, names, order, found)
    return found


def _readers(name: str, program: Program) -> int:
    return sum(name in terms.reads(line.term) for line in program.equations)


def _convolution(line: Equation, program: Program) -> tuple[str, str, str, int] | None:
    """Input, kernel, bias and padding of z[n, o, i, j] = sum(c, k, l) x[n, c, i+k-p, j+l-p]*W[o, c, k, l] + b[o]."""
    match line.term:
        case Add(terms=(Reduce(operator="sum", indices=(c, k, l), body=Mul(factors=factors)), Entry() as bias)):
            entries = [each for each in factors if isinstance(each, Entry)]
            tests = [each.conditions[0] for each in factors if isinstance(each, Guard) and len(each.conditions) == 1]
            if len(entries) != 2 or len(entries) + len(tests) != len(factors) or len(line.indices) != 4:
                return None
            image, kernel = entries
            n, o, i, j = line.indices
            if letters(kernel) != (o, c, k, l) or letters(bias) != (o,) or letters(image)[:2] != (n, c):
                return None
            places = image.indices[2:]
            shifts = [(integer(i) + k - places[0]).value, (integer(j) + l - places[1]).value]
            extents = [part.index.stop for part in program.heads[image.array].indices[2:] if part.index]
            padding = shifts[0]
            if padding is None or padding < 0 or shifts[1] != padding or len(extents) != 2:
                return None
            wanted = [terms.within(place, extent) for place, extent in zip(places, extents, strict=True)]
            if [each for each in tests if isinstance(each, Chain)] != (wanted if padding else []):
                return None
            for own, extent, cells in zip((i, j), extents, (k, l), strict=True):
                if own.extent != extent + 2 * padding - cells.extent + 1:
                    return None
            return image.array, kernel.array, bias.array, int(padding)
    return None


def _convolution_kernels(
    line: Equation, made: tuple[str, str, str, int], program: Program, names: Mapping[str, str],
    order: Sequence[str], found: dict[str, Kernel],
) -> None:  # fmt: skip
    image, weight, bias, padding = made
    pad = f", padding={padding}" if padding else ""
    found[line.name] = Kernel(
        frozenset(made[:3]), lambda at, dead: f"F.conv2d({at(image)}, {at(weight)}, {at(bias)}{pad})"
    )
    given = names.get(line.name, "")
    if given not in order or any(_readers(name, program) != 1 for name in made[:3]):
        return
    bars = [names.get(name, "") for name in made[:2]]
    wanted = [name in order for name in bars]
    if not wanted[1]:
        return
    present = [name for name, is_wanted in zip(bars, wanted, strict=True) if is_wanted]
    first = min(present, key=order.index)

    def write(at: Callable[[str], str], dead: Callable[[str], bool]) -> str:
        return (f"{_CALL}({at(given)}, {at(image)}, {at(weight)}, None, [1, 1], [{padding}, {padding}], [1, 1], "
                f"False, [0, 0], 1, [{wanted[0]}, True, False])")  # fmt: skip

    def targets(at: Callable[[str], str]) -> str:
        return ", ".join(
            at(name) if is_wanted else "_" for name, is_wanted in zip((*bars, ""), (*wanted, False), strict=True)
        )

    others = tuple(name for name in present if name != first)
    kernel = Kernel(frozenset({given, image, weight}), write, gives=others, targets=targets)
    found[first] = kernel
    for name in others:
        found[name] = Kernel(kernel.reads, write)


def _pooling(line: Equation, program: Program) -> int:
    """s of m[n, o, i, j] = max(k, l) z[n, o, s*i + k, s*j + l] with k, l < s, or 0."""
    match line.term:
        case Reduce(operator="max", indices=(k, l), body=Entry() as entry) if len(line.indices) == 4:
            n, o, i, j = line.indices
            size = k.extent.value
            if size is None or k.extent != l.extent or k.lower != 0 or l.lower != 0:
                return 0
            if letters(entry)[:2] != (n, o) or entry.indices[2:] != (
                integer(i) * int(size) + k,
                integer(j) * int(size) + l,
            ):
                return 0
            extents = [part.index.stop.value for part in program.heads[entry.array].indices[2:] if part.index]
            if [own.extent.value for own in (i, j)] != [None if each is None else each // size for each in extents]:
                return 0
            return int(size)
    return 0


def _pooling_kernels(
    line: Equation, size: int, program: Program, names: Mapping[str, str], order: Sequence[str],
    found: dict[str, Kernel],
) -> None:  # fmt: skip
    assert isinstance(line.term, Reduce) and isinstance(line.term.body, Entry)
    source, own = line.term.body.array, line.name
    given, made = names.get(own, ""), names.get(source, "")
    extents = [part.index.extent.value for part in program.heads[source].indices[2:] if part.index]
    if given not in order or made not in order or None in extents or _readers(source, program) != 1:
        return
    index = f"{own}_argmax"
    found[own] = Kernel(
        frozenset({source}),
        lambda at, dead: f"F.max_pool2d({at(source)}, {size}, return_indices=True)",
        targets=lambda at: f"{at(own)}, {index}",
        kept=(index,),
    )
    # windows do not overlap, so every adjoint goes to one place, and the input itself need not be kept
    found[made] = Kernel(
        frozenset({given}),
        lambda at, dead: f"torch.ops.aten.max_unpool2d.default({at(given)}, {index}, [{', '.join(map(str, extents))}])",
        uses=(index,),
    )
