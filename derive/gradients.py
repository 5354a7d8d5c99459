"""The one rule on index equations: adjoints of a Program, each with the steps that lead to its textbook formula.

    X_bar[m] = sum over equations Y that read X, sum over Y's indices i, of Y_bar[i] * dY[i]/dX[m]

For each equation that reads X the partial derivative comes first, by the rules of derive.rules.derivatives, with its
Kronecker deltas contracted where an index has coefficient 1. It is then inserted into the rule, the remaining deltas
are contracted, guards that the domains imply are dropped, and what the forward pass has computed is called by its name.
Three spellings are kept of every adjoint: the rule itself with its derivatives (scatter has no algebra and is made by
derive.scatter), the one with deltas, and the gathered one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from derive import terms
from derive.errors import ProgramError
from derive.integers import Index, Integer, integer
from derive.names import adjoint_names
from derive.program import Equation, Program
from derive.rules import collecting, deltas, derivatives, guards, primal, sums
from derive.rules.rewriting import Rewrite, exhausted, rule, step
from derive.step import Rule, Step
from derive.terms import Entry, Partial, Term, add, multiply, total

#: Names for the entry by which is differentiated, so that it is told apart from the indices of the equation.
_LETTERS = "mnpqrstuvw"


@dataclass(frozen=True)
class LocalPartial:
    """dY[i]/dX[m] of one equation Y that reads X: the result, and the steps from the equation to it."""

    of: str
    by: str
    equation: Equation
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Adjoint:
    """The adjoint of one array.

    rule : the one rule, with pending derivatives.  delta : with the deltas of the partial derivatives.
    united : after the contractions that need no division: what a convolution is recognised from.
    equation : gathered, the textbook formula; what its sums may not read is guarded.
    ranged : the same with the guards as limits of the sums, or None where that changes nothing.
    """

    of: str
    name: str
    rule: Equation
    partials: tuple[LocalPartial, ...]
    delta: Equation
    united: Equation
    equation: Equation
    ranged: Equation | None
    own_steps: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps: those of the partial derivatives first."""
        return (*(each for partial in self.partials for each in partial.steps), *self.own_steps)


@dataclass(frozen=True)
class Gradients:
    """Adjoints of a program, from the outputs back.

    names : array -> name of its adjoint; for an output that nothing else reads, of its upstream gradient.
    wrt : what was asked for.  loss : the output whose adjoint is 1, or None.
    """

    primal: Program
    lines: tuple[Adjoint, ...]
    names: Mapping[str, str]
    wrt: tuple[str, ...]
    loss: str | None

    @cached_property
    def by_name(self) -> dict[str, Adjoint]:
        return {line.of: line for line in self.lines}

    def __getitem__(self, array: str) -> Adjoint:
        return self.by_name[array]

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(each for line in self.lines for each in line.steps)

    @cached_property
    def given(self) -> dict[str, Entry]:
        """The upstream gradients that somebody has to supply, at their own indices."""
        return {
            name: Entry(name, self.primal.heads[output].indices)
            for output, name in self.primal.upstream.items()
            if output in self.primal.heads
        }

    @cached_property
    def around(self) -> Program:
        """The primal program, its adjoints and upstream gradients as inputs: what a rule may look up."""
        return with_adjoint_heads(self.primal, self.names)

    @cached_property
    def adjoint(self) -> Program:
        """The adjoints as a program: it reads the values of the forward pass and the upstream gradients."""
        inputs = (*self.primal.heads.values(), *self.given.values())
        return Program(
            inputs,
            tuple(line.equation for line in self.lines),
            tuple(self.names[name] for name in self.wrt),
            integers=self.primal.integers,
        )


def gradients(program: Program, wrt: Sequence[str] = ()) -> Gradients:
    """The gradients of the loss, or of what the upstream gradients stand for, in the arrays `wrt` (all real inputs).

    Raises ProgramError for a name that is not in the program, an array of whole numbers, and a reduction that no rule
    differentiates.
    """
    wanted = tuple(dict.fromkeys(wrt)) or tuple(
        name for name in program.input_names if name not in program.integers and _reaches(program, name)
    )
    for name in wanted:
        if name not in program.heads:
            known = ", ".join(program.heads)
            raise ProgramError(f"{name} is not in the equations, which have {known}", name)
        if name in program.integers:
            raise ProgramError(f"{name} holds whole numbers, which have no gradient", name)
    return _Sweep(program, wanted).run()


def _reaches(program: Program, name: str) -> bool:
    return any(name in terms.reads(line.term) for line in program.equations)


def with_adjoint_heads(program: Program, names: Mapping[str, str]) -> Program:
    """The program, to which the adjoints are inputs of the shape of their arrays."""
    adjoints = {
        **{bar: name for name, bar in names.items()},
        **{given: name for name, given in program.upstream.items()},
    }
    heads = tuple(Entry(bar, program.heads[name].indices) for bar, name in adjoints.items())
    return replace(program, inputs=(*program.inputs, *heads))


class _Sweep:
    """One reverse sweep: which lines matter, the names of adjoints, and the letters of fresh indices."""

    def __init__(self, program: Program, wrt: tuple[str, ...]) -> None:
        self.program = program
        self.wrt = wrt
        self.reads = {line.name: terms.reads(line.term) for line in program.equations}
        seeds = set(program.upstream) | set(program.outputs)
        self.loss = next((name for name in program.outputs if name not in program.upstream), None)
        self.relevant = self._downstream(wrt) & self._upstream(seeds)
        taken = {*program.heads, *program.upstream.values(), *(names_of_sizes(program))}
        inner = {name for name in program.upstream if self._readers(name)}
        self.names = _adjoint_names(program, taken, inner)
        self.names |= {output: given for output, given in program.upstream.items() if output not in inner}
        self.known = with_adjoint_heads(program, self.names)
        used = {index.name for line in program.equations for index in _indices(line)} | taken
        self.letters = [letter for letter in _LETTERS if letter not in used]

    def _downstream(self, start: Iterable[str]) -> set[str]:
        """What depends on one of the names."""
        found = set(start)
        changed = True
        while changed:
            more = {name for name, reads in self.reads.items() if name not in found and not reads.isdisjoint(found)}
            found |= more
            changed = bool(more)
        return found

    def _upstream(self, start: Iterable[str]) -> set[str]:
        """What the names depend on."""
        found: set[str] = set()
        stack = list(start)
        while stack:
            name = stack.pop()
            if name not in found:
                found.add(name)
                stack.extend(self.reads.get(name, ()))
        return found

    def run(self) -> Gradients:
        order = [line.name for line in self.program.equations]
        asked = [name for name in reversed(order) if name in self.relevant or name in self.wrt]
        asked += [name for name in self.wrt if name not in order]
        lines = []
        for name in asked:
            is_seed = name in self.program.upstream or name == self.loss
            readers = self._readers(name)
            if is_seed and not readers and name not in self.wrt:
                continue  # its adjoint is the upstream gradient, or 1
            lines.append(self._adjoint(name, readers))
        return Gradients(self.program, tuple(lines), self.names, self.wrt, self.loss)

    def _readers(self, name: str) -> list[Equation]:
        return [line for line in self.program.equations if name in self.reads[line.name] and line.name in self.relevant]

    # --- one adjoint --------------------------------------------------------------------------------------------------

    def _adjoint(self, name: str, readers: list[Equation]) -> Adjoint:
        own = self._own_indices(name)
        left = Entry(self.names[name], tuple(map(integer, own)))
        partials = tuple(self._partial(line, name) for line in readers)
        start = Equation(left, add(*self._seed(name, own), *(self._contribution(p, name, own) for p in partials)))
        steps: list[Step] = []
        equation = start
        if self.loss is not None and any(line.name == self.loss for line in readers):
            equation = self._take(_seed_rule(self.names[self.loss]), equation, steps)
        equation = delta = self._take(_insertion(partials), equation, steps)
        equation = united = self._run((*sums.NORMALISE, *deltas.UNIT), equation, steps)
        equation = self._run((*sums.NORMALISE, *deltas.ALL), equation, steps)
        equation = self._run((guards.DISCHARGE,), equation, steps)
        for line in readers:
            equation = self._take(primal.reuse_rule(line), equation, steps)
        equation = self._run((sums.PULL_OUT, collecting.COLLECT, collecting.COMMON_FACTOR), equation, steps)
        equation = self._renamed(equation, name, readers, steps)
        limited = step(guards.LIMITS, equation, self.known)
        ranged = None
        if limited is not None:
            ranged = limited.after
            steps.append(limited)
        return Adjoint(name, self.names[name], start, partials, delta, united, equation, ranged, tuple(steps))

    def _seed(self, name: str, own: tuple[Index, ...]) -> list[Term]:
        if name == self.loss:
            return [terms.UNIT]
        given = self.program.upstream.get(name)
        return [] if given is None else [Entry(given, tuple(map(integer, own)))]

    def _contribution(self, partial: LocalPartial, name: str, own: tuple[Index, ...]) -> Term:
        """Σ_i Y_bar[i] * dY[i]/dX[m], the derivative pending."""
        line = self.program.by_name[partial.of]
        indices = copies(line.indices)
        at = tuple(map(integer, indices))
        pending = Partial(Entry(partial.of, at), Entry(name, tuple(map(integer, own))))
        return total(indices, multiply(Entry(self.names[partial.of], at), pending))

    # --- one partial derivative ---------------------------------------------------------------------------------------

    def _partial(self, line: Equation, name: str) -> LocalPartial:
        indices = copies(line.indices)
        own = self._own_indices(name)
        left = Partial(Entry(line.name, tuple(map(integer, indices))), Entry(name, tuple(map(integer, own))))
        steps: list[Step] = []
        equation = self._take(derivatives.FORWARD, Equation(left, left), steps)
        equation = self._run(derivatives.RULES, equation, steps)
        open_ones = derivatives.pending(equation.term)
        if open_ones:
            raise derivatives.unsupported(open_ones[0].of)
        equation = self._run((*sums.NORMALISE, *deltas.UNIT), equation, steps)
        equation = self._run((guards.DISCHARGE,), equation, steps)
        equation = self._take(primal.reuse_rule(line), equation, steps)
        equation = self._run((collecting.COLLECT, collecting.COLLECT_POWERS), equation, steps)
        return LocalPartial(line.name, name, equation, tuple(steps))

    # --- small things -------------------------------------------------------------------------------------------------

    def _own_indices(self, name: str) -> tuple[Index, ...]:
        """Fresh indices over the domains of an array, under letters that no equation uses."""
        head = [part.index for part in self.program.heads[name].indices]
        letters = [*self.letters, *(f"m_{k}" for k in range(1, len(head) + 1))]
        return copies(tuple(index for index in head if index is not None), letters)

    def _take(self, each: Rule, equation: Equation, steps: list[Step]) -> Equation:
        made = step(each, equation, self.known)
        if made is None:
            return equation
        steps.append(made)
        return made.after

    def _run(self, rules: tuple[Rule, ...], equation: Equation, steps: list[Step]) -> Equation:
        equation, made = exhausted(rules, equation, self.known)
        steps.extend(made)
        return equation

    def _renamed(self, equation: Equation, name: str, readers: list[Equation], steps: list[Step]) -> Equation:
        """The author's own letters where every equation reads the array at the same lone indices."""
        names = _author_indices(name, readers)
        if names is None or names == [index.name for index in equation.indices]:
            return equation
        new = tuple(map(integer, copies(equation.indices, names)))
        values = dict(zip(equation.indices, new, strict=True))
        assert isinstance(equation.left, Entry)
        after = Equation(Entry(equation.left.array, new), terms.substitute(equation.term, values))
        steps.append(Step(RENAME, RENAME.statement, (), equation, after))
        return after


def copies(indices: Sequence[Index], names: Sequence[str] = ()) -> tuple[Index, ...]:
    """Fresh indices over the same domains, in which those before them are replaced as well."""
    values: dict[Index, Integer] = {}
    made = []
    for place, index in enumerate(indices):
        name = names[place] if names else index.name
        new = Index(name, index.stop.substitute(values), index.lower.substitute(values))
        values[index] = integer(new)
        made.append(new)
    return tuple(made)


def _author_indices(name: str, readers: list[Equation]) -> list[str] | None:
    """The letters at which every equation reads the array, all alone and different; None where they disagree."""
    found: set[tuple[str, ...]] = set()
    for line in readers:
        for node in terms.walk(line.term):
            if isinstance(node, Entry) and node.array == name:
                letters = tuple(part.index.name if part.index else "" for part in node.indices)
                found.add(letters)
    if len(found) != 1:
        return None
    (letters,) = found
    return list(letters) if letters and all(letters) and len(set(letters)) == len(letters) else None


def _adjoint_names(program: Program, taken: set[str], inner: set[str]) -> dict[str, str]:
    """A name for the adjoint of each array. inner : outputs that other lines read as well.

    Their adjoint is more than what comes down from above, so it cannot bear the name of the upstream gradient.
    """
    names = adjoint_names(list(program.heads), taken=taken.difference(program.upstream.values()))
    given = {bar: output for output, bar in program.upstream.items()}
    for name, bar in names.items():
        if bar in given and (given[bar] != name or name in inner):
            fresh = f"{name}_total_bar"
            while fresh in taken or fresh in names.values():
                fresh += "_bar"
            names[name] = fresh
    return names


def names_of_sizes(program: Program) -> set[str]:
    """The sizes and integer arrays that the extents of a program speak of."""
    return {
        name
        for head in program.heads.values()
        for part in head.indices
        for index in part.indices
        for name in (*index.lower.names, *index.stop.names)
    }


def _indices(line: Equation) -> Iterable[Index]:
    yield from line.indices
    for node in terms.walk(line.term):
        yield from terms.bound_in(node)


RENAME = Rule("rename", "an index may be called by any letter that is not in use", lambda equation, program: None)


def _insertion(partials: tuple[LocalPartial, ...]) -> Rule:
    """Put the partial derivatives that were worked out into the one rule."""
    known = {(partial.of, partial.by): partial.equation for partial in partials}

    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        def change(node: Term) -> Term:
            if not isinstance(node, Partial) or not isinstance(node.of, Entry):
                return node
            result = known.get((node.of.array, node.by.array))
            if result is None:
                return node
            at = (*node.of.indices, *node.by.indices)
            values = dict(zip(result.indices, at, strict=True))
            return terms.substitute(terms.freshened(result.term), values)

        made = terms.transformed(equation.term, change)
        return None if made == equation.term else Rewrite(made)

    return rule("insert the partial derivatives", "what was worked out above takes the place of the derivative")(
        rewrite
    )


def _seed_rule(name: str) -> Rule:
    def rewrite(equation: Equation, program: Program) -> Rewrite | None:
        made = terms.replace_entries(equation.term, lambda each: terms.UNIT if each.array == name else each)
        return None if made == equation.term else Rewrite(made)

    return rule("seed", "the derivative of the loss by itself is 1")(rewrite)
