"""`x1=1.5,x2=1/3,z=pi/4`: the point of evaluation, each value an exact constant kept as its tree."""

from __future__ import annotations

from collections.abc import Collection

from derive import tree as t
from derive import words
from derive.errors import ReadingError
from derive.reading.lexer import Line, Token, scan
from derive.reading.reader import naming_file, read_line
from derive.tree import Tree
from derive.words import nearest as nearest


def read_point(text: str, names: Collection[str] | None = None, file: str | None = None) -> dict[str, Tree]:
    """Name -> value, in the order of writing. A value is a constant: decimals, fractions, 1e-3, pi, e, sqrt(2).

    names : the inputs there are; any other is refused, with the nearest offered. None: any name.
    Raises ReadingError for a missing =, a name given twice, an empty value, and a value that is not constant.
    """
    with naming_file(file):
        lines = scan(text)
        if not lines:
            raise ReadingError("the point is empty; write x1=1.5,x2=1/3", text="")
        if len(lines) > 1:
            raise lines[1].error("a point has one line; put commas between its values", lines[1].tokens[0])
        point: dict[str, Tree] = {}
        for piece in _pieces(lines[0]):
            name, value = _entry(lines[0], piece)
            if name.text in point:
                raise lines[0].error(f"{name.text} is given twice", name)
            if names is not None and name.text not in names:
                meant = nearest(name.text, names)
                there = ", ".join(dict.fromkeys(names)) if len(names) <= 20 else f"{len(names)} others"
                hint = f"did you mean {meant}?" if meant else f"the inputs are {there}"
                raise lines[0].error(f"{name.text} is no input; {hint}", name)
            point[name.text] = value
        return point


def _pieces(line: Line) -> list[list[Token]]:
    """The tokens between commas outside brackets."""
    pieces: list[list[Token]] = [[]]
    depth = 0
    for token in line.tokens:
        depth += (token.kind in ("LPAR", "LSQB")) - (token.kind in ("RPAR", "RSQB"))
        if token.kind == "COMMA" and not depth:
            if not pieces[-1]:
                raise line.error("nothing stands before this comma; write x1=1.5,x2=1/3", token)
            pieces.append([])
        else:
            pieces[-1].append(token)
    if not pieces[-1]:
        raise line.error("nothing stands behind the last comma; delete it", line.tokens[-1])
    return pieces


def _entry(line: Line, piece: list[Token]) -> tuple[Token, Tree]:
    """One `name=value`."""
    name = piece[0]
    if len(piece) == 1 and name.kind == "NUMBER":
        raise line.error(f"{name.text} has no name; write x=..., and a decimal point instead of a comma", name)
    if name.kind != "NAME":
        raise line.error("a name is expected here; write x1=1.5,x2=1/3", name)
    if name.text in words.REFUSED:
        raise line.error(f"{name.text} is a word of Python, which is not read here; choose another name", name)
    if len(piece) < 2 or piece[1].kind != "EQUALS":
        raise line.error(f"= is missing behind {name.text}; write {name.text}=1.5", name)
    if len(piece) == 2:
        raise line.error(f"{name.text} has no value; write {name.text}=1.5", piece[1])
    value = read_line(Line(tuple(piece[2:]), line.sources), ())
    if isinstance(value, t.Relation):
        extra = next(token for token in piece[2:] if token.kind == "EQUALS")
        raise line.error("this second = is not read; put a comma between two values", extra)
    for node in t.walk(value):
        constant = isinstance(node, (t.Number, t.Negative, t.Sum, t.Product, t.Power, t.Call))
        if not constant and not (isinstance(node, t.Name) and node.text in words.CONSTANTS):
            what = node.text if isinstance(node, t.Name) else "this"
            at = node.at
            place = Token("", what, at.line, at.column) if at else piece[2]
            raise line.error(f"the value of {name.text} is not constant: {what} is no number, pi or e", place)
    return name, value
