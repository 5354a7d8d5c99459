"""[names] of a problem as quantities: canonical names, families and index letters from roles, extents, kinds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from derive import tree as t
from derive.errors import ReadingError
from derive.names import ACCENTS
from derive.reading.latex.spelling import canonical
from derive.reading.reader import read
from derive.tree import Tree
from derive.verification.domains import REAL, Plain, Range, holds
from derive.verification.given import Given
from derive.verification.places import Source
from derive.verification.problem_files import Declared
from derive.verification.problems import Exact, Quantity
from derive.words import CONSTANTS, REFUSED

_FAMILY = re.compile(r"(?:a )?(?:sequence|family|series|stack) over (?:the )?(?:index )?(.+)", re.IGNORECASE)
_LETTER = re.compile(r"index letter (.+)", re.IGNORECASE)
#: A canonical name: letters in a row, or words with a letter behind them; then scripts, what stands above, primes.
_NAME = re.compile(r"(?:[A-Za-z]{2,} )*[A-Za-z][A-Za-z0-9]*(?:_(?:[A-Za-z0-9']+|\{[^{}]*\}))*(?:\^.+)?'*")
_FUNCTIONS = frozenset({"sqrt", "exp", "log", "ln", "sin", "cos", "tan"})


def quantities_of(declared: Mapping[str, Declared], source: Source) -> dict[str, Quantity]:
    """The declared names by canonical name. Raises ReadingError with the key path for what contradicts itself."""
    found: dict[str, Quantity] = {}
    for key, entry in declared.items():
        quantity = _quantity(key, entry, source)
        if quantity.name in found:
            other = found[quantity.name].key
            message = f"this is the same name as {other}, which is declared before; declare it once"
            raise source.error(message, ("names", key))
        found[quantity.name] = quantity
    layers = {quantity.family for quantity in found.values() if quantity.family}
    for quantity in list(found.values()):
        if quantity.shape is not None and layers:
            found[quantity.name] = replace(
                quantity, shape=tuple(_of_layer(each, layers, found) for each in quantity.shape)
            )
        if quantity.family and (index := found.get(quantity.family)) is not None and index.kind != "index":
            path = ("names", quantity.key, "role")
            message = f"{quantity.family} is declared, and not as an index; write {quantity.family} = {{ kind = "
            raise source.error(message + '"index", domain = "1..T" }', path)
        if quantity.family and quantity.family not in found:
            found[quantity.family] = _counter(quantity.family, found)
    return found


def _of_layer(extent: int | str, layers: Iterable[str], declared: Iterable[str]) -> int | str:
    """The extent `n_l` of a family over l is n[l], unless n_l is a name of its own."""
    base, _, last = str(extent).rpartition("_")
    return f"{base}[{last}]" if base and last in layers and str(extent) not in declared else extent


def _counter(index: str, taken: Iterable[str]) -> Quantity:
    """The index of a family that is not declared runs from 1 to a size of the same letter."""
    size = index.upper() if len(index) == 1 and index.upper() not in set(taken) else f"n_{index}"
    return Quantity(index, index, None, "index", Range(t.Number("1"), t.Name(size)))


def _quantity(key: str, entry: Declared, source: Source) -> Quantity:
    path = ("names", key)
    name = name_of(key, path, source)
    family = letter = ""
    if told := _FAMILY.fullmatch(entry.role):
        family = _letter(told[1], "a sequence over t", (*path, "role"), source)
        name = without_index(name, family)
    elif told := _LETTER.fullmatch(entry.role):
        letter = _letter(told[1], "index letter j", (*path, "role"), source)
    elif entry.role.lower().startswith(("sequence", "family over", "index letter")):
        raise source.error('write role = "sequence over t" or "index letter j"', (*path, "role"))
    shape = None if entry.shape is None else tuple(extent_of(each, (*path, "shape"), source) for each in entry.shape)
    kind = entry.kind or ("scalar" if shape == () else "tensor")
    if kind == "scalar" and shape:
        message = f"a scalar has no axes, and the shape says {len(shape)}; drop one of the two"
        raise source.error(message, (*path, "shape"))
    if kind == "scalar" and shape is None:
        shape = ()
    if kind in ("index", "function") and shape:
        raise source.error(f"a name of kind {kind} has no shape", (*path, "shape"))
    if isinstance(entry.domain, Plain) and entry.domain.word in ("one-hot", "simplex", "symmetric") and shape == ():
        raise source.error(f"{entry.domain.word} is for arrays, and the shape says scalar", (*path, "domain"))
    value = None if entry.value is None else exact(entry.value, (*path, "value"), source)
    if shape is None and kind == "integer":
        shape = extents(value) if value is not None else ()
    quantity = Quantity(name, key, shape, kind, entry.domain, entry.role, value, family, letter)
    if value is not None:
        check_value(quantity, value, (*path, "value"), source)
    return quantity


def name_of(key: str, path: tuple[str, ...], source: Source) -> str:
    """The canonical name of a key. Raises ReadingError for what no formula can call a name, and for words of Python."""
    try:
        name = canonical(key)
    except ReadingError as reason:
        raise source.error(f"this is no name: {reason.message}", path) from None
    if name in REFUSED:
        raise source.error(f"{name} is a word of Python and no name here; choose another", path)
    if _NAME.fullmatch(name) is None:
        raise source.error("this is no name; a name begins with a letter, and has scripts and accents", path)
    return name


def _letter(text: str, example: str, path: tuple[str, ...], source: Source) -> str:
    plain = text.strip().strip("`'\"$")
    if not re.fullmatch(r"\\?[A-Za-z]+", plain):
        raise source.error(f'{plain!r} is no index; write role = "{example}"', path)
    return canonical(plain)


def without_index(name: str, index: str) -> str:
    """`u_t` is the family u over t, `u_t_hat` is u_hat, and `W^[l]`, `W^(l)` and `W^l` over l are W."""
    mark = re.escape(index)
    found = re.fullmatch(rf"(.+?)(?:_{mark}((?:_(?:{'|'.join(ACCENTS)}))*)|\^\[{mark}\]|\^\({mark}\)|\^{mark})", name)
    return found[1] + (found[2] or "") if found else name


def extent_of(extent: int | str, path: tuple[str, ...], source: Source) -> int | str:
    """A number, the canonical name of a size, or an integer expression in the plain notation: `n^{[l-1]}` -> n[l-1]."""
    if isinstance(extent, int):
        return extent
    plain = re.sub(r"\s*[_^]\s*\{?\s*[\[(]([^\[\](){}]+)[\])]\s*\}?", r"[\1]", extent.strip().strip("$"))
    plain = re.sub(r"_\s*\{([A-Za-z]\s*[-+]\s*[0-9]+)\}", r"[\1]", plain)
    if re.fullmatch(r"\\?[A-Za-z][A-Za-z0-9_']*(?:[_^]\{?[A-Za-z0-9]+\}?)*", plain):
        return canonical(plain)
    try:
        tree = read(plain)
    except ReadingError as reason:
        message = f'the extent "{extent}" is no name, number or integer expression: {reason.message}'
        raise source.error(message, path) from None
    allowed = (t.Number, t.Name, t.Sum, t.Product, t.Negative, t.Subscript)
    if not all(isinstance(node, allowed) for node in t.walk(tree)):
        raise source.error(f'the extent "{extent}" is no integer expression of sizes', path)
    if any(isinstance(node, t.Number) and node.value.denominator != 1 for node in t.walk(tree)):
        raise source.error(f'the extent "{extent}" is no whole number', path)
    return plain


@lru_cache(maxsize=1024)
def extent_tree(extent: int | str) -> Tree:
    """An entry of a Quantity's shape as a tree of sizes."""
    return t.tree_of(extent) if isinstance(extent, int) or re.fullmatch(r"\w+", extent) else read(extent)


def exact(value: Given, path: tuple[str, ...], source: Source) -> Exact:
    """A value with its formulas read: they are exact expressions of numbers, pi and e."""
    if isinstance(value, tuple):
        return tuple(exact(part, path, source) for part in value)
    if isinstance(value, Fraction):
        return value
    from derive.reading.latex.rows import read_equation
    from derive.reading.latex.vocabulary import Vocabulary

    try:
        statement = read_equation(value, Vocabulary({}, frozenset(), frozenset(), frozenset(), {}))
    except ReadingError as reason:
        raise source.inside(reason, value, path) from None
    tree = statement.head
    if tree is None or statement.links:
        raise source.error(f'"{value[:60]}" is no number; write one such as "pi/3"', path)
    for node in t.walk(tree):
        match node:
            case t.Name(text=name) if name not in CONSTANTS:
                raise source.error(f'"{value[:60]}" holds the name {name}, and a value is a number', path)
            case t.Call(function=function) if function not in _FUNCTIONS:
                raise source.error(f'"{value[:60]}" holds {function}, which values may not', path)
            case t.Subscript() | t.Reduction() | t.Derivative() | t.Relation() | t.Indicator() | t.Transpose():
                raise source.error(f'"{value[:60]}" is no number; write one such as "pi/3"', path)
    return tree


def check_value(quantity: Quantity, value: Exact, path: tuple[str, ...], source: Source) -> None:
    """A value fits the shape and lies in the domain, as far as that can be seen without working anything out."""
    shape = extents(value)
    if quantity.kind in ("index", "function"):
        raise source.error(f"a name of kind {quantity.kind} has no value", path)
    rank = None if quantity.shape is None else len(quantity.shape)
    if rank is not None and not quantity.family and rank != len(shape):
        # a column or a row may be given as the list of its entries
        if not (rank == 2 and len(shape) == 1 and quantity.shape is not None and 1 in quantity.shape):
            axes = "no axes" if rank == 0 else "1 axis" if rank == 1 else f"{rank} axes"
            raise source.error(f"the value has {len(shape)} axes, and the shape says {axes}", path)
    elif quantity.shape is not None and not quantity.family:
        for axis, (declared, given) in enumerate(zip(quantity.shape, shape, strict=True)):
            if isinstance(declared, int) and declared != given:
                raise source.error(f"the value has {given} entries along axis {axis}, and the shape {declared}", path)
    for number in _entries(value):
        for domain in (quantity.domain or REAL, *((Plain("integer"),) if quantity.kind == "integer" else ())):
            if isinstance(number, Fraction) and holds(domain, number) is False:
                told = getattr(domain, "word", None) or "its domain"
                raise source.error(f"the value {_decimal(number)} is not in {told}", path)


def extents(value: Exact) -> tuple[int, ...]:
    return (len(value), *extents(value[0])) if isinstance(value, tuple) else ()


def _entries(value: Exact) -> Iterable[Exact]:
    if isinstance(value, tuple):
        for part in value:
            yield from _entries(part)
    else:
        yield value


def _decimal(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else str(float(number))
