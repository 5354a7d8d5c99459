"""Every assignment of a piece of Python code, made to tell its value: a rewriting of the syntax tree.

`x = e` is followed by `x = __derive__.name(site, "x", x)`, `T[i] = e` becomes `__derive__.item(site, e, T, key)`, and
so on: what is stored is recorded, and may be replaced by what should have been stored. This file runs in the confined
process beside the work and imports the standard library alone.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from typing import Any

#: The name under which rewritten code finds the recorder.
RECORDER = "__derive__"

#: Methods of lists and dictionaries whose last argument is stored.
STORING = frozenset({"append", "insert", "setdefault"})


@dataclass
class Site:
    """A place in the source at which something is assigned.

    line, column, end : from 1.  text : the statement.  path : the target as written.  again : whether the right side
    reads the target.  kind : "assign", "change" (part of what is there), "return" or "look" (a call for its effect).
    """

    line: int
    column: int
    end: int
    text: str
    path: str
    again: bool
    kind: str


class Rewriting(ast.NodeTransformer):
    """The rewriting of a module.  sites : one for every assignment, in order of the source."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sites: list[Site] = []
        self._functions: list[str] = []

    # --- statements ---------------------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> Any:
        before = [ast.unparse(target) for target in node.targets]
        reads = _read(node.value)
        self.generic_visit(node)
        if len(node.targets) == 1 and isinstance(node.targets[0], (ast.Subscript, ast.Attribute)):
            return self._stored(node, node.targets[0], before[0], node.value, reads)
        after: list[ast.stmt] = [node]
        for target in node.targets:
            after += self._noted(node, target, reads)
        return after

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is None:
            return node
        reads = _read(node.value)
        path = ast.unparse(node.target)
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            return [node, *self._noted(node, node.target, reads)]
        return self._stored(node, node.target, path, node.value, reads)

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        path = ast.unparse(node.target)
        self.generic_visit(node)
        operation = ast.Constant(type(node.op).__name__)
        if isinstance(node.target, ast.Name):
            site = self._site(node, path, True, "change")
            return [node, self._again(node, node.target, site)]
        site = self._site(node, path, True, "change")
        if isinstance(node.target, ast.Attribute):
            if _private(node.target.attr):
                return node
            arguments = [site, node.target.value, ast.Constant(node.target.attr), operation, node.value]
            return _placed(ast.Expr(_call("change_attribute", [*arguments, _path(node.target.value)])), node)
        arguments = [site, node.target.value, _key(node.target.slice), operation, node.value]
        return _placed(ast.Expr(_call("change_item", [*arguments, _path(node.target.value)])), node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        reads = _read(node.value)
        self.generic_visit(node)
        site = self._site(node, node.target.id, node.target.id in reads, "assign")
        node.value = _placed(_call("name", [site, ast.Constant(node.target.id), node.value]), node)
        return node

    def visit_Return(self, node: ast.Return) -> Any:
        if node.value is None or not self._functions:
            return node
        names = _names(node.value)
        self.generic_visit(node)
        site = self._site(node, self._functions[-1], False, "return")
        node.value = _placed(
            _call(
                "returned",
                [
                    site,
                    ast.Constant(self._functions[-1]),
                    ast.Tuple([ast.Constant(name) for name in names], ast.Load()),
                    node.value,
                ],
            ),
            node,
        )
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = node.value
        if not isinstance(call, ast.Call):
            self.generic_visit(node)
            return node
        storing = isinstance(call.func, ast.Attribute) and call.func.attr in STORING and bool(call.args)
        path = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
        self.generic_visit(node)
        if storing:
            site = self._site(node, f"{path}[...]", False, "assign")
            call.args[-1] = _placed(_call("name", [site, ast.Constant(f"{path}[...]"), call.args[-1]]), node)
            return node
        site = self._site(node, path, True, "look")
        return [node, _placed(ast.Expr(_call("look", [site])), node)]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        self._functions.append(node.name)
        self.generic_visit(node)
        self._functions.pop()
        return node

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return node

    # --- parts --------------------------------------------------------------------------------------------------------

    def _site(self, node: ast.stmt | ast.expr, path: str, again: bool, kind: str) -> ast.Constant:
        text = ast.get_source_segment(self.text, node) or path
        end = node.end_col_offset if node.end_lineno == node.lineno and node.end_col_offset else node.col_offset + 1
        self.sites.append(Site(node.lineno, node.col_offset + 1, end + 1, text, path, again, kind))
        return ast.Constant(len(self.sites) - 1)

    def _stored(self, node: ast.stmt, target: ast.expr, path: str, value: ast.expr, reads: frozenset[str]) -> Any:
        if isinstance(target, ast.Attribute):
            if _private(target.attr):
                return node
            site = self._site(node, path, path in reads, "assign")
            arguments = [site, value, target.value, ast.Constant(target.attr), _path(target.value)]
            return _placed(ast.Expr(_call("attribute", arguments)), node)
        assert isinstance(target, ast.Subscript)
        site = self._site(node, path, path in reads, "assign")
        arguments = [site, value, target.value, _key(target.slice), _path(target.value)]
        return _placed(ast.Expr(_call("item", arguments)), node)

    def _noted(self, node: ast.stmt, target: ast.expr, reads: frozenset[str]) -> list[ast.stmt]:
        """What follows an assignment to a name or to several targets."""
        if isinstance(target, ast.Name):
            site = self._site(node, target.id, target.id in reads, "assign")
            return [self._again(node, target, site)]
        if isinstance(target, (ast.Tuple, ast.List)):
            return [each for part in target.elts for each in self._noted(node, part, reads)]
        if isinstance(target, ast.Starred):
            return self._noted(node, target.value, reads)
        path = ast.unparse(target)
        if isinstance(target, ast.Subscript):
            site = self._site(node, path, path in reads, "assign")
            read = ast.Subscript(_loaded(target.value), _loaded(target.slice), ast.Load())
            arguments = [site, read, _loaded(target.value), _key(_loaded(target.slice)), _path(target.value)]
            return [_placed(ast.Expr(_call("item", arguments)), node)]
        if isinstance(target, ast.Attribute) and not _private(target.attr):
            site = self._site(node, path, path in reads, "assign")
            read_attribute = ast.Attribute(_loaded(target.value), target.attr, ast.Load())
            arguments = [
                site, read_attribute, _loaded(target.value), ast.Constant(target.attr), _path(target.value),
            ]  # fmt: skip
            return [_placed(ast.Expr(_call("attribute", arguments)), node)]
        return []

    def _again(self, node: ast.stmt, target: ast.Name, site: ast.Constant) -> ast.stmt:
        value = _call("name", [site, ast.Constant(target.id), ast.Name(target.id, ast.Load())])
        placed: ast.stmt = _placed(ast.Assign([ast.Name(target.id, ast.Store())], value), node)
        return placed


def rewritten(text: str, tree: ast.Module, definitions: bool = False) -> tuple[ast.Module, list[Site]]:
    """A module whose assignments tell the recorder what they store, and where they stand.

    definitions : keep of the module's own statements only what defines functions, classes and constants, and imports
    numpy, torch or the standard library.
    """
    if definitions:
        tree.body = [statement for statement in tree.body if _defines(statement)]
    rewriting = Rewriting(text)
    changed = rewriting.visit(tree)
    ast.fix_missing_locations(changed)
    return changed, rewriting.sites


def _defines(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return not any(isinstance(each, ast.Call) for each in ast.walk(statement))
    if isinstance(statement, ast.Import):
        return all(_is_light(each.name) for each in statement.names)
    if isinstance(statement, ast.ImportFrom):
        return _is_light(statement.module or "")
    return isinstance(statement, (ast.FunctionDef, ast.ClassDef))


def _is_light(module: str) -> bool:
    root = module.partition(".")[0]
    return root in ("numpy", "torch") or root in sys.stdlib_module_names


def _call(method: str, arguments: list[ast.expr]) -> ast.Call:
    return ast.Call(ast.Attribute(ast.Name(RECORDER, ast.Load()), method, ast.Load()), arguments, [])


def _path(target: ast.expr) -> ast.Constant:
    return ast.Constant(ast.unparse(target))


def _key(index: ast.expr) -> ast.expr:
    """The index itself: `__derive__.index[i:j]` answers what it is indexed with."""
    return ast.Subscript(ast.Attribute(ast.Name(RECORDER, ast.Load()), "index", ast.Load()), index, ast.Load())


def _loaded(node: ast.expr) -> ast.expr:
    """The same expression, to be read."""
    copied = ast.parse(ast.unparse(node), mode="eval").body if not isinstance(node, (ast.Slice, ast.Tuple)) else node
    return copied


def _placed(node: Any, like: ast.AST) -> Any:
    ast.copy_location(node, like)
    return ast.fix_missing_locations(node)


def _private(name: str) -> bool:
    """Whether a class body would spell the name differently."""
    return name.startswith("__") and not name.endswith("__")


def _read(node: ast.expr) -> frozenset[str]:
    """The targets that an expression reads, as written."""
    return frozenset(
        ast.unparse(each) for each in ast.walk(node) if isinstance(each, (ast.Name, ast.Attribute, ast.Subscript))
    )


def _names(node: ast.expr) -> tuple[str, ...]:
    """What the parts of a returned expression are called."""
    parts = node.elts if isinstance(node, (ast.Tuple, ast.List)) else [node]
    return tuple(part.id if isinstance(part, ast.Name) else "" for part in parts)
