"""More models of one problem, made when a row needs them: other sizes, other classes, one-hot vectors that are hot.

What a row says of labels must hold for every value that they may have. One-hot vectors are first taken for
distributions, since what holds for all of these needs no cases; a row for which that is not enough is judged with every
class hot in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from derive.verification import domains as d
from derive.verification.choosing import models
from derive.verification.inputs import INTEGERS
from derive.verification.model import Model
from derive.verification.problems import Problem
from derive.verification.size_hazards import FEW

#: At most so many values of labels are tried in turn.
TURNS = FEW


LISTED = (d.Values, d.Range, d.Classes)


class Variants:
    """The further models, each with the length of its graph before any work."""

    def __init__(self, problem: Problem, seed: int, base: Sequence[Model]) -> None:
        self.problem = problem
        self.seed = seed
        self.base = base
        self._sizes: list[Model] = []
        self._turned: dict[int, list[Model]] = {}
        self._marks: dict[int, int] = {}
        self._exhausted = False
        words = [q.domain.word for q in problem.quantities.values() if isinstance(q.domain, d.Plain)]
        self.has_one_hot = "one-hot" in words
        domains = [q.domain for q in problem.quantities.values() if q.value is None and q.kind != "index"]
        self.two_valued = sum(isinstance(each, d.Values) and len(each.numbers) == 2 for each in domains)
        self.has_cases = bool(self.two_valued) or any(isinstance(each, LISTED) for each in domains)

    def sizes(self, count: int) -> list[Model]:
        """So many assignments of sizes altogether, the first ones left out; fewer where there are no more."""
        missing = count - len(self.base)
        if len(self._sizes) < missing and not self._exhausted:
            self._sizes = [self._kept(model) for model in models(self.problem, self.seed, count)[len(self.base) :]]
            self._exhausted = len(self._sizes) < missing
        return self._sizes[:missing]

    def turns(self) -> int:
        """How many models show every label with every value."""
        model = self.base[0]
        most = 1
        for name, quantity in self.problem.quantities.items():
            word = quantity.domain.word if isinstance(quantity.domain, d.Plain) else ""
            if quantity.value is not None or quantity.kind == "index":
                continue
            if word == "one-hot":
                shape = (
                    next(iter(model.families[name].values())).shape
                    if name in model.families
                    else model.array(name).shape
                )
                most = max(most, shape[-1] or 1)
            elif word == "integer" or (quantity.kind == "integer" and not isinstance(quantity.domain, LISTED)):
                most = max(most, INTEGERS if name not in model.sizes else 1)
            elif isinstance(quantity.domain, d.Classes):
                most = max(most, model.meaning.integer(quantity.domain.count, {}))
            elif isinstance(quantity.domain, d.Range):
                ends = [model.meaning.integer(end, {}) for end in (quantity.domain.first, quantity.domain.last)]
                most = max(most, ends[1] - ends[0] + 1)
            elif isinstance(quantity.domain, d.Values) and len(quantity.domain.numbers) > 2:
                most = max(most, len(quantity.domain.numbers))
        return min(most, TURNS)

    def cases(self) -> int:
        """How many models show every label with every value, also those that have one of two values."""
        return max(self.turns(), TURNS if self.two_valued else 1)

    def tried(self) -> list[Model]:
        """The models with labels turned that were made so far."""
        return [model for turned in self._turned.values() for model in turned]

    def turned(self, turn: int) -> list[Model]:
        """The models at the sizes of the first ones, with labels one further for each turn."""
        if turn not in self._turned:
            self._turned[turn] = [
                self._kept(Model(self.problem, model.sizes, model.seed, turn=turn)) for model in self.base
            ]
        return self._turned[turn]

    def _kept(self, model: Model) -> Model:
        self._marks[id(model)] = len(model.graph)
        return model

    def prepare(self, chosen: Sequence[Model], work: Callable[[Model], None]) -> Sequence[Model]:
        """The chosen models, after what the work defined so far is made known to them."""
        for model in chosen:
            model.forget_work()
            work(model)
        return chosen

    def forget(self) -> None:
        """All that a work added."""
        for model in (*self._sizes, *self.tried()):
            model.forget(self._marks[id(model)])
