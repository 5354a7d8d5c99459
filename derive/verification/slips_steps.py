"""Slips of windows in an index: stride, dilation, padding, one too far."""

from __future__ import annotations

from collections.abc import Iterator

from derive import tree as t
from derive.tree import Tree
from derive.verification.slips import SPECIFIC, Edit, NamedSlip, Site
from derive.verification.slips_editing import (
    signed_sum,
)
from derive.verification.slips_indices import each_index, plus_one


def _steps(kind: str) -> Edit:
    """A part of an index times a step, without it, or the whole shifted by it."""

    def edit(site: Site) -> Iterator[Tree]:
        for step in site.context.steps:

            def change(index: Tree, step: Tree = step) -> Iterator[Tree]:
                terms = index.terms if isinstance(index, t.Sum) else (("+", index),)
                for place, (sign, term) in enumerate(terms):
                    rest = list(terms)
                    if kind == "times" and not isinstance(term, (t.Product, t.Number)):
                        rest[place] = (sign, t.Product((("*", step), ("*", term))))
                        yield signed_sum(rest)
                    if kind == "without" and isinstance(term, t.Product) and term.factors[0][1] == step:
                        rest[place] = (
                            sign,
                            t.Product(term.factors[1:]) if len(term.factors) > 2 else term.factors[1][1],
                        )
                        yield signed_sum(rest)
                if kind == "moved":
                    for place in range(len(terms)):
                        for other in range(len(terms)):
                            moved = _moved(terms, place, other, step)
                            if moved is not None:
                                yield moved
                if kind == "shift":
                    for sign in ("+", "-"):
                        yield t.Sum((*terms, (sign, step)))
                if kind == "unshift":
                    for place, (_, term) in enumerate(terms):
                        if term == step and len(terms) > 1:
                            yield signed_sum([each for k, each in enumerate(terms) if k != place])

            yield from each_index(site, change)

    return edit


def _moved(terms: tuple[tuple[str, Tree], ...], place: int, other: int, step: Tree) -> Tree | None:
    """The step taken from one part of an index to another."""
    sign, term = terms[place]
    if place == other or not isinstance(term, t.Product) or term.factors[0][1] != step:
        return None
    if isinstance(terms[other][1], t.Number):
        return None
    rest = list(terms)
    rest[place] = (sign, term.factors[1][1])
    rest[other] = (terms[other][0], t.Product((("*", step), ("*", terms[other][1]))))
    return signed_sum(rest)


def _shift(index: Tree) -> Iterator[Tree]:
    """index + 1 and index - 1."""
    for sign in ("+", "-"):
        yield plus_one(index, sign)


def _off_by_one(site: Site) -> Iterator[Tree]:
    yield from each_index(site, _shift)


def slips() -> tuple[NamedSlip, ...]:
    """The slips of this family, in the order in which they are tried."""
    return (
        NamedSlip(
            "stride or dilation forgotten",
            "step",
            "The step of the window is lost in the index: {after} belongs here, not {before}.",
            _steps("without"),
            _steps("times"),
            ("V[s*i + m]", "V[i + m]"),
            SPECIFIC,
            naming=(
                "The step of the window is lost in the index, {part} and not {instead}: {after} belongs here, "
                "not {before}."
            ),
        ),
        NamedSlip(
            "stride or dilation too many",
            "step",
            "This index has no step: {after} belongs here, not {before}.",
            _steps("times"),
            _steps("without"),
            ("V[i + m]", "V[s*i + m]"),
            SPECIFIC,
            naming="This index has no step, {part} and not {instead}: {after} belongs here, not {before}.",
        ),
        NamedSlip(
            "stride or dilation on the wrong index",
            "step",
            "The step belongs to the other part of the index: {after} belongs here, not {before}.",
            _steps("moved"),
            _steps("moved"),
            ("V[s*i + m]", "V[i + s*m]"),
            SPECIFIC,
        ),
        NamedSlip(
            "padding forgotten",
            "step",
            "The padding shifts the index: {after} belongs here, not {before}.",
            _steps("unshift"),
            _steps("shift"),
            ("V[i + m - p]", "V[i + m]"),
            SPECIFIC,
            naming="The padding shifts the index, {part} and not {instead}: {after} belongs here, not {before}.",
        ),
        NamedSlip(
            "padding too many",
            "step",
            "This index is not shifted by the padding: {after} belongs here, not {before}.",
            _steps("shift"),
            _steps("unshift"),
            ("V[i + m]", "V[i + m - p]"),
            SPECIFIC,
            naming=(
                "This index is not shifted by the padding, {part} and not {instead}: {after} belongs here, not "
                "{before}."
            ),
        ),
        NamedSlip(
            "index off by one",
            "index",
            "An index is one off: {after} belongs here, not {before}.",
            _off_by_one,
            _off_by_one,
            ("V[i + m, j + n]", "V[i + m + 1, j + n + 1]"),
            SPECIFIC,
            naming="An index is one off, {part} and not {instead}: {after} belongs here, not {before}.",
        ),
    )
