"""What options say about arrays: their names, shapes, upstream gradients, values."""

from __future__ import annotations

import re
from typing import Any

from derive.cli.options import LARGEST_VALUES, read_text
from derive.errors import UsageError
from derive.names import NAME_PATTERN


def read_values(values: str) -> dict[str, Any]:
    """Arrays by name from a JSON file, standard input, or the JSON itself."""
    from derive.arraydata import read_arrays

    if is_json(values):
        return read_arrays(values, "--values")
    return read_arrays(read_text(values, LARGEST_VALUES), None if values == "-" else values)


def is_json(values: str) -> bool:
    """Whether it is JSON itself rather than the name of a file."""
    return values.lstrip().startswith(("{", "["))


def names_of(option: str, parts: tuple[str, ...]) -> list[str]:
    names = [name.strip() for part in parts for name in part.split(",")]
    for name in names:
        if not _is_name(name):
            raise UsageError(f"{option} takes names of arrays, as in {option} W,b; {name!r} is none")
    return names


def pair_of(text: str) -> tuple[str, str]:
    """`w` for the second derivative by w twice, `w,x` for the one by w and x."""
    names = names_of("--second", (text,))
    if len(names) > 2:
        raise UsageError(f"--second takes one array or two, as in w or w,x; {text!r} names {len(names)}")
    return names[0], names[-1]


def upstream_of(parts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (piece for each in parts for piece in each.split(",")):
        name, equals, given = (word.strip() for word in part.partition("="))
        if not equals or not _is_name(name) or not _is_name(given):
            raise UsageError(f"--upstream takes an output and a name, as in Z=G; {part!r} is not like that")
        if name in found:
            raise UsageError(f"--upstream names {name} twice")
        found[name] = given
    return found


def _is_name(text: str) -> bool:
    return re.fullmatch(NAME_PATTERN, text) is not None


def shapes_of(parts: tuple[str, ...]) -> dict[str, tuple[int | str, ...]]:
    """`V=8x9`, `V=H,W`, `b=m`, `c=scalar`."""
    found: dict[str, tuple[int | str, ...]] = {}
    for part in parts:
        name, equals, written = (word.strip() for word in part.partition("="))
        if not equals or not _is_name(name) or not written:
            raise UsageError(f"--shape takes a name and extents, as in V=8x9 or V=H,W; {part!r} is not like that")
        if name in found:
            raise UsageError(f"--shape names {name} twice")
        found[name] = () if written == "scalar" else tuple(_extents(name, written))
    return found


def _extents(name: str, written: str) -> list[int | str]:
    """Numbers between x, names between commas or x with spaces around it."""
    pieces = re.split(r"\s*,\s*|\s+x\s+|(?<=[0-9])x(?=[0-9])", written)
    extents: list[int | str] = []
    for piece in pieces:
        if re.fullmatch("-?[0-9]+", piece):
            if not re.fullmatch("[0-9]{1,7}", piece) or not 1 <= int(piece) <= 1_000_000:
                raise UsageError(f"--shape {name}: an extent lies between 1 and 1000000, and {piece} does not")
            extents.append(int(piece))
        elif _is_name(piece):
            extents.append(piece)
        else:
            raise UsageError(f"--shape {name}: {piece!r} is neither a whole number nor a name")
    return extents
