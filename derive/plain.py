"""The plain notation, written: a tree as one line of text, with the brackets that grouping needs and no others.

What is printed reads back: `read(formula(tree), declared=...) == tree` for every tree that the reader makes, under the
same declared names. Nothing the author wrote is reordered or simplified.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from derive import tree as t
from derive.names import INNER_NAME
from derive.tree import Tree
from derive.words import FUNCTIONS, REDUCERS

_OPERATORS = {"*": "*", "/": "/", "": " ", "@": " @ ", ".*": " .* ", "./": " ./ "}

#: The end of `max(u, v)`, which before a factor would read as a reduction over u and v.
_LIKE_REDUCTION = re.compile(rf"(?:^|[^A-Za-z0-9_.])(?:{'|'.join(REDUCERS)})\({INNER_NAME}(?:, {INNER_NAME})*\)$")
_LAST_NAME = re.compile(rf"{INNER_NAME}$")


def formula(tree: Tree) -> str:
    """The tree as one line of text: `vbar_3*v_3 - vbar_1*(v_-1/v_0^2)`. No recursion, so depth is no limit."""
    done: list[str] = []
    stack: list[tuple[Tree, bool]] = [(tree, False)]
    while stack:
        node, ready = stack.pop()
        below = t.children(node)
        if not ready and below:
            stack.append((node, True))
            stack.extend((child, False) for child in reversed(below))
            continue
        texts = done[len(done) - len(below) :]
        del done[len(done) - len(below) :]
        done.append(_joined(node, texts))
    return done[0]


def _joined(node: Tree, texts: Sequence[str]) -> str:
    """The text of a node over the texts of its children."""
    match node:
        case t.Number(text=text) | t.Name(text=text):
            return text
        case t.Negative(body=body):
            loose = not (_level(body) >= t.UNARY or isinstance(body, t.Reduction))
            return "-" + _bracketed(texts[0], loose or texts[0].startswith("-"))
        case t.Sum(terms=terms):
            return "".join(
                (f" {sign} " if place else "")
                + _bracketed(text, t.binding(term) <= t.SUM or (place > 0 and text.startswith("-")))
                for place, ((sign, term), text) in enumerate(zip(terms, texts, strict=True))
            )
        case t.Product():
            return _product(node, texts)
        case t.Power(base=base, exponent=exponent, elementwise=elementwise):
            left = _bracketed(texts[0], not (_level(base) == t.ATOM or isinstance(base, t.Transpose)))
            return left + (".^" if elementwise else "^") + _bracketed(texts[1], not _is_plain_exponent(exponent))
        case t.Transpose(body=body):
            return _bracketed(texts[0], not (_level(body) == t.ATOM or isinstance(body, t.Transpose))) + "^T"
        case t.Call():
            return _call(node, texts)
        case t.Subscript(array=array):
            return f"{array}[{', '.join(texts)}]"
        case t.Reduction():
            return _reduction(node, texts)
        case t.Indicator(operators=operators):
            rest = "".join(f" {sign} {text}" for sign, text in zip(operators, texts[1:], strict=True))
            return f"[{texts[0]}{rest}]"
        case t.Relation():
            return " = ".join(texts)
        case t.Derivative(of=of, by=by):
            upper, lower = (
                text if isinstance(part, t.Name) else f"({text})" for part, text in zip((of, by), texts, strict=True)
            )
            return f"d{upper}/d{lower}"


def _call(node: t.Call, texts: Sequence[str]) -> str:
    """A call; of a function that is only named also its derivative and its indices, f''[l](z) and d_2 e[i](y, a)."""
    count = len(node.arguments)
    if node.function == ":" and not count:
        return ":"  # all entries of an axis, X[i, :]
    if node.function in ("max", "min") and count > 2:  # functions of two operands
        nested = texts[-1]
        for text in reversed(texts[:-1]):
            nested = f"{node.function}({text}, {nested})"
        return nested
    head = node.function
    if count == 1 and node.orders:
        head += "'" * node.orders[0]
    elif any(node.orders):
        head = "".join(f"d_{slot} " * order for slot, order in enumerate(node.orders, 1)) + head
    if node.parameters:
        head += f"[{', '.join(texts[count:])}]"
    return f"{head}({', '.join(texts[:count])})"


def _reduction(node: t.Reduction, texts: Sequence[str]) -> str:
    """`sum(k) body`; limits stand in the body as guards, [lower <= k < stop]."""
    body = texts[0]
    # a minus sign behind the bound names would make them the arguments of a call
    body = _bracketed(body, t.binding(node.body) <= t.SUM or body.startswith("-"))
    sides = iter(texts[1:])
    guards = [
        f"[{next(sides)} <= {name} < {next(sides)}]*"
        for name, pair in zip(node.bound, node.limits, strict=False)
        if pair is not None
    ]
    return f"{node.operator}({', '.join(node.bound)}) {''.join(guards)}{body}"


def _bracketed(text: str, needed: bool) -> str:
    return f"({text})" if needed else text


def _level(tree: Tree) -> int:
    """As `binding`; a derivative is printed as a quotient."""
    return t.PRODUCT if isinstance(tree, t.Derivative) else t.binding(tree)


def _product(node: t.Product, texts: Sequence[str]) -> str:
    pieces: list[str] = []
    last = len(node.factors) - 1
    for place, ((operator, factor), text) in enumerate(zip(node.factors, texts, strict=True)):
        open_end = _takes_the_rest(factor)
        looser = _level(factor) <= t.PRODUCT and not isinstance(factor, t.Reduction)
        needed = looser or (open_end and place < last)
        beside = place > 0 and operator == ""
        if beside:
            needed = needed or text[0] in ".0123456789"
        needed = needed or (place > 0 and text.startswith("-"))  # a*(-2): nobody writes a*-2
        piece = _bracketed(text, needed)
        if beside:
            pieces[-1] = _closed(pieces[-1], piece)
        if place:
            pieces.append(_OPERATORS[operator])
        pieces.append(piece)
    return "".join(pieces)


def _closed(left: str, right: str) -> str:
    """The left factor, in brackets where it would otherwise take the factor beside it as its own."""
    name = _LAST_NAME.search(left)
    is_call = right.startswith("(") and name is not None and name[0] in FUNCTIONS
    return _bracketed(left, is_call or _LIKE_REDUCTION.search(left) is not None)


def _takes_the_rest(tree: Tree) -> bool:
    """Whether the text ends in a reduction without brackets: it would take further factors into its body."""
    while True:
        match tree:
            case t.Reduction():
                return True
            case t.Negative(body=body):
                tree = body
            case _:
                return False


def _is_plain_exponent(tree: Tree) -> bool:
    """What may stand behind ^ without brackets: signs, atoms, and powers of atoms; T alone would be a transpose."""
    while True:
        match tree:
            case t.Negative(body=t.Sum() | t.Product()):
                return True  # -(a + b) brings its own brackets
            case t.Negative(body=body):
                tree = body
            case t.Power(base=base):  # its own exponent has the brackets it needs
                return not isinstance(base, t.Transpose)
            case t.Name(text="T"):
                return False
            case _:
                return _level(tree) == t.ATOM
