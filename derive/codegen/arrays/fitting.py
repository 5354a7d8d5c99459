"""Text with optional line breaks, set where a line would be too long: outer groups first.

A group that does not fit on its line breaks at all its places. Source: P. Wadler, A prettier printer (2003).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """A place where a line may end; `flat` stands there if it does not."""

    flat: str = ""


@dataclass(frozen=True)
class Broken:
    """Text that stands only where the group around it breaks."""

    text: str


@dataclass(frozen=True)
class Nest:
    """Content that is indented by four more."""

    parts: tuple[Doc, ...]


@dataclass(frozen=True)
class Group:
    """Content that breaks at all its places or at none."""

    parts: tuple[Doc, ...]


Doc = str | Break | Broken | Nest | Group
SPACE = Break(" ")
EDGE = Break()


def flat(parts: Sequence[Doc]) -> str:
    """Without a single break."""
    found = ""
    for part in parts:
        match part:
            case str():
                found += part
            case Break(flat=text):
                found += text
            case Nest(parts=inner) | Group(parts=inner):
                found += flat(inner)
    return found


def expanded(parts: Sequence[Doc]) -> list[str]:
    """With every break there is."""
    return _written(parts, lambda group, column, rest: True)


def rendered(parts: Sequence[Doc], width: int) -> list[str]:
    """With the breaks that the width demands, outer ones first."""

    def breaks(group: Group, column: int, rest: list[tuple[int, bool, Doc]]) -> bool:
        room = width - column - len(flat(group.parts))
        for _, is_broken, part in reversed(rest):
            if room < 0:
                break
            text, ends = _first(part, is_broken=is_broken)
            room -= len(text)
            if ends:
                break
        return room < 0

    return _written(parts, breaks)


def _first(part: Doc, *, is_broken: bool) -> tuple[str, bool]:
    """What follows on the same line, and whether the line may end in it."""
    match part:
        case str():
            return part, False
        case Break(flat=text):
            return ("", True) if is_broken else (text, False)
        case Broken(text=text):
            return (text if is_broken else ""), False
        case Nest(parts=inner) | Group(parts=inner):
            found = ""
            for each in inner:
                text, ends = _first(each, is_broken=is_broken)
                found += text
                if ends:
                    return found, True
            return found, False


def _written(parts: Sequence[Doc], breaks: Callable[[Group, int, list[tuple[int, bool, Doc]]], bool]) -> list[str]:
    lines = [""]
    stack: list[tuple[int, bool, Doc]] = [(0, True, part) for part in reversed(parts)]
    while stack:
        indent, is_broken, part = stack.pop()
        match part:
            case str():
                lines[-1] += part
            case Break(flat=text):
                if is_broken:
                    lines.append(" " * indent)
                else:
                    lines[-1] += text
            case Broken(text=text):
                lines[-1] += text if is_broken else ""
            case Nest(parts=inner):
                stack += [(indent + 4, is_broken, each) for each in reversed(inner)]
            case Group(parts=inner):
                broken_now = is_broken and breaks(part, len(lines[-1]), stack)
                stack += [(indent, broken_now, each) for each in reversed(inner)]
    return [line.rstrip() for line in lines]
