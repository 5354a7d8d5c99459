"""From the keys of a problem file to a Problem: its vocabulary first, then equations, upstream, aliases and values."""

from __future__ import annotations

import re
from collections.abc import Iterable

from derive import tree as t
from derive.errors import ReadingError
from derive.reading.latex.rows import Statement, read_equation
from derive.reading.latex.spelling import canonical
from derive.reading.latex.vocabulary import Vocabulary
from derive.tree import Tree
from derive.verification.cycles import check_acyclic
from derive.verification.declarations import check_value, exact, extent_tree, extents, quantities_of, without_index
from derive.verification.domains import Classes, Range
from derive.verification.heads import Target, has_in_script, head_of, in_scripts, left_of, letters_of, target_of
from derive.verification.problem_checks import STANDARD, check_declared, check_single, defined, unknown
from derive.verification.problem_files import ProblemFile
from derive.verification.problems import Exact, Problem, Quantity
from derive.verification.spellings import of_problem


class Reading:
    """One file on its way to a Problem."""

    def __init__(self, file: ProblemFile) -> None:
        self.file = file
        self.source = file.source
        self.quantities = quantities_of(file.names, self.source)
        self.conventions = dict(file.conventions)
        self.indices = {name for name, each in self.quantities.items() if each.kind == "index"}
        self.indices |= {each.letter for each in self.quantities.values() if each.letter}
        self.families = {name for name, each in self.quantities.items() if each.family}
        self.layers = {each.family for each in self.quantities.values() if each.family}
        self.functions = {name for name, each in self.quantities.items() if each.kind == "function"}
        self.names: dict[str, int | None] = {}
        for name, each in self.quantities.items():
            if name not in self.functions and name not in self.indices:
                self.names[name] = self._rank(each)
        self.loss = None if file.loss is None else self._name(file.loss, ("loss",))
        self.sizes: set[str] = set()
        self.defined: set[str] = {self.loss} if self.loss else set()
        self._sizes()

    def problem(self) -> Problem:
        """Raises ReadingError for what cannot be read, is defined twice, needs itself, or is not declared."""
        lines = self._lines()
        for text in self.file.equations:
            self._learn(text)
        if self.loss is not None:
            self.names[self.loss] = 0
        upstream = self._upstream()
        aliases = self._aliases()
        vocabulary = self.vocabulary()
        equations = tuple(self._equation(text, place, vocabulary) for place, text in enumerate(self.file.equations))
        check_single(equations, self.quantities, lines, self.source)
        check_acyclic(equations, self.file.equations, lines, self.source)
        known = self._known(aliases)
        for place, statement in enumerate(equations):
            shift = -1 if in_scripts(self.file.equations[place], vocabulary) else 0
            check_declared(statement, known, place, self.file.equations[place], lines[place], self.source, shift)
        values, sizes = self._values()
        return Problem(
            self.file.title or "", self.quantities, equations, self.loss, upstream, self.conventions, aliases, values,
            vocabulary, sizes, lines, self.source.file, self._spelled(equations),
        )  # fmt: skip

    def _spelled(self, equations: Iterable[Statement]) -> dict[str, str]:
        """How the file writes its names, for formulas that are shown."""
        keys = {name: each.key.strip().strip("$") for name, each in self.quantities.items()}
        keys |= {name: key for key in self.file.aliases if (name := _canonical(key))}
        scripted = (in_scripts(text, self.vocabulary()) for text in self.file.equations)
        texts = (f"${text}$" if marked else text for marked, text in zip(scripted, self.file.equations, strict=True))
        return of_problem(keys, list(zip(equations, texts, strict=True)))

    def vocabulary(self) -> Vocabulary:
        return Vocabulary(
            dict(self.names), frozenset(self.indices), frozenset(self.functions), frozenset(self.families),
            dict(self.conventions), {name: (each.letter,) for name, each in self.quantities.items() if each.letter},
            frozenset(self.sizes - self.quantities.keys() - self.defined),
        )  # fmt: skip

    @staticmethod
    def _rank(quantity: Quantity) -> int | None:
        if quantity.shape is not None:
            return len(quantity.shape)
        return None if quantity.value is None else len(extents(quantity.value))

    # --- names --------------------------------------------------------------------------------------------------------

    def _name(self, spelling: str, path: tuple[str, ...]) -> str:
        try:
            return canonical(spelling.strip())
        except ReadingError as reason:
            raise self.source.error(f"{spelling!r} is no name: {reason.message}", path) from None

    def _sizes(self) -> None:
        """Names of extents are numbers; those with an index, n[l], are families of numbers."""
        trees = [extent_tree(extent) for each in self.quantities.values() for extent in each.shape or ()]
        for each in self.quantities.values():
            match each.domain:
                case Range(first=first, last=last):
                    trees += [first, last]
                case Classes(count=count):
                    trees.append(count)
        for tree in trees:
            for node in t.walk(tree):
                match node:
                    case t.Subscript(array=array):
                        self.families.add(array)
                        self.names.setdefault(array, 0)
                    case t.Name(text=name) if name not in self.indices and name not in self.functions:
                        self.names.setdefault(name, 0)
                        self.sizes.add(name)

    def _learn(self, text: str) -> None:
        """What the left side of an equation adds to the vocabulary."""
        sides = left_of(text)
        head = head_of(sides[0]) if sides else None
        if sides is None or head is None:
            return
        target: Target = target_of(head, sides[1], self.names.keys() | self.functions, self.indices, self.layers)
        self.defined.add(target.name)
        if target.name in self.indices:
            return
        if target.call and target.name not in self.names:
            self.functions.add(target.name)
            return
        if target.layered and target.name not in self.quantities:
            self.families.add(target.name)
        if target.name not in self.names:
            self.names[target.name] = target.rank or None  # `Y = X A` may be of any rank

    # --- mathematics --------------------------------------------------------------------------------------------------

    def _read(self, text: str, path: tuple[str, ...], vocabulary: Vocabulary) -> Statement:
        scripted = in_scripts(text, vocabulary)
        try:
            return read_equation(f"${text}$" if scripted else text, vocabulary)
        except ReadingError as reason:
            if scripted:
                reason.text, reason.column = text, max(1, reason.column - 1)
            raise self.source.inside(reason, text, path) from None

    def _expression(self, text: str, path: tuple[str, ...], vocabulary: Vocabulary) -> Tree:
        statement = self._read(text, path, vocabulary)
        if statement.head is None or statement.links or statement.conditions:
            raise self.source.error(f'"{text[:60]}" is no expression; write one without "="', path)
        return statement.head

    def _equation(self, text: str, place: int, vocabulary: Vocabulary) -> Statement:
        path = ("equations", str(place))
        statement = self._read(text, path, vocabulary)
        if statement.head is None or len(statement.links) != 1 or statement.links[0].relation not in ("=", ":="):
            raise self.source.error(f'"{text[:60]}" is no equation; write NAME = expression, with one "="', path)
        if defined(statement) is None:
            hint = "a gradient that comes from outside stands under upstream" if _has_partial(statement.head) else (
                "the left side of an equation is a name, an entry of one, or a function of names")  # fmt: skip
            raise self.source.error(f'"{text[:60]}" defines no name; {hint}', path)
        return statement

    def _upstream(self) -> dict[str, Tree]:
        found: dict[str, Tree] = {}
        given = {key: self._name(key, ("upstream", key)) for key in self.file.upstream}
        for key, name in given.items():
            name = next((base for base in (without_index(name, layer) for layer in self.layers) if base in self.names),
                        name)  # fmt: skip
            if name not in self.names:
                raise self.source.error(unknown(name, self.names), ("upstream", key))
            text = self.file.upstream[key]
            if re.fullmatch(r"\\?[A-Za-z][A-Za-z0-9_{}\\^]*", text.strip()) and not re.search(r"\\[a-z]*frac", text):
                self.names.setdefault(self._name(text, ("upstream", key)), self.names.get(name))
            found[name] = self._expression(text, ("upstream", key), self.vocabulary())
        return found

    def _aliases(self) -> tuple[tuple[Tree, Tree], ...]:
        """An alias `P_{ab}` is indexed if a and b are indices of what it stands for; else P_{ab} is a name."""
        patterns: dict[str, tuple[str, tuple[str, ...]]] = {}
        for key, text in self.file.aliases.items():
            patterns[key] = self._pattern(key, text)
        for name, letters in patterns.values():
            if name not in self.names:
                self.names[name] = sum(each not in self.layers for each in letters) or None
        found: list[tuple[Tree, Tree]] = []
        vocabulary = self.vocabulary()
        for key, (name, letters) in patterns.items():
            path = ("aliases", key)
            if name in self.quantities and self.quantities[name].kind != "tensor":
                raise self.source.error(f"{name} is declared under [names], and cannot be an alias too", path)
            tree = self._expression(self.file.aliases[key], path, vocabulary)
            left: Tree = t.Subscript(name, tuple(t.Name(each) for each in letters)) if letters else t.Name(name)
            if left == tree:
                continue
            found.append((left, tree))
        return tuple(found)

    def _pattern(self, key: str, text: str) -> tuple[str, tuple[str, ...]]:
        path = ("aliases", key)
        head = head_of(key)
        whole = self._name(key, path) if head is None or not any(s[0] == "[" for s in head.scripts) else ""
        if head is None or whole in self.names or not head.scripts:
            return whole or self._name(key, path), ()
        letters = tuple(part for script in head.scripts for part in letters_of(script))
        indexed = all(re.fullmatch(r"[A-Za-z]", each) and has_in_script(each, text) for each in letters)
        if indexed and (layers := tuple(each for each in letters if each in self.layers)):
            letters = (*layers, *(each for each in letters if each not in self.layers))
            self.families.add(self._name(head.base, path))
        return (self._name(head.base, path), letters) if indexed else (whole, ())

    # --- values -------------------------------------------------------------------------------------------------------

    def _values(self) -> tuple[dict[str, Exact], dict[str, int]]:
        values: dict[str, Exact] = {}
        sizes: dict[str, tuple[int, str]] = {}
        for key, given in self.file.values.items():
            path = ("values", key)
            name = self._name(key, path)
            if name not in self.names:
                raise self.source.error(unknown(name, self.names), path)
            if name in values:
                raise self.source.error(f"{name} is given a value twice", path)
            value = exact(given, path, self.source)
            quantity = self.quantities.get(name)
            if quantity is not None:
                if quantity.value is not None and quantity.value != value:
                    raise self.source.error(f"names.{key}.value is another value of {name}; give one", path)
                check_value(quantity, value, path, self.source)
            values[name] = value
        for name, value in {
            **values,
            **{n: q.value for n, q in self.quantities.items() if q.value is not None},
        }.items():
            quantity = self.quantities.get(name)
            shape = extents(value)
            if quantity is None or quantity.shape is None or quantity.family or len(shape) != len(quantity.shape):
                continue
            for extent, count in zip(quantity.shape, shape, strict=True):
                if isinstance(extent, str) and sizes.setdefault(extent, (count, name))[0] != count:
                    told = f"{extent} is {sizes[extent][0]} by {sizes[extent][1]}, and {count} by {name}"
                    raise self.source.error(told, ("values", quantity.key))
        return values, {name: count for name, (count, _) in sizes.items() if re.fullmatch(r"\w+", name)}

    def _lines(self) -> tuple[int | None, ...]:
        found: list[int | None] = []
        last = 0
        for text in self.file.equations:
            line = self.source.line_of(text.strip(), last - 1 if last else 0)
            found.append(line)
            last = line or last
        return tuple(found)

    def _known(self, aliases: Iterable[tuple[Tree, Tree]]) -> frozenset[str]:
        heads = {left.array if isinstance(left, t.Subscript) else left.text for left, _ in aliases
                 if isinstance(left, (t.Name, t.Subscript))}  # fmt: skip
        kronecker = {"delta"} if self.conventions["delta"] == "Kronecker" else set()
        return frozenset({*self.names, *self.indices, *self.functions, *heads, *kronecker, *STANDARD})


def _canonical(key: str) -> str:
    try:
        return canonical(key)
    except ReadingError:
        return ""


def _has_partial(tree: Tree) -> bool:
    return any(isinstance(node, t.Derivative) for node in t.walk(tree))
