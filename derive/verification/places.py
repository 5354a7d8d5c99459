"""Where a key stands in a TOML file: for errors that name a key path and point at a line."""

from __future__ import annotations

import re

from derive.errors import ReadingError
from derive.reading.limits import SHOWN_CHARACTERS

_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?")
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")


class Source:
    """The text of a problem file, with the name it has in errors."""

    def __init__(self, text: str, file: str | None) -> None:
        self.lines = text.splitlines()
        self.file = file

    def error(self, message: str, path: tuple[str, ...] = ()) -> ReadingError:
        """An error about the key at this path, which the message is led by: `names.X.shape: ...`."""
        line, column, width = self._place(path)
        shown = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        told = f"{path_text(path)}: {message}" if path else message
        return ReadingError(
            told, shown if len(shown) <= SHOWN_CHARACTERS else "", line, column, width, self.file
        )  # fmt: skip

    def inside(self, reason: ReadingError, string: str, path: tuple[str, ...]) -> ReadingError:
        """An error inside a string of the file: it points at the place within that string where the file has it."""
        error = self.error(reason.message, path)
        for number, line in enumerate(self.lines, 1):
            if number < error.line and path:
                continue
            wanted = reason.text if reason.text and reason.text in string else string
            if wanted and wanted in line:
                error.line, error.column = number, line.index(wanted) + reason.column
                error.text, error.width = line, reason.width
                return error
        if reason.text:
            error.text, error.column, error.width = reason.text, reason.column, reason.width
        return error

    def line_of(self, string: str, after: int = 0) -> int | None:
        """The number of the first line behind `after` that holds this string."""
        found = (number for number, line in enumerate(self.lines, 1) if number > after and string in line)
        return next(found, None) if string else None

    def _place(self, path: tuple[str, ...]) -> tuple[int, int, int]:
        """Line, column and width of a key; the deepest part that a line of its own begins with."""
        best = (1, 1, 1)
        table: tuple[str, ...] = ()
        deepest = 0
        for number, line in enumerate(self.lines, 1):
            if header := _HEADER.fullmatch(line):
                table = tuple(split_key(header[1]))
                common = table
                column = line.index("[") + 2
            else:
                key, sign, _ = _left(line)
                if not sign:
                    continue
                common = (*table, *split_key(key))
                column = len(line) - len(line.lstrip()) + 1
            depth = len(common)
            if depth > deepest and path[:depth] == common:
                deepest, best = depth, (number, column, max(1, len(line.strip().partition("=")[0].rstrip())))
        return best


def _left(line: str) -> tuple[str, str, str]:
    """What stands before the first equals sign that is in no quotes."""
    quote = ""
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            break
        elif character == "=":
            return line[:place], "=", line[place + 1 :]
    return line, "", ""


def split_key(text: str) -> list[str]:
    """The parts of a dotted key."""
    parts: list[str] = []
    place = 0
    while found := _PART.match(text, place):
        parts.append(next(part for part in found.groups() if part is not None))
        place = found.end()
        if text[place : place + 1] != ".":
            break
        place += 1
    return parts


def path_text(path: tuple[str, ...]) -> str:
    """`names.X.shape`; a part that is no bare key is quoted, a number is in brackets."""
    told = ""
    for part in path:
        if part.isdecimal() and told:
            told += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            told += ("." if told else "") + (part if bare else f"'{part}'")
    return told
