"""A problem file as TOML: every key checked for its name and type, with its path in every error; no mathematics yet.

    title, equations, loss, upstream, [names], [conventions], [aliases], [values], version

Numbers stay exact; strings of mathematics are read by `derive.verification.problems`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from derive.errors import LimitError, ReadingError
from derive.reading.limits import NAME_CHARACTERS
from derive.reading.programs import LARGEST_SIZE
from derive.verification.choices import CHOICES, defaults, read_choice
from derive.verification.domains import Domain, read_domain
from derive.verification.given import MOST_AXES, Given, given, shown
from derive.verification.places import Source
from derive.verification.toml_text import LARGEST_FILE, read_toml
from derive.words import nearest

#: The version of the format that is read here, and its limits.
VERSION = 1
MOST_NAMES = 2_000

KINDS = ("scalar", "tensor", "index", "integer", "function")
TOP = ("title", "equations", "loss", "upstream", "names", "conventions", "aliases", "values", "version")
OF_NAME = ("shape", "kind", "domain", "role", "value")


@dataclass(frozen=True)
class Declared:
    """One entry of [names], as written. shape : None where it is to be inferred.  kind : "" where it is not given."""

    key: str
    shape: tuple[int | str, ...] | None = None
    kind: str = ""
    domain: Domain | None = None
    role: str = ""
    value: Given | None = None


@dataclass(frozen=True)
class ProblemFile:
    """The keys of a problem file with their types settled; strings of mathematics are still strings."""

    source: Source
    title: str = ""
    equations: tuple[str, ...] = ()
    loss: str | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, Declared] = field(default_factory=dict)
    conventions: Mapping[str, str] = field(default_factory=defaults)
    aliases: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Given] = field(default_factory=dict)


def read_file(text: str, file: str | None = None) -> ProblemFile:
    """The keys of a problem file. Raises ReadingError with the key path, what was found and what is expected."""
    source = Source(text, file)
    if text.startswith("\ufeff"):
        raise source.error("the file begins with a byte order mark; save it as UTF-8 without one")
    if len(text) > LARGEST_FILE:
        raise LimitError(f"a problem file has at most {LARGEST_FILE} bytes, and this one has more", file=file)
    if not text.strip():
        raise source.error('the file is empty; a problem has at least equations = ["Y = X A"] or [names]')
    data = read_toml(text, source)
    _version(data, source)
    _known(data, TOP, (), source)
    if not data.keys() - {"title", "version"}:
        raise source.error("the problem has neither equations nor [names]; there is nothing to judge by")
    names = _table(data, "names", source)
    if len(names) > MOST_NAMES:
        raise source.error(f"a problem has at most {MOST_NAMES} names, and this one {len(names)}", ("names",))
    return ProblemFile(
        source,
        _string(data, "title", source),
        _equations(data.get("equations", []), source),
        _string(data, "loss", source).strip() or None,
        _strings(data, "upstream", source),
        {key: _declared(key, entry, source) for key, entry in names.items()},
        _conventions(data, source),
        _strings(data, "aliases", source),
        {key: given(value, ("values", key), source) for key, value in _table(data, "values", source).items()},
    )


def _version(data: Mapping[str, Any], source: Source) -> None:
    version = data.get("version", VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise source.error(f"{shown(version)} is no version; this is version = {VERSION}", ("version",))
    if version > VERSION:
        message = f"the file is of version {version}, and this derive reads version {VERSION}; install a newer one"
        raise source.error(message, ("version",))


def _known(data: Iterable[str], keys: tuple[str, ...], path: tuple[str, ...], source: Source) -> None:
    for key in data:
        if key not in keys:
            close = nearest(key, keys)
            hint = f"did you mean {close}?" if close else f"there are {', '.join(keys)}"
            if not path and not close and key in (*CHOICES, *OF_NAME):
                hint = f"it stands under [{'conventions' if key in CHOICES else 'names'}]"
            raise source.error(f"there is no such key; {hint}", (*path, key))


def _table(data: Mapping[str, Any], key: str, source: Source) -> dict[str, Any]:
    found = data.get(key, {})
    if not isinstance(found, dict):
        raise source.error(f"this is {shown(found)}, and a table [{key}] is expected", (key,))
    for name in found:
        if not name.strip() or len(name) > NAME_CHARACTERS:
            raise source.error(f"a name has 1 to {NAME_CHARACTERS} characters", (key, name))
    return found


def _string(data: Mapping[str, Any], key: str, source: Source) -> str:
    found = data.get(key, "")
    if not isinstance(found, str):
        raise source.error(f"this is {shown(found)}, and a text in quotes is expected", (key,))
    return found


def _strings(data: Mapping[str, Any], key: str, source: Source) -> dict[str, str]:
    """A table of formulas; a whole number stands for itself."""
    found: dict[str, str] = {}
    for name, value in _table(data, key, source).items():
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not value.strip():
            raise source.error(f"this is {shown(value)}, and a formula in quotes is expected", (key, name))
        found[name] = value
    return found


def _equations(found: object, source: Source) -> tuple[str, ...]:
    """A list of strings, or one string with an equation on each line."""
    if isinstance(found, str):
        lines = [line.strip().removesuffix("\\\\").strip() for line in found.splitlines()]
        return tuple(line for line in lines if line and not line.startswith(("#", "%")))
    if not isinstance(found, list):
        raise source.error(f'this is {shown(found)}, and a list such as ["Y = X A + B"] is expected', ("equations",))
    for place, equation in enumerate(found):
        if not isinstance(equation, str) or not equation.strip():
            path = ("equations", str(place))
            raise source.error(f"this is {shown(equation)}, and an equation in quotes is expected", path)
    return tuple(found)


def _declared(key: str, entry: object, source: Source) -> Declared:
    path = ("names", key)
    if isinstance(entry, list):
        told = ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in entry[:8])
        raise source.error(f"a list is no entry; write {{ shape = [{told}] }}", path)
    if not isinstance(entry, dict):
        raise source.error(f"this is {shown(entry)}, and a table such as {{ shape = [] }} is expected", path)
    _known(entry, OF_NAME, path, source)
    for field_ in ("kind", "domain", "role"):
        if not isinstance(entry.get(field_, ""), str):
            raise source.error(f"this is {shown(entry[field_])}, and a text in quotes is expected", (*path, field_))
    kind = entry.get("kind", "").strip().lower()
    if "kind" in entry and kind not in KINDS:
        close = nearest(kind, KINDS)
        hint = f"did you mean {close}?" if close else f"choose from {', '.join(KINDS)}"
        raise source.error(f"there is no kind {entry['kind']!r}; {hint}", (*path, "kind"))
    domain = None
    if "domain" in entry:
        try:
            domain = read_domain(entry["domain"])
        except ReadingError as reason:
            raise source.error(reason.message, (*path, "domain")) from None
    shape = _shape(entry["shape"], path, source) if "shape" in entry else None
    value = given(entry["value"], (*path, "value"), source) if "value" in entry else None
    return Declared(key, shape, kind, domain, entry.get("role", "").strip(), value)


def _shape(found: object, path: tuple[str, ...], source: Source) -> tuple[int | str, ...]:
    """Extents: names, or whole numbers from 1."""
    path = (*path, "shape")
    if not isinstance(found, list):
        raise source.error(f'this is {shown(found)}, and a list such as ["n", 3] is expected', path)
    if len(found) > MOST_AXES:
        raise source.error(f"there are at most {MOST_AXES} axes, and this has {len(found)}", path)
    for extent in found:
        if isinstance(extent, bool) or not isinstance(extent, (int, str)):
            raise source.error(f"an extent is a name or a whole number, and this is {shown(extent)}", path)
        if isinstance(extent, int) and not 1 <= extent <= LARGEST_SIZE:
            raise source.error(f"the extent {extent} is not between 1 and {LARGEST_SIZE}", path)
        if isinstance(extent, str) and re.fullmatch(r"\s*[-+]?[0-9.]*\s*", extent):
            raise source.error(f'the extent "{extent}" is no name; write numbers without quotes', path)
    return tuple(extent if isinstance(extent, int) else extent.strip() for extent in found)


def _conventions(data: Mapping[str, Any], source: Source) -> dict[str, str]:
    chosen = defaults()
    table = _table(data, "conventions", source)
    _known(table, tuple(CHOICES), ("conventions",), source)
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            told = f"this is {shown(value)}; choose from {', '.join(CHOICES[key])}"
            raise source.error(told, ("conventions", key))
        try:
            chosen[key] = read_choice(key, str(value))
        except ReadingError as reason:
            raise source.error(reason.message, ("conventions", key)) from None
    return chosen
