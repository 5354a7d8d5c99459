"""`check`: the gradient held against everything that does not share its derivation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from derive.adjoints import reverse
from derive.checks.gradients import CHECKS
from derive.checks.results import TITLES, CheckReport, Result
from derive.checks.sampling import across_kinks, random_points
from derive.errors import UsageError
from derive.program import Program
from derive.step import Derivation
from derive.tree import Tree
from derive.worked import Worked, evaluated, point

__all__ = ["DEFAULT", "CheckReport", "check"]

DEFAULT = ("differences", "complex-step", "certified")


def check(
    target: Any,
    at: Mapping[str, Any] | str | None = None,
    *,
    against: Collection[str] | str = DEFAULT,
    seed: int = 0,
) -> CheckReport:
    """Hold a gradient against independent ones.

    target : text, a Program, a Derivation (its own adjoint lines are held), or a Worked.
    at : a point, as "x1=1.5,x2=1/3" or a mapping of names; without one, two seeded random points inside the domain, and
        more on the other sides of kinks.
    against : "torch", "differences", "complex-step", "certified", "steps", several of them, or "all".
    seed : any integer, for the random points.
    A check that cannot be run (torch not installed, a point at a kink, no inputs) says why; it does not fail.
    Raises UsageError for an unknown check and for a name in the point that is no input, DomainError for a point at
    which there is no gradient.
    """
    names = _names(against)
    worked, tangent = _worked(target)
    program = worked.program
    if at is not None or not worked.has_point:
        worked = Worked(program, worked.adjoints, None, {}, worked.digits)
    remarks: list[str] = []
    if at is not None:
        from derive.display import point_of

        given_point = point_of(at)
        _known(program, given_point)
        points = [point(program, given_point)]
    elif worked.has_point:
        points = [dict(worked.at)]
    else:
        points = random_points(program, worked.adjoints.values(), 2, seed)
        others, remarks = across_kinks(program, worked.adjoints.values(), points, seed)
        points += others
    if not program.inputs:
        return CheckReport(tuple(Result(name, None, "the function has no inputs") for name in names))
    if not points:
        reason = "no random point is inside the domain; give one"
        return CheckReport(tuple(Result(name, None, reason) for name in names))
    at_points = [
        worked if worked.has_point else evaluated(Worked(program, worked.adjoints, None, given, worked.digits))
        for given in points
    ]
    results = [CHECKS[name](at_points, tangent, seed) for name in names]
    texts = tuple({program.label(name): _shown(tree) for name, tree in given.items()} for given in points)
    return CheckReport(tuple(results), texts, tuple(remarks))


def _known(program: Program, at: Mapping[str, Tree]) -> None:
    """Raise UsageError for a name in the point that is neither an input nor the label of one."""
    labels = [program.label(name) for name in program.input_names]
    for name in at:
        if name not in labels and name not in program.input_names:
            from derive.words import nearest

            close = nearest(name, labels)
            there = f"the inputs are {', '.join(labels[:10])}" if labels else "the function has no inputs"
            raise UsageError(f"{name} is no input; " + (f"did you mean {close}?" if close else there))


def _shown(tree: Tree) -> str:
    from derive.plain import formula

    return formula(tree)


def _names(against: Collection[str] | str) -> list[str]:
    chosen = [against] if isinstance(against, str) else list(against)
    if "all" in chosen:
        return list(TITLES)
    chosen = [name.replace("_", "-") for name in chosen]
    for name in chosen:
        if name not in TITLES:
            from derive.words import nearest

            close = nearest(name, TITLES)
            hint = f"; did you mean {close}?" if close else f"; there are {', '.join(TITLES)} and all"
            raise UsageError(f"there is no check {name!r}{hint}")
    return [name for name in TITLES if name in chosen]


def _worked(target: Any) -> tuple[Worked, list[Derivation]]:
    """The sweeps to hold, and further derivations whose steps are run."""
    if isinstance(target, Worked):
        return target, [target.tangent] if target.tangent else []
    if isinstance(target, Derivation):
        program = target.primal
        if target.mode == "reverse" and target.output is not None:
            return Worked(program, {target.output: target}, None, {}), []
        return Worked(program, _sweeps(program), None, {}), [target] if target.mode == "forward" else []
    from derive.tracing import trace

    program = trace(target)
    return Worked(program, _sweeps(program), None, {}), []


def _sweeps(program: Program) -> dict[str, Derivation]:
    return {output: reverse(program, output) for output in program.outputs}
