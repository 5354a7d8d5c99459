"""The text that formulas are taken from: offsets to lines and columns, and errors at a place."""

from __future__ import annotations

import re
from bisect import bisect_right

from derive.errors import ReadingError
from derive.reading.characters import shown
from derive.tree import Span

_LINE_END = re.compile(r"\r\n|\r|\n")


class Source:
    """A text; places in it are offsets from 0 until somebody asks for lines and columns, which count from 1.

    first : the number of its first line, for a piece of a longer file.  columns : what its columns are shifted by.
    """

    def __init__(self, text: str, first: int = 1, columns: int = 0, original: str | None = None) -> None:
        self.text = text
        self.original = text if original is None else original
        self.first, self.columns = first, columns
        self.starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
        self._line = (0, -1, 0)  # start, end and number of the line that was asked for last

    def masked(self, text: str) -> Source:
        """The same places over a text in which something is blanked; errors show the original."""
        return Source(text, self.first, self.columns, self.original)

    def line(self, number: int) -> str:
        """A line of the original without its end; number from 0."""
        stop = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.original)
        return self.original[self.starts[number] : stop].rstrip("\r\n")

    def span(self, start: int, end: int) -> Span:
        """Where a piece stands; of one over several lines the first line."""
        head, stop, number = self._line
        if not head <= start <= end <= stop:
            starts = self.starts
            line = bisect_right(starts, start) - 1
            head, number = starts[line], line + self.first
            stop = starts[line + 1] if line + 1 < len(starts) else len(self.text)
            if end > stop:
                end = max(head + len(self.line(line)), start)
            self._line = (head, stop, number)
        shift = 1 + self.columns - head
        return Span(number, start + shift, end + shift)

    def error(self, message: str, start: int, end: int, kind: type[ReadingError] = ReadingError) -> ReadingError:
        """An error that underlines the piece."""
        at = self.span(start, end)
        text = shown(self.line(at.line - self.first))
        return kind(message, text, at.line, at.column - self.columns, max(at.end - at.column, 1))
