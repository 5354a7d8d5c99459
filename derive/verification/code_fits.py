"""What a run of a student's code stored, value by value: what each was to be by its name, and what it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from derive.verification.code_confinement import Record, Run, Site
from derive.verification.code_names import Names
from derive.verification.code_reference import Candidate, Reference, same, squeezed

#: Types with fewer digits than are compared, and the relative error that a few operations in them leave.
SHORT = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}
#: A place in a run: (site, how often it was met).
Place = tuple[int, int]


@dataclass(frozen=True)
class Fit:
    """What a record holds.  wanted : what its name stands for, the likeliest first.  found : what its value is.

    final : nothing changes it afterwards.  partial : a simple multiple of something known (`multiple`), or nothing yet.
    moved : an input that the work changed before, as a training step does; what is not right then is not wrong.
    rough : right as far as the short numbers tell (single precision or less) in which the run computed something.
    """

    record: Record
    wanted: tuple[Candidate, ...]
    found: Candidate | None
    final: bool
    partial: bool
    right: bool
    multiple: Candidate | None = None
    rough: bool = False
    moved: str = ""

    @property
    def place(self) -> Place:
        return self.record.site, self.record.count

    @property
    def wrong(self) -> bool:
        return self.final and bool(self.wanted) and not self.right and not self.rough and not self.moved


class Matching:
    """A problem at a point, against which records are held."""

    def __init__(self, sites: Sequence[Site], names: Names, reference: Reference) -> None:
        self.sites = sites
        self.names = names
        self.reference = reference
        self._wanted: dict[str, tuple[Candidate, ...]] = {}
        self._known: dict[tuple[tuple[int, ...], tuple[float, ...]], tuple[Candidate | None, Candidate | None]] = {}
        sizes: set[float] = {float(size) for size in reference.model.sizes.values()} | {2.0}
        ones = (1.0, *sizes)
        self._factors = sorted({a * b for a in ones for b in ones} | {a / b for a in ones for b in ones})
        self.scales = sorted({-1.0} | sizes | {1 / size for size in sizes})

    def fits(self, run: Run) -> list[Fit]:
        """What every record holds."""
        following = _following(run.records)
        error = max((SHORT.get(record.type, 0.0) for record in run.records), default=0.0)
        found: list[Fit] = []
        moved = ""
        for k, record in enumerate(run.records):
            found.append(self._fit(record, run.records, following[k], error, moved))
            moved = moved or (record.path if self._moves(record) else "")
        return found

    def _moves(self, record: Record) -> bool:
        """Whether an input gets a new value that is made of its old one: from then on the problem is another."""
        meanings = [each for each in self.names.meanings(record.path) if each.kind == "value" and each.sure]
        if not meanings or not self._continues(record) or not self.reference.is_input(meanings[0].name):
            return False
        return not any(self.agrees(record, each) for each in self.reference.find(meanings[0]))

    def _fit(self, record: Record, records: Sequence[Record], after: int | None, error: float, moved: str) -> Fit:
        wanted = self.wanted(record.path)
        known, multiple = self._identified(record)
        if wanted and wanted[0].meaning.kind == "value":  # a name that is also the problem's: only for what fits it
            fitting = tuple(each for each in wanted if squeezed(each.shape) == squeezed(record.shape))
            computed = fitting and not self.reference.is_input(fitting[0].meaning.name)
            wanted = fitting if computed and record.type.startswith("float") and record.entries else ()
        right = any(self.agrees(record, each) for each in wanted)
        empty = record.type == "None" or not any(record.entries)
        final = after is None or not (self._continues(records[after]) or (empty and not right))
        rough = error > 0 and not right and any(_nearly(record, each, error) for each in wanted)
        return Fit(record, wanted, known, final, multiple is not None or empty, right, multiple, rough, moved)

    def _continues(self, record: Record) -> bool:
        site = self.sites[record.site]
        changed = site.kind in ("change", "look") or (site.path.startswith(record.path) and site.path != record.path)
        return changed or site.again

    def wanted(self, path: str) -> tuple[Candidate, ...]:
        """What a name stands for, where it is declared or spelled as a gradient."""
        if path not in self._wanted:
            self._wanted[path] = tuple(
                candidate
                for meaning in self.names.meanings(path)
                if meaning.sure and meaning.kind != "slope"
                for candidate in self.reference.find(meaning)
            )
        return self._wanted[path]

    @staticmethod
    def agrees(record: Record, candidate: Candidate) -> bool:
        return squeezed(record.shape) == squeezed(candidate.shape) and same(record.entries, candidate.entries)

    def _identified(self, record: Record) -> tuple[Candidate | None, Candidate | None]:
        """The quantity whose value this is, or the one of which it is a simple multiple."""
        key = (record.shape, record.entries)
        if key not in self._known:
            found: Candidate | None = None
            multiple: Candidate | None = None
            for candidate in self.forms(record.shape) if record.entries else ():
                if same(record.entries, candidate.entries):
                    found = candidate
                    break
                if multiple is None and self._multiple(record.entries, candidate.entries):
                    multiple = candidate
            self._known[key] = found, multiple
        return self._known[key]

    def forms(self, shape: tuple[int, ...]) -> Iterator[Candidate]:
        """Every quantity, gradient and slope that has a shape, or has it when transposed."""
        plain = squeezed(shape)
        for candidate in self.reference.candidates:
            if squeezed(candidate.shape) == plain:
                yield candidate
        for candidate in self.reference.candidates:
            if len(plain) == 2 and candidate.shape[::-1] == plain and candidate.shape != plain:
                yield candidate.transposed

    def _multiple(self, entries: Sequence[float], right: Sequence[float]) -> bool:
        factor = next((a / b for a, b in zip(entries, right, strict=True) if b), 0.0)
        simple = any(abs(abs(factor) - each) < 1e-9 * each for each in self._factors)
        return simple and same(entries, [factor * value for value in right])


def _nearly(record: Record, candidate: Candidate, error: float) -> bool:
    """Whether a value is right to the few digits that short numbers leave."""
    if squeezed(record.shape) != squeezed(candidate.shape) or not record.entries:
        return False
    largest = max(abs(entry) for entry in candidate.entries)
    return all(abs(a - b) <= error * largest for a, b in zip(record.entries, candidate.entries, strict=True))


def _following(records: Sequence[Record]) -> list[int | None]:
    """For every record the next one of the same variable."""
    found: list[int | None] = [None] * len(records)
    last: dict[str, int] = {}
    for k in range(len(records) - 1, -1, -1):
        found[k] = last.get(records[k].path)
        last[records[k].path] = k
    return found
