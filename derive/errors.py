"""What can go wrong, one small class per kind; each knows the exit code of the command line.

Exit codes: 1 a line is wrong or a check failed; 2 bad usage or unreadable input; 3 something is
undefined or cannot be decided; 4 a limit was hit; 5 input/output; 6 an optional part is missing.
"""

from __future__ import annotations


class DeriveError(Exception):
    """Base of all errors a user can cause. `message` is one line, without a position."""

    exit_code = 2
    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UsageError(DeriveError):
    """An option, argument or combination that cannot be served."""

    code = "usage"


class ReadingError(DeriveError):
    """Text that cannot be read: where it is, and what to write instead.

    text : the source line.  line, column : from 1.  width : characters to underline.  file : its name, or None.
    """

    code = "unreadable"

    def __init__(
        self,
        message: str,
        text: str = "",
        line: int = 1,
        column: int = 1,
        width: int = 1,
        file: str | None = None,
    ) -> None:
        super().__init__(message)
        self.text = text
        self.line = line
        self.column = column
        self.width = width
        self.file = file


class LimitError(ReadingError):
    """Input larger than a stated limit, refused before any work is done on it."""

    code = "limit"


class WorkLimitError(DeriveError):
    """A limit that was met while working (time, memory, size of a result)."""

    exit_code = 4
    code = "limit"


class ProgramError(DeriveError):
    """Equations that are no program: a name unbound or bound twice, a cycle, a shape that does not fit.

    name : the name or equation the message is about.
    """

    code = "program"

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class DomainError(DeriveError):
    """A node that has no value, or no derivative, at the point.

    node : the line's name.  operand, value : the operand that is outside the domain, and its value as text.
    """

    exit_code = 3
    code = "undefined"

    def __init__(
        self, message: str, node: str = "", operand: str = "", value: str = "", column: int | None = None
    ) -> None:
        super().__init__(message)
        self.node = node
        self.operand = operand
        self.value = value
        self.column = column


class UndecidedError(DeriveError):
    """A question that no affordable precision settles, such as the sign of a number that may be zero."""

    exit_code = 3
    code = "undecided"


class OutputError(DeriveError):
    """A file that cannot be written or read by the operating system's answer."""

    exit_code = 5
    code = "io"


class MissingPartError(DeriveError):
    """An optional part (torch, TeX, a data set) that is not installed, with the line that installs it."""

    exit_code = 6
    code = "missing"
