"""A formula as a row of runs: pieces of text with their style, for pictures that have no mathematics of their own.

Formulas in pictures stand on one line: a quotient is a/b. SVG and matplotlib print the same runs, and
`derive.metrics` measures them; LaTeX has its own printer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from derive import tree as t
from derive.document import Inline
from derive.names import anatomy
from derive.tree import Tree

MINUS = "\u2212"

#: A formula with more nodes than this is no label; it is shown as "…". It also bounds the recursion below.
LIMIT = 300

LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "vartheta": "ϑ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "omicron": "ο", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "ϕ", "varphi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ",
    "Pi": "Π", "Sigma": "Σ", "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip

FUNCTIONS = {"log": "ln", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "sigmoid": "σ"}
COMPARISONS = {"!=": "≠", "<=": "≤", ">=": "≥"}
REDUCTIONS = {"sum": "∑", "prod": "∏", "argmax": "arg max", "argmin": "arg min"}
THIN = 0.167  # of the font size, as in TeX


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one style.

    scripts : where it stands, outermost first: () on the line, ("sub",) below it, ("sup", "sub") below an exponent.
    accents : drawn over it, innermost first: "bar", "hat", "dot", "tilde".
    operator : a sign between two operands, with space on both sides.
    space : before the run, as a part of the font size.
    """

    text: str
    italic: bool = False
    scripts: tuple[str, ...] = ()
    accents: tuple[str, ...] = ()
    operator: bool = False
    space: float = 0.0


def runs(inline: Inline) -> tuple[Run, ...]:
    """The runs of a formula, or of words (one run, as they are)."""
    if isinstance(inline, str):
        return (Run(inline),)
    if sum(1 for _ in islice(t.walk(inline), LIMIT + 1)) > LIMIT:
        return (Run("…"),)
    return tuple(_formula(inline))


def _name(name: str) -> Iterator[Run]:
    parts = anatomy(name)
    base = LETTERS.get(parts.base, parts.base)
    yield Run(base, _slanted(base), accents=parts.accents)
    if parts.subscripts:
        yield from _script(_words(parts.subscripts), "sub")


def _slanted(base: str) -> bool:
    """Single letters are variables; capital Greek letters and whole words stand upright."""
    return len(base) == 1 and base.isalpha() and not "Α" <= base <= "Ω"


def _words(parts: Iterable[str]) -> Iterator[Run]:
    """Subscripts: numbers and words upright, single letters italic, a hyphen as minus."""
    for number, part in enumerate(parts):
        if number:
            yield Run(",")
        part = LETTERS.get(part, part)
        yield Run(part.replace("-", MINUS), _slanted(part))


def _script(parts: Iterable[Run], place: str) -> Iterator[Run]:
    for run in parts:
        yield replace(run, scripts=(place, *run.scripts))


def _bracketed(tree: Tree, loosest: int) -> Iterator[Run]:
    """The formula, in brackets where it binds more loosely than `loosest`."""
    if t.binding(tree) >= loosest:
        yield from _formula(tree)
    else:
        yield Run("(")
        yield from _formula(tree)
        yield Run(")")


def _formula(tree: Tree) -> Iterator[Run]:
    match tree:
        case t.Number(text=text):
            yield from _number(text)
        case t.Name(text=text):
            yield from _name(tree.symbol or text)
        case t.Negative(body=body):
            yield Run(MINUS)
            yield from _bracketed(body, t.PRODUCT if not isinstance(body, t.Negative) else t.ATOM)
        case t.Sum(terms=terms):
            for number, (sign, term) in enumerate(terms):
                if number or sign == "-":
                    yield Run(MINUS if sign == "-" else "+", operator=number > 0)
                first = number == 0 and sign == "+"
                yield from _bracketed(term, t.PRODUCT if first or not isinstance(term, t.Negative) else t.ATOM)
        case t.Product(factors=factors):
            yield from _product(factors)
        case t.Power(base=base, exponent=exponent, elementwise=elementwise):
            yield from _bracketed(base, t.ATOM)
            yield from _script([Run("∘")] if elementwise else [], "sup")
            yield from _script(_formula(exponent), "sup")
        case t.Transpose(body=body):
            yield from _bracketed(body, t.ATOM)
            yield Run("⊤", scripts=("sup",))
        case t.Call():
            yield from _call(tree)
        case t.Subscript(indices=indices, layer=layer):
            symbol = tree.symbol or tree.array
            yield from _name(symbol)
            if anatomy(symbol).subscripts:
                yield Run(",", scripts=("sub",))
            yield from _indexed(indices, layer)
        case t.Reduction():
            yield from _reduction(tree)
        case t.Indicator(sides=sides, kronecker=True):
            yield from _name("delta")
            yield from _script(_listed(sides), "sub")
        case t.Indicator(sides=sides, operators=operators):
            if (division := t.division(tree)) is not None:
                sides, operators = division, ("∣",)
            yield Run("[")
            yield from _formula(sides[0])
            for comparison, side in zip(operators, sides[1:], strict=True):
                yield Run(COMPARISONS.get(comparison, comparison), operator=True)
                yield from _formula(side)
            yield Run("]")
        case t.Relation(sides=sides):
            for number, side in enumerate(sides):
                if number:
                    yield Run("=", operator=True)
                yield from _formula(side)
        case t.Derivative(of=of, by=by):
            yield Run("∂")
            yield from _bracketed(of, t.ATOM)
            yield Run("/")
            yield Run("∂")
            yield from _bracketed(by, t.ATOM)


def _number(text: str) -> Iterator[Run]:
    """1.5, and 2e-05 as a power of ten."""
    mantissa, _, exponent = text.lower().partition("e")
    yield Run(mantissa)
    if exponent:
        yield Run("·", space=THIN)
        yield Run("10", space=THIN)
        sign = MINUS if exponent.startswith("-") else ""
        yield Run(sign + exponent.lstrip("+-0"), scripts=("sup",))


def _listed(trees: Iterable[Tree]) -> Iterator[Run]:
    for number, tree in enumerate(trees):
        if number:
            yield Run(",")
        yield from _formula(tree)


def _indexed(indices: tuple[Tree, ...], layer: str, above: str = "") -> Iterator[Run]:
    """Subscripts, then the layer in its brackets and what else stands above."""
    if layer and indices:
        yield from _script(_listed(indices[1:]), "sub")
        yield from _script([Run(layer[0]), *_formula(indices[0]), Run(layer[1])], "sup")
    else:
        yield from _script(_listed(indices), "sub")
    if above:
        yield Run(above, scripts=("sup",))


def _reduction(tree: t.Reduction) -> Iterator[Run]:
    """One sign; what it runs over stands at its lower and upper right."""
    limits = tree.limits or (None,) * len(tree.bound)
    closed = tree.operator in ("sum", "prod")
    groups = [tree.bound] if not any(limits) else [(name,) for name in tree.bound]
    for names, pair in zip(groups, limits, strict=False):
        yield Run(REDUCTIONS.get(tree.operator, tree.operator))
        below: list[Run] = list(_listed(map(t.Name, names)))
        if pair is not None and closed:
            yield from _script([*below, Run("="), *_formula(pair[0])], "sub")
            yield from _script(_formula(t.one_less(pair[1])), "sup")
        elif pair is not None:
            yield from _script([*_formula(pair[0]), Run("≤"), *below, Run("<"), *_formula(pair[1])], "sub")
        else:
            yield from _script(below, "sub")
    head, *rest = _bracketed(tree.body, t.PRODUCT)
    yield replace(head, space=THIN)
    yield from rest


def _call(tree: t.Call) -> Iterator[Run]:
    function, arguments = tree.function, tree.arguments
    if function in ("abs", "floor"):
        left, right = "||" if function == "abs" else "⌊⌋"
        yield Run(left)
        yield from _listed(arguments)
        yield Run(right)
        return
    if function == "sqrt":
        yield Run("√")
        yield from _bracketed(arguments[0], t.ATOM)
        return
    if tree.orders:
        primes = ""
        if len(tree.orders) == 1:
            primes = "′" * tree.orders[0]
        else:
            for slot, order in enumerate(tree.orders, 1):
                for _ in range(order):
                    yield Run("∂")
                    yield Run(str(slot), scripts=("sub",))
        yield from _name(function)
        yield from _indexed(tree.parameters, tree.layer, primes)
    elif function:
        name = FUNCTIONS.get(function, function)
        yield Run(name, _slanted(name))
    yield Run("(")
    yield from _listed(arguments)
    yield Run(")")


def _product(factors: tuple[tuple[str, Tree], ...]) -> Iterator[Run]:
    """Factors side by side, a dot before a digit, a/b on one line.

    What was divided is bracketed before another factor follows: (a/b) c, never a/b c.
    """
    done: list[Run] = []
    divided = False
    for number, (operator, factor) in enumerate(factors):
        grouped = isinstance(factor, t.Product) and not (number or any(sign == "/" for sign, _ in factor.factors))
        part = list(_formula(factor) if grouped else _bracketed(factor, t.POWER))
        if divided:
            done = [Run("("), *done, Run(")")]
        divided = operator == "/"
        if divided:
            done.append(Run("/"))
        elif operator in (".*", "./"):
            done.append(Run("⊙" if operator == ".*" else "⊘", operator=True))
        elif number:
            if part[0].text[0].isdigit():
                done.append(Run("·", space=THIN))
            part[0] = replace(part[0], space=THIN)
        done += part
    yield from done
