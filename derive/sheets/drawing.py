"""What one variant of an exercise is drawn from: the exercise's name, the seed, the variant's number and the attempt.

The same on every machine: see `derive.fixtures.stream`. A variant that is not sane is drawn again, and so is one that
an earlier variant has been.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from derive.errors import UsageError
from derive.fixtures.stream import Stream

T = TypeVar("T")
#: Drawn again at most so often, for one variant.
ATTEMPTS = 20_000
_WORDS = 64  # drawn at a time


class Draws:
    """Choices from one name, one after the other."""

    def __init__(self, *name: object) -> None:
        self.stream = Stream("sheets", *name)
        self.words: list[int] = []

    def below(self, high: int) -> int:
        """A whole number in 0..high-1."""
        if not self.words:
            self.words = self.stream.words(_WORDS).tolist()
        return self.words.pop() % high

    def between(self, low: int, high: int) -> int:
        """A whole number in low..high."""
        return low + self.below(high - low + 1)

    def choice(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        left = list(items)
        return [left.pop(self.below(len(left))) for _ in range(len(left))]

    def decimal(self, low: int, high: int, digits: int = 1) -> str:
        """A number with so many decimals, low to high in units of the last; never 0: `-0.5`."""
        value = self.between(low, high)
        while value == 0:
            value = self.between(low, high)
        whole, part = divmod(abs(value), 10**digits)
        return f"{'-' if value < 0 else ''}{whole}.{part:0{digits}}"


@dataclass(frozen=True)
class Drawn:
    """values : what the exercise builds the variant from, as plain hashable data.

    answers : what tells its answers from those of another variant: rounded numbers, or what the formulas depend on.
    """

    values: tuple[Any, ...]
    answers: Hashable


def variants(name: str, draw: Callable[[Draws], Drawn | None], count: int, seed: int) -> Iterator[Drawn]:
    """The first `count` variants of a seed, pairwise different in what is given and in their answers.

    Variant k does not depend on how many are asked for. Raises UsageError where there are not so many.
    """
    given: set[Hashable] = set()
    answers: set[Hashable] = set()
    for number in range(1, count + 1):
        for attempt in range(ATTEMPTS):
            found = draw(Draws(name, seed, number, attempt))
            if found is not None and found.values not in given and found.answers not in answers:
                break
        else:
            raise UsageError(f"{name} has only {number - 1} different variants at seed {seed}; ask for fewer")
        given.add(found.values)
        answers.add(found.answers)
        yield found
