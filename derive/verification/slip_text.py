"""Formulas of a problem as LaTeX and as text for a sentence, spelled as the student or the problem spells them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from derive import tree as t
from derive.errors import ReadingError
from derive.plain import formula
from derive.reading.latex.rows import read_equation
from derive.reading.latex.spelling import printable
from derive.tree import Tree
from derive.verification.problems import Problem
from derive.verification.showing import displayed
from derive.verification.spellings import Spellings

#: Whether (head, right) that were meant are (head, right) that were read.
Check = Callable[[Tree, Tree, Tree, Tree], bool]


def told(tree: Tree) -> str:
    """A formula in a sentence: one line of plain notation."""
    return formula(displayed(tree))


_SIDE_BY_SIDE = {"star": r"\star", "asterisk": "*"}
_WRAPPED = {"rot180": r"\mathrm{rot180}", "tr": r"\operatorname{tr}", "diag": r"\mathrm{diag}", "vec": r"\mathrm{vec}"}
#: Comparisons whose plain spelling is not LaTeX.
_RELATIONS = {"!=": r"\ne", "<=": r"\le", ">=": r"\ge"}
#: The front of a spelling, over which an accent stands: `v` of `v_1`, `\gamma` of `\gamma_t`.
_FRONT = re.compile(r"(\\[A-Za-z]+(?:\s*\{[^{}]*\})?|[A-Za-z])(.*)", re.DOTALL)
#: Scripts in which spaces and commas say nothing.
_SPACED = re.compile(r"(?<=[\[(,{A-Za-z0-9]) ([+-]) (?=[A-Za-z0-9])")


def latex(tree: Tree, problem: Problem, spellings: Spellings | None = None) -> str:
    """A formula in LaTeX, with the names as they are spelled; without spellings as the printers have them."""
    return _Spelled(problem, spellings or Spellings(names=dict(problem.spelled), arrays=dict(problem.spelled))).text(
        tree
    )


class Words:
    """Formulas as a student is shown them: in LaTeX between dollars for a work in LaTeX, else in plain notation."""

    def __init__(self, problem: Problem, spellings: Spellings | None) -> None:
        self.problem = problem
        self.spellings = spellings

    def latex(self, tree: Tree) -> str:
        return latex(tree, self.problem, self.spellings)

    def inline(self, tree: Tree) -> str:
        """A formula in a sentence."""
        is_latex = self.spellings is not None and self.spellings.is_latex
        return f"${self.latex(tree)}$" if is_latex else told(tree)

    def row(self, head: Tree, right: Tree, conditions: Sequence[Tree], check: Check) -> str | None:
        """`head = right` with its conditions in LaTeX that reads back as what it is; None where none does.

        check : whether the sides that were read are those that were meant.
        """
        vocabulary = self.problem.vocabulary if self.spellings is None else self.spellings.vocabulary
        for spellings in dict.fromkeys((self.spellings, None)):

            def shown(tree: Tree, spellings: Spellings | None = spellings) -> str:
                return latex(tree, self.problem, spellings)

            text = f"{shown(head)} = {shown(right)}"
            text += "".join(rf" \quad ({condition(each, shown)})" for each in conditions)
            try:
                read = read_equation(f"${text}$", vocabulary)
            except ReadingError:
                continue
            if read.head is not None and len(read.links) == 1 and check(head, right, read.head, read.links[0].tree):
                return text
        return None


class _Spelled:
    """Pieces of LaTeX are held back as names, which the printer sets like any other, and put in their places after."""

    def __init__(self, problem: Problem, spellings: Spellings) -> None:
        self.problem = problem
        self.spellings = spellings
        self.held: dict[str, str] = {}

    def text(self, tree: Tree) -> str:
        from derive.display import to_latex  # a view, asked for when a formula is shown

        text: str = to_latex(t.transformed(tree, self._node))
        for _ in range(12):  # what was held may hold more
            new = re.sub(r"Q_\{?(9\d\d)\}?|\\mathrm\{Qx([a-j]+)\}", self._back, text)
            if new == text:
                break
            text = new
        return _scripts_closed(text).replace(r"\, \cdot", r"\cdot")

    def _back(self, found: re.Match[str]) -> str:
        number = found[1] or "".join(str("abcdefghij".index(letter)) for letter in found[2])
        return self.held.get(number, found[0])

    def _hold(self, text: str) -> t.Name:
        key = str(900 + len(self.held))
        self.held[key] = text
        return t.Name(f"Q_{key}")

    def _hold_array(self, text: str) -> str:
        """The name of an array: one without scripts, so that the printer sets no brackets around it."""
        key = str(900 + len(self.held))
        self.held[key] = text
        return "Qx" + "".join("abcdefghij"[int(digit)] for digit in key)

    # --- names --------------------------------------------------------------------------------------------------------

    def _name(self, node: t.Name) -> Tree:
        if node.text == "ones":
            return self._hold(r"\mathbf 1")
        default = t.Name(printable(node.text))
        spelled = self.spellings.names.get(node.text) or self.problem.spelled.get(node.text)
        if spelled is None or _same(spelled, _printed(default)):
            return default
        return self._hold(spelled)

    def _entry(self, node: t.Subscript) -> Tree:
        found = self._arranged(node)
        quantity = self.problem.quantities.get(node.array)
        if quantity is not None and quantity.letter and node.indices == (t.Name(quantity.letter),):
            return self._hold(quantity.key)  # the letter is part of the name
        spelled = self.spellings.arrays.get(node.array) or self.problem.spelled.get(node.array)
        if spelled is None or re.search(r"[_^']", spelled) or _same(spelled, _printed(t.Name(printable(node.array)))):
            return replace(found, array=printable(node.array))
        return replace(found, array=self._hold_array(spelled))

    def _arranged(self, node: t.Subscript) -> t.Subscript:
        """The entry with its layer above and without commas, where such entries are written like that."""
        layer = node.layer or (self.spellings.layers.get(node.array, "") if len(node.indices) else "")
        return replace(node, layer=layer, tight=node.tight or self.spellings.tight)

    # --- what printers of formulas do not know -----------------------------------------------------------------------

    def _node(self, node: Tree) -> Tree:
        match node:
            case t.Name():
                return self._name(node)
            case t.Subscript():
                return self._entry(node)
            case t.Power(base=t.Name() as base) if self._has_above(base):
                return replace(node, base=self._bracketed(base))
            case t.Transpose(body=t.Name() as body) if self._has_above(body):
                return replace(node, body=self._bracketed(body))
            case t.Indicator(sides=(_, _), operators=("=",)) if self.problem.conventions.get("delta") != "Kronecker":
                return self._hold(rf"\mathbf 1[{condition(node, self.text)}]")
            case t.Product(factors=factors):
                return t.Product(
                    tuple(self._dotted(*pair) for pair in zip(((None, None), *factors), factors, strict=False))
                )
            case t.Call():
                return self._call(node)
        return node

    def _dotted(self, before: tuple[str | None, Tree | None], factor: tuple[str, Tree]) -> tuple[str, Tree]:
        """u . v of two vectors with its dot: side by side they would be asked about."""
        vectors = [
            isinstance(each, t.Name) and self.problem.vocabulary.names.get(each.text) == 1
            for each in (before[1], factor[1])
        ]
        if factor[0] == "*" and all(vectors):
            return "*", self._hold(rf"\cdot {self.text(factor[1])}")
        return factor

    def _has_above(self, name: t.Name) -> bool:
        """Whether a name has something where an exponent would stand."""
        text = self.text(name)
        return "^" in text or text.endswith("'")

    def _bracketed(self, name: t.Name) -> Tree:
        return self._hold(f"({self.text(name)})")

    def _call(self, node: t.Call) -> Tree:
        name = node.function
        match node:
            case t.Call(function="overline", arguments=(t.Subscript() as entry,)):
                return replace(entry, array=self._hold_array(_accented(self.text(t.Name(entry.array)))))
            case t.Call(function="overline", arguments=(body,)):
                return self._hold(_accented(self.text(body)))
            case t.Call(arguments=(one, other)) if name.partition("_")[0] in _SIDE_BY_SIDE:
                word, _, mode = name.partition("_")
                sign = _SIDE_BY_SIDE[word] + (rf"_{{\mathrm{{{mode}}}}}" if mode else "")
                return self._hold(rf"{self._closed(one)} {sign} {self._closed(other)}")
            case t.Call(arguments=(body,)) if name in _WRAPPED:
                return self._hold(rf"{_WRAPPED[name]}({self.text(body)})")
            case t.Call(function="norm", arguments=(body,)):
                return self._hold(rf"\lVert {self.text(body)} \rVert")
            case t.Call(function="cases", arguments=arguments):
                return self._hold(_cases(arguments, self.text))
            case t.Call(function="entry", arguments=(body, *indices)):
                return self._hold(rf"[{self.text(body)}]_{{{','.join(map(self.text, indices))}}}")
            case t.Call(function="inner", arguments=(one, other)):
                return self._hold(rf"\langle {self.text(one)}, {self.text(other)} \rangle")
            case t.Call(function="prime", arguments=(body,)):
                return self._hold(f"{self._closed(body)}'")
            case t.Call(function="gradient", arguments=(body,)):
                return self._hold(rf"\nabla {self._closed(body)}")
            case t.Call(function="differential", arguments=(body, direction)):
                return self._hold(rf"D {self._closed(body)} {self._closed(direction)}")
            case t.Call(orders=(), parameters=(_, *_)) if name in self.problem.vocabulary.functions:
                return replace(node, orders=(0,) * len(node.arguments))  # printed as its derivative is, without primes
            case t.Call(arguments=arguments, orders=(), parameters=()) if name in self.problem.vocabulary.functions:
                inside = ", ".join(map(self.text, arguments))
                return self._hold(f"{self.text(t.Name(name))}({inside})")
        return node

    def _closed(self, tree: Tree) -> str:
        return self.text(tree) if t.binding(tree) >= t.POWER else f"({self.text(tree)})"


def _printed(name: t.Name) -> str:
    from derive.display import to_latex  # a view, as above

    return str(to_latex(name))


def _same(one: str, other: str) -> bool:
    """Whether two spellings look alike: braces around one sign, and spaces, are not seen."""
    return re.sub(r"[\s{}]", "", one) == re.sub(r"[\s{}]", "", other)


def _accented(text: str) -> str:
    r"""`\bar v_1` of `v_1`; over what is no name the bar is as long as that."""
    found = _FRONT.fullmatch(text)
    if found is None or not re.fullmatch(r"(?:_(?:\{[^{}]*\}|\w))?", found[2]):
        return rf"\overline{{{text}}}"
    return rf"\bar {found[1]}{found[2]}" if found[1].isalpha() else rf"\bar{{{found[1]}}}{found[2]}"


def _scripts_closed(text: str) -> str:
    """Scripts set tight, as they are written by hand: `a_{i,j}^{[l+1]}`."""

    def tight(found: re.Match[str]) -> str:
        return found[1] + _SPACED.sub(r"\1", found[2]).replace(r",\,", ",")

    return re.sub(r"([_^])(\{[^{}]*\})", tight, text)


def condition(tree: Tree, shown: Callable[[Tree], str]) -> str:
    """l < L, without the brackets of an indicator."""
    if not isinstance(tree, t.Indicator):
        return shown(tree)
    text = shown(tree.sides[0])
    for operator, side in zip(tree.operators, tree.sides[1:], strict=True):
        text += f" {_RELATIONS.get(operator, operator)} {shown(side)}"
    return text


def _cases(arguments: Sequence[Tree], shown: Callable[[Tree], str]) -> str:
    rows = []
    for place in range(0, len(arguments), 2):
        when = r"\text{otherwise}"
        if place + 1 < len(arguments):
            when = rf"\text{{if }} {condition(arguments[place + 1], shown)}"
        rows.append(f"{shown(arguments[place])} & {when}")
    body = r" \\ ".join(rows)
    return rf"\begin{{cases}} {body} \end{{cases}}"
