"""Numbers for the sizes of a problem: small, all different, such that every equation has a meaning.

Different sizes tell axes apart: with equal ones a third of the wrong lines of an MLP would pass. Two assignments are
used, so that a row that holds by chance at one size fails at the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from derive import tree as t
from derive.errors import DeriveError, LimitError, ProgramError
from derive.verification import domains as d
from derive.verification.declarations import extent_tree
from derive.verification.graph import UndefinedNode
from derive.verification.model import Model
from derive.verification.problems import Problem
from derive.verification.shaped import ShapeClash, Unjudged

#: Groups of assignments, how many are drawn for each, and how many of them are tried.
GROUPS, TRIALS, CANDIDATES = 6, 150, 40
#: Largest size tried.
LARGEST = 9
#: Numbers of members of a family: for the first and the second assignment.
MEMBERS = ((3, 2), (4, 3))


def size_names(problem: Problem) -> dict[str, set[str]]:
    """The sizes that a problem leaves open -> where they occur: "extent", "last" of an index, "count" of classes."""
    found: dict[str, set[str]] = {}

    def note(tree: t.Tree, what: str) -> None:
        for node in t.walk(tree):
            if isinstance(node, t.Subscript):
                found.setdefault(f"{node.array}[]", set()).add(what)
            elif isinstance(node, t.Name) and _is_size(node.text, problem):
                found.setdefault(node.text, set()).add(what)

    for quantity in problem.quantities.values():
        for extent in quantity.shape or ():
            if isinstance(extent, str):
                note(extent_tree(extent), "extent")
        match quantity.domain:
            case d.Range(first=first, last=last):
                note(first, "last")
                note(last, "last")
            case d.Classes(count=count):
                note(count, "count")
    aliases = {t.names_in(left)[0] for left, _ in problem.aliases}
    for name, rank in problem.vocabulary.names.items():
        if name not in problem.quantities and rank and name not in aliases and not _is_defined(name, problem):
            for axis in range(rank):
                found.setdefault(f"n_{name}{axis + 1}", set()).add("extent")
    return found


def _is_size(name: str, problem: Problem) -> bool:
    quantity = problem.quantities.get(name)
    if quantity is None:
        return True
    return quantity.kind == "integer" and quantity.value is None and quantity.shape in (None, ())


def _is_defined(name: str, problem: Problem) -> bool:
    from derive.verification.problem_checks import defined

    return name == problem.loss or any(defined(statement) == name for statement in problem.equations)


def models(problem: Problem, seed: int = 0, count: int = 2) -> list[Model]:
    """The problem at `count` assignments of sizes. Raises ProgramError where nothing fits."""
    found: list[Model] = []
    for number in range(count):
        made = _fitting(problem, seed, number, [model.sizes for model in found])
        if made is not None:
            found.append(made)
        if not size_names(problem):
            break
    if not found:
        raise ProgramError("no sizes were found at which the equations have a meaning")
    return found


def _fitting(problem: Problem, seed: int, number: int, used: list[dict[str, int]]) -> Model | None:
    """The smallest fitting assignment; reads outside arrays are allowed only where nothing else fits."""
    reason: Exception | None = None
    narrow: Model | None = None
    for strict in (True, False):
        for sizes in _assignments(problem, number, random.Random(f"{seed}/{number}"), used):
            if sizes in used:
                continue
            try:
                model = Model(problem, sizes, seed + number, strict=strict)
                if not _has_lone_axis(model):
                    return model
                narrow = narrow or model
            except (Unjudged, ShapeClash, UndefinedNode, LimitError) as failed:
                reason = failed
            except ProgramError as failed:
                reason = failed
                if not strict and not size_names(problem):
                    raise
        if narrow is not None:
            return narrow
    if number == 0 and reason is not None:
        if isinstance(reason, DeriveError):
            raise reason
        raise ProgramError(f"the equations have no meaning at any sizes tried: {reason}")
    return None


def _has_lone_axis(model: Model) -> bool:
    """Whether an axis that nobody declared as 1 has one entry: strides and shifts along it could not be told."""
    for name, array in model.arrays.items():
        quantity = model.problem.quantities.get(name)
        declared = quantity is not None and quantity.shape is not None and 1 in quantity.shape
        if 1 in array.shape and not declared:
            return True
    return False


def _assignments(
    problem: Problem, number: int, rng: random.Random, used: list[dict[str, int]]
) -> Iterator[dict[str, int]]:
    """Assignments of numbers to sizes, in groups that allow more and more, the cheapest of a group first."""
    names = size_names(problem)
    if not names:
        yield {}
        return
    seen: list[dict[str, int]] = []
    for group in range(GROUPS):
        drawn = [_drawn(problem, names, number, group, rng) for _ in range(TRIALS)]
        extents = list(
            dict.fromkeys(e for q in problem.quantities.values() for e in q.shape or () if isinstance(e, str))
        )
        cheap = sorted(
            drawn,
            key=lambda sizes: (
                # a 2 in place of m must not pass because m is 2 at all sizes tried
                _equal_extents(extents, sizes)
                + sum(sizes[name] == other.get(name) for other in used for name in sizes),
                sum(each**2 for each in sizes.values()),
            ),
        )
        for sizes in cheap[:: max(1, len(cheap) // CANDIDATES)] if group else cheap[:CANDIDATES]:
            if sizes not in seen:
                seen.append(sizes)
                yield sizes


def _drawn(problem: Problem, names: dict[str, set[str]], number: int, group: int, rng: random.Random) -> dict[str, int]:
    plain = [name for name in names if not name.endswith("[]") and "last" not in names[name]]
    members = MEMBERS[number % 2][0 if group < GROUPS // 2 else 1]
    sizes = {name: members for name, where in names.items() if "last" in where and not name.endswith("[]")}
    pool = list(range(2, min(LARGEST, 2 + len(plain) + 2 * group) + 1))
    chosen = rng.sample(pool, len(plain)) if len(plain) <= len(pool) else [rng.choice(pool) for _ in plain]
    sizes.update(zip(plain, chosen, strict=True))
    for name in names:
        if name.endswith("[]"):
            spread = rng.sample(range(2, 4 + members), members + 2)
            sizes.update({f"{name[:-2]}[{index}]": spread[index] for index in range(members + 2)})
    return sizes


def _equal_extents(extents: list[str], sizes: Mapping[str, int]) -> int:
    """How many different extents, H and H - P + 1 say, are the same number or none: each pair hides mistakes."""
    found = [_extent(extent, sizes) for extent in extents]
    known = [each for each in found if each is not None]
    return len(known) - len(set(known)) + 10 * sum(each < 2 for each in known)


def _extent(extent: str, sizes: Mapping[str, int]) -> int | None:
    """An extent as a number, where sizes alone decide it."""

    def value(tree: t.Tree) -> int | None:
        match tree:
            case t.Number():
                return int(tree.value)
            case t.Name(text=name):
                return sizes.get(name)
            case t.Negative(body=body):
                inner = value(body)
                return None if inner is None else -inner
            case t.Sum(terms=terms):
                parts = [(sign, value(part)) for sign, part in terms]
                if any(part is None for _, part in parts):
                    return None
                return sum((part or 0) if sign == "+" else -(part or 0) for sign, part in parts)
        return None

    return sizes[extent] if extent in sizes else value(extent_tree(extent))
