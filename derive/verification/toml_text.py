"""The text of a problem file: read within limits, and taken apart by `tomllib` with one-line errors that have a place.

A path is taken as it stands: neither `~` nor `$HOME` is replaced; errors show what it stands for.
"""

from __future__ import annotations

import os
import re
import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from derive.errors import LimitError, ReadingError, UsageError
from derive.reading.limits import SHOWN_CHARACTERS
from derive.verification.places import Source
from derive.words import nearest

LARGEST_FILE = 1 << 20

#: Strings and comments, so that what stands in double quotes can be told from the rest.
_PIECES = re.compile(r"""\'\'\'.*?\'\'\'|\"\"\".*?\"\"\"|'[^'\n]*'|"(?:[^"\\\n]|\\.)*"|\#[^\n]*""", re.DOTALL)
_HIDDEN = re.compile(r"(?<!\\)(?:\\\\)*(\\[bfnrt][A-Za-z])")


def text_of(path: str) -> str:
    """The text of a problem file. Raises UsageError, ReadingError or LimitError before anything large is read."""
    file = Path(path)
    if not file.exists():
        folder = file.parent if file.parent.is_dir() else Path()
        close = nearest(file.name, sorted(os.listdir(folder))[:10_000])
        hint = f"; did you mean {folder / close}?" if close else ""
        raise UsageError(f"{path}: there is no file {file.resolve()}{hint}")
    if not file.is_file():
        raise UsageError(f"{path}: {file.resolve()} is no file")
    with file.open("rb") as stream:
        data = stream.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise LimitError(f"a problem file has at most {LARGEST_FILE} bytes, and this one has more", file=path)
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ReadingError("the file begins with a byte order mark; save it as UTF-8 without one", file=path)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as reason:
        line = data.count(b"\n", 0, reason.start) + 1
        message = f"byte {reason.start} of the file is no UTF-8; save it as UTF-8"
        raise ReadingError(message, line=line, file=path) from None


def read_toml(text: str, source: Source) -> dict[str, Any]:
    """The keys as TOML gives them, decimals exact. Raises ReadingError with the place."""
    _no_escapes(text, source)
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as reason:
        told = str(reason)
        place = re.search(r" \(at (?:line ([0-9]+), column ([0-9]+)|end of document)\)$", told)
        message = told[: place.start()] if place else told
        line = int(place[1]) if place and place[1] else len(source.lines)
        shown = source.lines[line - 1] if 0 < line <= len(source.lines) else ""
        column = int(place[2]) if place and place[2] else len(shown) + 1
        if "overwrite" in message or "already" in message or "twice" in message:
            key = shown.partition("=")[0].strip() or "a key"
            message = f"{key} is given twice"
        elif "\\" in shown and "escape" in message:
            message = "a backslash in double quotes begins an escape; put LaTeX in single quotes: '\\hat u'"
        told = message if "twice" in message else f"this is no TOML: {message}"
        at = min(column, SHOWN_CHARACTERS)
        raise ReadingError(told, shown[:SHOWN_CHARACTERS], line, at, 1, source.file) from None
    except (ValueError, RecursionError, InvalidOperation) as reason:
        raise source.error(f"this is no TOML that can be read: {str(reason)[:100]}") from None


def _no_escapes(text: str, source: Source) -> None:
    """Refuse LaTeX in double quotes: there \\frac, \\theta and \\nabla would silently become control characters."""
    for piece in _PIECES.finditer(text):
        if piece[0].startswith('"') and (hidden := _HIDDEN.search(piece[0])):
            place = piece.start() + hidden.start(1)
            line, start = text.count("\n", 0, place) + 1, text.rfind("\n", 0, place) + 1
            message = "a backslash in double quotes begins an escape; put LaTeX in single quotes: '\\hat u'"
            shown = source.lines[line - 1][:SHOWN_CHARACTERS]
            raise ReadingError(message, shown, line, place - start + 1, 2, source.file)
