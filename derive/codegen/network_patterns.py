"""What a line of a network is: an affine map, a mask, a residual of labels.

Recognisers look at equations, not at names. Each answers with what a statement of a library needs, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from derive import terms
from derive.integers import Index, Integer, IntegerEntry
from derive.program import Equation
from derive.terms import Add, Apply, Comparison, Delta, Entry, Guard, Mul, Number, Power, Reduce, Term

#: Spells the identifier of an array.
Spell = Callable[[str], str]
#: Spells an operand, given how identifiers are spelt.
Spelt = Callable[[Spell], str]


def letters(entry: Entry) -> tuple[Index | None, ...]:
    return tuple(part.index for part in entry.indices)


def spelt(array: str, suffix: str = "") -> Spelt:
    return lambda at: at(array) + suffix


def affine(line: Equation) -> tuple[str, Spelt, Spelt] | None:
    """Bias and two matrices of z[n, i] = sum(k) x[n, k]*W[i, k] + b[i]."""
    match line.term:
        case Add(terms=(Reduce() as sums, Entry() as bias)) if letters(bias) == line.indices[1:]:
            pair = matrices(sums, line.indices)
            return None if pair is None else (bias.array, *pair)
    return None


def matrices(sums: Reduce, own: Sequence[Index]) -> tuple[Spelt, Spelt] | None:
    """Two matrices whose product over one index the sum is, each transposed where it has to be."""
    match sums:
        case Reduce(operator="sum", indices=(k,), body=Mul(factors=(Entry() as one, Entry() as two))) if len(own) == 2:
            pass
        case _:
            return None
    row, column = own
    for left, right in ((one, two), (two, one)):
        if set(letters(left)) == {row, k} and set(letters(right)) == {k, column}:
            first = "" if letters(left) == (row, k) else ".T"
            second = "" if letters(right) == (k, column) else ".T"
            return spelt(left.array, first), spelt(right.array, second)
    return None


def summed(line: Equation) -> tuple[str, tuple[int, ...]] | None:
    """Array and axes of b[o] = sum(n, i, j) z[n, o, i, j]: what is left stands in its order."""
    match line.term:
        case Reduce(operator="sum", indices=indices, body=Entry(array=array) as entry) if line.indices:
            found = letters(entry)
            rest = tuple(index for index in found if index not in indices)
            if rest == line.indices and len(found) == len(indices) + len(rest) and len(set(found)) == len(found):
                return array, tuple(place for place, index in enumerate(found) if index in indices)
    return None


def activation(line: Equation) -> tuple[str, str] | None:
    """Function and array of a[n, i] = f(z[n, i])."""
    match line.term:
        case Apply(function=function, arguments=(Entry(array=array) as entry,)) if letters(entry) == line.indices:
            return function, array
    return None


def mask(line: Equation) -> tuple[str, str] | None:
    """The two arrays of z_bar[n, i] = a_bar[n, i]*[a[n, i] > 0]."""
    match line.term:
        case Mul(
            factors=(Entry(array=array) as entry, Guard(conditions=(Comparison(sides=(Entry() as one, zero)) as test,)))
        ):
            if letters(entry) == letters(one) == line.indices and test.operators == (">",) and zero == terms.NIL:
                return array, one.array
    return None


def _log_sum(term: Term, own: Sequence[Index]) -> str:
    """z of sum(j) exp(z[n, j])."""
    match term:
        case Reduce(operator="sum", indices=(j,), body=Apply(function="exp", arguments=(Entry(array=array) as entry,))):
            if letters(entry) == (*own[:-1], j):
                return array
    return ""


def log_softmax(line: Equation) -> str:
    """z of q[n, i] = z[n, i] - log(sum(j) exp(z[n, j])), or nothing."""
    match line.term:
        case Add(
            terms=(
                Entry(array=array) as entry,
                Mul(factors=(Number(value=-1), Apply(function="log", arguments=(inner,)))),
            )
        ):
            if _log_sum(inner, line.indices) == array and letters(entry) == line.indices:
                return array
    return ""


def softmax(line: Equation) -> str:
    """z of p[n, i] = exp(z[n, i])/(sum(j) exp(z[n, j])), or nothing."""
    match line.term:
        case Mul(
            factors=(
                Apply(function="exp", arguments=(Entry(array=array) as entry,)),
                Power(base=inner, exponent=Number(value=-1)),
            )
        ):
            if _log_sum(inner, line.indices) == array and letters(entry) == line.indices:
                return array
    return ""


def mean_of_labels(line: Equation) -> tuple[str, str] | None:
    """Array and labels of L = -sum(n) q[n, y[n]]/N."""
    match line.term:
        case Mul(
            factors=(
                Number(value=-1),
                Reduce(operator="sum", indices=(n,), body=Mul(factors=(Entry() as entry, inverse))),
            )
        ):
            label = entry.indices[-1].alone
            if isinstance(label, IntegerEntry) and len(entry.indices) == 2 and inverse == _inverse(n.stop):
                return entry.array, label.array
    return None


def _inverse(size: Integer) -> Term:
    return terms.power(terms.whole(size), -1)


def residual(line: Equation) -> tuple[str, str] | None:
    """Array and labels of z_bar[m, r] = (p[m, r] - [y[m] = r])/N, in either order and written out."""
    match line.term:
        case Add(terms=(Mul(factors=(Number(value=-1), Delta() as test, one)), Mul(factors=(Entry() as entry, two)))):
            label = test.left.alone if isinstance(test.left.alone, IntegerEntry) else test.right.alone
            rows = line.indices[0].stop
            if isinstance(label, IntegerEntry) and letters(entry) == line.indices and one == two == _inverse(rows):
                return entry.array, label.array
    return None
