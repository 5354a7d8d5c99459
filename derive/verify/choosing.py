"""Numbers for the sizes of a problem: small, all different, such that every equation has a meaning.

Different sizes tell axes apart: with equal ones a third of the wrong lines of an MLP would pass. Two assignments are
used, so that a row that holds by chance at one size fails at the other.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

from derive import tree as t
from derive.errors import DeriveError, LimitError, ProgramError
from derive.verify import domains as d
from derive.verify.declarations import extent_tree
from derive.verify.graph import UndefinedNode
from derive.verify.model import Model
from derive.verify.problems import Problem
from derive.verify.shaped import ShapeClash, Unjudged
from derive.words import nearest

#: How often sizes are drawn.
TRIALS = 400
#: Largest size tried, and the most entries that all arrays together may have.
LARGEST, ENTRIES = 9, 600
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
    from derive.verify.problem_checks import defined

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
    """The smallest of the first fitting assignments; reads outside arrays are allowed only where nothing else fits."""
    reason: Exception | None = None
    for strict in (True, False):
        rng = random.Random(f"{seed}/{number}")
        best: tuple[int, Model] | None = None
        fits = 0
        for sizes in _assignments(problem, number, rng):
            if sizes in used:
                continue
            try:
                model = Model(problem, sizes, seed + number, strict=strict)
            except (Unjudged, ShapeClash, UndefinedNode, LimitError) as failed:
                reason = failed
                continue
            except ProgramError as failed:
                reason = failed
                if not size_names(problem):
                    raise
                continue
            cost = len(model.graph)
            if best is None or cost < best[0]:
                best = (cost, model)
            fits += 1
            if fits == 3:
                break
        if best is not None:
            return best[1]
    if number == 0 and reason is not None:
        if isinstance(reason, DeriveError):
            raise reason
        raise ProgramError(f"the equations have no meaning at any sizes tried: {reason}")
    return None


def _assignments(problem: Problem, number: int, rng: random.Random) -> Iterator[dict[str, int]]:
    names = size_names(problem)
    plain = [name for name in names if not name.endswith("[]") and "last" not in names[name]]
    if not names:
        yield {}
        return
    for trial in range(TRIALS):
        sizes: dict[str, int] = {}
        lengths = MEMBERS[number % 2]
        members = lengths[0] if trial < TRIALS // 2 else lengths[1]
        for name, where in names.items():
            if "last" in where and not name.endswith("[]"):
                sizes[name] = members
        pool = list(range(2, min(LARGEST, 2 + len(plain) + trial // 20) + 1))
        drawn = rng.sample(pool, len(plain)) if len(plain) <= len(pool) else [rng.choice(pool) for _ in plain]
        sizes.update(zip(plain, drawn, strict=True))
        for name in names:
            if name.endswith("[]"):
                spread = rng.sample(range(2, 4 + members), members + 2) if members + 2 <= 2 + members else []
                for index in range(members + 2):
                    sizes[f"{name[:-2]}[{index}]"] = spread[index] if spread else 2 + (index + rng.randrange(5)) % 4
        yield sizes


def check_sizes(given: Mapping[str, int], problem: Problem) -> None:
    """Sizes asked for by a user are sizes of the problem. Raises ProgramError with the nearest name."""
    names = size_names(problem)
    for name in given:
        if name not in names:
            close = nearest(name, list(names))
            raise ProgramError(f"the problem has no size {name}" + (f"; did you mean {close}?" if close else ""), name)
