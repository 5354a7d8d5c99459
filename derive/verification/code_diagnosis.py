"""What is wrong with a value that code stored: how it differs from the right one, and the slip that explains that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from derive.verification.code_confinement import Record
from derive.verification.code_names import Meaning
from derive.verification.code_reference import Candidate, Reference, same, squeezed, transpose, worst
from derive.verification.report import Slip

#: A wrong value, the right one, and the problem at the point.
Charged = tuple[Record, Candidate, Reference]


def told(meaning: Meaning, loss: str) -> str:
    """A quantity as text: `W[2]`, `dL/dW[2]`, `a'[2]`."""
    name = meaning.name if meaning.member is None else f"{meaning.name}[{meaning.member}]"
    if meaning.kind == "gradient":
        return f"d{loss or 'L'}/d{name}"
    if meaning.kind == "part":
        return f"a part of d{loss or 'L'}/d{name}"
    return name if meaning.kind == "value" else f"the slope of {name}"


def latex(meaning: Meaning, loss: str) -> str:
    """A quantity as LaTeX, accents and layers in their places."""
    base, *scripts = meaning.name.split("_")
    accents = [part for part in scripts if part in ("hat", "bar", "tilde", "dot", "vec")]
    rest = [part for part in scripts if part not in accents]
    name = f"\\{base}" if len(base) > 1 and base.isalpha() and base.islower() else base
    for accent in accents:
        name = f"\\{accent} {{{name}}}"
    if rest:
        name += f"_{{{''.join(rest)}}}"
    if meaning.member is not None:
        name += f"^{{[{meaning.member}]}}"
    if meaning.kind in ("gradient", "part"):
        return f"\\frac{{\\partial {loss or 'L'}}}{{\\partial {name}}}"
    return name if meaning.kind == "value" else f"{name}'"


def entry_text(record: Record, place: int) -> str:
    """`dW[0, 2]`: the entry of a value at a place in reading order."""
    at: list[int] = []
    for extent in reversed(record.shape):
        place, index = divmod(place, extent)
        at.insert(0, index)
    return f"{record.path}[{', '.join(map(str, at))}]" if at else record.path


def reason(record: Record, expected: Candidate, reference: Reference) -> str:
    """One sentence: which entry is how far off, or which shape or value is not what it should be."""
    loss = reference.model.problem.loss or ""
    should = told(expected.meaning, loss)
    if record.type == "None":
        return f"{record.path} is None; it should be {should}"
    if not record.entries:
        return f"{record.path} holds {record.type}, no numbers; it should be {should}"
    if squeezed(record.shape) != squeezed(expected.shape):
        return f"{record.path} has the shape {_shape(record.shape)}; {should} has {_shape(expected.shape)}"
    place = worst(record.entries, expected.entries)
    assert place is not None
    got, right = record.entries[place], expected.entries[place]
    return f"{entry_text(record, place)} is {got:.10g}; {should} is {right:.10g} there"


def slips(charges: Sequence[Charged]) -> list[Slip]:
    """The simplest explanation of a difference that the values allow at all points, or none."""
    record, expected, reference = charges[0]
    if not record.entries or record.type == "None":
        return []
    ratios = [
        _ratio(each.entries, right.entries) if squeezed(each.shape) == squeezed(right.shape) else None
        for each, right, _ in charges
    ]
    found = _by_factors(ratios, charges) or next(_explained(record, expected, reference), None)
    return [] if found is None else [Slip(*found, told(expected.meaning, reference.model.problem.loss or ""))]


def _explained(record: Record, expected: Candidate, reference: Reference) -> Iterator[tuple[str, str, str]]:
    loss = reference.model.problem.loss or ""
    entries, right = record.entries, expected.entries
    path, should = record.path, told(expected.meaning, loss)
    plain, shape = squeezed(record.shape), squeezed(expected.shape)
    if plain != shape:
        if len(shape) == 2 and plain == shape[::-1]:
            turned = transpose(shape, right)
            if same(entries, turned):
                yield "transposed", "transpose", f"{path} is the transpose of {should}."
                return
        summed = _summed(record.shape, entries, right)
        if summed:
            yield summed[0], "sum-mean", f"{path} is not summed over the samples as {should} is."
        others = [
            each for each in reference.candidates if squeezed(each.shape) == plain and same(entries, each.entries)
        ]
        for each in others:
            yield "another quantity", "other-variable", f"{path} is {told(each.meaning, loss)}, not {should}."
        yield "shape", "shape", "The axes do not fit: a factor is transposed, or of another layer."
        return
    if len(shape) == 2 and shape[0] == shape[1] and same(entries, transpose(shape, right)):
        yield "transposed", "transpose", f"{path} is the transpose of {should}."
    for each in reference.candidates:
        if each.meaning != expected.meaning and squeezed(each.shape) == shape and same(entries, each.entries):
            yield _other(each.meaning, expected.meaning, path, should, loss)
    slopes = [each for each in reference.candidates if each.meaning.kind == "slope" and squeezed(each.shape) == shape]
    for slope in slopes:
        name = told(Meaning("value", slope.meaning.name, slope.meaning.member), loss)
        if same(entries, _divided(right, slope.entries)):
            yield (
                "factor f' missing", "chain-factor-missing",
                f"{path} lacks a factor: the slope of {name}, f'(z) of that layer.",
            )  # fmt: skip
        if same(entries, [a * b for a, b in zip(right, slope.entries, strict=True)]):
            yield "factor f' twice", "chain-factor-missing", f"{path} has the slope of {name} once too often."
        value = reference.value(slope.meaning.name, slope.meaning.member)
        if value is not None:
            swapped = [a * b for a, b in zip(_divided(right, slope.entries), value.entries, strict=True)]
            if same(entries, swapped):
                yield (
                    "function for its derivative", "function-for-derivative",
                    f"{path} has {name} itself where its derivative belongs.",
                )  # fmt: skip
    if same(entries, list(reversed(right))):
        yield (
            "turned by half a turn",
            "kernel-flip",
            f"{path} is {should} in reversed order: a kernel is turned, or not.",
        )
    wrong = [k for k, (a, b) in enumerate(zip(entries, right, strict=True)) if not same([a], [b])]
    if len(wrong) < len(right) and len(right) > 2:
        zeros = all(entries[k] == 0.0 for k in wrong)
        what = "are 0: a range is too short" if zeros else "are wrong, the others right: a range or an index is off"
        yield "part of the entries", "range" if zeros else "index", f"{len(wrong)} of {len(right)} entries {what}."


def _ratio(entries: Sequence[float], right: Sequence[float]) -> float | None:
    """The constant by which all entries are multiplied, or None."""
    largest = max(range(len(right)), key=lambda k: abs(right[k]), default=None)
    if largest is None or not right[largest] or len(right) < 1:
        return None
    factor = entries[largest] / right[largest]
    return factor if same(entries, [factor * value for value in right]) and len(right) > 1 else None


def _by_factors(ratios: Sequence[float | None], charges: Sequence[Charged]) -> tuple[str, str, str] | None:
    """What it means that all entries are off by one factor; a size is blamed where it is the factor at all sizes."""
    known = [ratio for ratio in ratios if ratio]
    if len(known) < len(ratios):
        return None
    record, expected, reference = charges[0]
    path, should = record.path, told(expected.meaning, reference.model.problem.loss or "")
    if all(abs(ratio + 1) < 1e-9 for ratio in known):
        return "sign", "sign", f"{path} has the wrong sign."
    constant = len(known) > 1 and all(abs(ratio - known[0]) < 1e-9 * abs(ratio) for ratio in known)
    for name in reference.model.sizes:
        sizes = [float(each.model.sizes.get(name, 0)) for _, _, each in charges]
        for sign, word in ((1.0, ""), (-1.0, "minus ")):
            if 0.0 in sizes:
                continue
            pairs = list(zip(known, sizes, strict=True))
            if all(abs(ratio - sign * size) < 1e-9 * size for ratio, size in pairs):
                told_so = f"{path} is {word}{name} times {should}: a factor 1/{name} is missing."
                return "sum for mean", "sum-mean", told_so
            if all(abs(ratio * size - sign) < 1e-9 for ratio, size in pairs):
                return "mean for sum", "sum-mean", f"{path} is {word}1/{name} of {should}: a factor 1/{name} too many."
    if len(known) > 1 and not constant:
        return None
    return "constant factor", "factor", f"{path} is {known[0]:.6g} times {should}."


def _other(meaning: Meaning, expected: Meaning, path: str, should: str, loss: str) -> tuple[str, str, str]:
    """What it means that one quantity stands where another belongs."""
    is_gradient = meaning.kind == expected.kind == "gradient"
    if (
        is_gradient
        and meaning.member == expected.member
        and meaning.name.lower() in "ah"
        and expected.name.lower() == "z"
    ):
        return (
            "factor f' missing", "chain-factor-missing",
            f"{path} is {told(meaning, loss)}: the factor f'(z) that leads on to {should} is missing.",
        )  # fmt: skip
    if meaning.name == expected.name and meaning.kind == expected.kind:
        return "another layer", "index", f"{path} is {told(meaning, loss)}, not {should}: an index is off by a layer."
    return "another quantity", "other-variable", f"{path} is {told(meaning, loss)}, not {should}."


def _divided(left: Sequence[float], right: Sequence[float]) -> list[float]:
    return [a / b if b else 0.0 for a, b in zip(left, right, strict=True)]


def _summed(shape: Sequence[int], entries: Sequence[float], right: Sequence[float]) -> str:
    """Whether the sum over the first axis is what was asked for."""
    if len(shape) < 2 or len(entries) % max(1, len(right)) or len(entries) == len(right):
        return ""
    width = len(right)
    columns = [sum(entries[k::width]) for k in range(width)]
    return "sum missing" if same(columns, right) else ""


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape)) or "of a number"
