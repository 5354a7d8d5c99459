"""Python work as text: what it defines, reads and needs, found without running any of it."""

from __future__ import annotations

import ast
import builtins
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from derive.errors import LimitError, ReadingError

#: Largest text, deepest brackets and blocks, longest logical line.
CHARACTERS, DEPTH, INDENT, LINE = 200_000, 60, 40, 20_000


@dataclass(frozen=True)
class Function:
    """A function at the top of the work.  needed : parameters without a default, in order."""

    name: str
    parameters: tuple[str, ...]
    needed: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Code:
    """Python work.

    functions : at the top of the text.  called : names that the work calls itself, anywhere.  read : names that are
    read somewhere and are not Python's own.  first : name -> the line of its first assignment at the top.
    modules : that are imported, their first part.
    """

    text: str
    functions: tuple[Function, ...]
    called: frozenset[str]
    read: frozenset[str]
    first: dict[str, int]
    used: dict[str, int]
    modules: frozenset[str]
    statements: int

    @property
    def torch(self) -> bool:
        """Whether it is torch's arrays that the work handles."""
        return "torch" in self.modules or ("torch" in self.read and "torch" not in self.first)


def read_code(text: str) -> Code:
    """What is to be known of Python work before it is run.

    Raises LimitError for a text that is too large or too deep, ReadingError with the place for one that is no Python.
    """
    _scan(text)
    try:
        module = ast.parse(text)
    except SyntaxError as wrong:
        line = wrong.lineno or 1
        source = text.splitlines()[line - 1] if 0 < line <= len(text.splitlines()) else ""
        raise ReadingError(f"this is no Python: {wrong.msg}", source, line, wrong.offset or 1) from None
    except (ValueError, RecursionError, MemoryError) as wrong:
        raise LimitError(f"the code cannot be parsed: {wrong or 'it is nested too deep'}") from None
    functions = tuple(_function(node) for node in module.body if isinstance(node, ast.FunctionDef))
    called: set[str] = set()
    read: set[str] = set()
    modules: set[str] = set()
    used: dict[str, int] = {}
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id=name)):
                called.add(name)
            case ast.Import(names=names):
                modules.update(each.name.partition(".")[0] for each in names)
            case ast.ImportFrom(module=name) if name:
                modules.add(name.partition(".")[0])
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            node = node.target  # it is read, too
        elif not isinstance(node, ast.Name) or not isinstance(node.ctx, ast.Load):
            continue
        if node.id not in vars(builtins):
            read.add(node.id)
            used[node.id] = min(node.lineno, used.get(node.id, node.lineno))
    first: dict[str, int] = {}
    for name, line in _bound(module):
        first[name] = min(line, first.get(name, line))
    return Code(text, functions, frozenset(called), frozenset(read), first, used, frozenset(modules), len(module.body))


def _scan(text: str) -> None:
    """Refuse what a parser might not survive: before anything else looks at it."""
    if len(text) > CHARACTERS:
        raise LimitError(f"the code has {len(text)} characters; the limit is {CHARACTERS}")
    if "\0" in text:
        raise ReadingError("the code holds a NUL character")
    depth = run = 0
    for place, sign in enumerate(text):
        if sign in "([{":
            depth += 1
            if depth > DEPTH:
                raise LimitError(f"brackets are nested deeper than {DEPTH}", line=text.count("\n", 0, place) + 1)
        elif sign in ")]}":
            depth = max(0, depth - 1)
        run = run + 1 if sign in "-+~ " else 0
        if run > LINE // 100:
            raise LimitError("there is a run of signs too long to be read", line=text.count("\n", 0, place) + 1)
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > LINE:
            raise LimitError(f"line {number} has {len(line)} characters; the limit is {LINE}", line=number)
        if (len(line) - len(line.lstrip())) > 8 * INDENT:
            raise LimitError(f"line {number} is indented too far", line=number)


def _function(node: ast.FunctionDef) -> Function:
    names = [each.arg for each in (*node.args.posonlyargs, *node.args.args)]
    needed = names[: len(names) - len(node.args.defaults)]
    return Function(node.name, tuple(names), tuple(needed), node.lineno)


def _bound(module: ast.Module) -> Iterator[tuple[str, int]]:
    """Names that are assigned outside functions, with the line."""
    stack: list[ast.AST] = list(module.body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, node.lineno
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            for each in node.names:
                yield (each.asname or each.name).partition(".")[0], node.lineno
        stack.extend(ast.iter_child_nodes(node))


def notebook_code(text: str) -> str:
    """The code cells of a notebook, one after the other, without the lines that only a notebook understands.

    Raises ReadingError for what is no notebook.
    """
    try:
        cells = json.loads(text)["cells"]
        sources = [_source(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ReadingError("this is no notebook: it has no list of cells", text[:80]) from None
    return "\n".join(_plain(source) for source in sources)


def _source(source: str | Sequence[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _plain(source: str) -> str:
    """A cell with magics (`%time`, `!ls`, `name?`) as comments, so that lines keep their numbers."""
    if source.lstrip().startswith("%%"):
        return "\n".join(f"# {line}" for line in source.splitlines())
    return "\n".join(
        f"# {line}" if re.match(r"\s*[%!]|.*\?\s*$", line) and "#" not in line else line for line in source.splitlines()
    )
