"""Statements for the lines of a network that one kernel of torch computes, in place where a value is dead.

Each recogniser looks at an equation, never at a name: what it does not know is written by the general lowering.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from derive import terms
from derive.integers import Index, Integer, IntegerEntry
from derive.program import Equation
from derive.terms import Add, Apply, Comparison, Delta, Entry, Guard, Mul, Number, Power, Reduce, Term

#: Activations that torch has in place; their derivatives are said by their own value.
IN_PLACE = ("relu", "tanh", "sigmoid")


@dataclass(frozen=True)
class Kernel:
    """A statement. write(spell, is_dead) -> text, where `spell` gives identifiers of arrays.

    reads : the arrays that it reads.  gives : adjoints that it computes besides.  targets : what it assigns to, if not
    the line's own array.  kept : names of the forward pass that no equation has, such as the places of maxima.
    """

    reads: frozenset[str]
    write: Callable[[Callable[[str], str], Callable[[str], bool]], str]
    gives: tuple[str, ...] = ()
    targets: Callable[[Callable[[str], str]], str] | None = None
    kept: tuple[str, ...] = ()


def letters(entry: Entry) -> tuple[Index | None, ...]:
    return tuple(part.index for part in entry.indices)


def torch_kernel(line: Equation, parameters: Mapping[str, str]) -> Kernel | None:
    """The kernel of a line. parameters : adjoint of a parameter -> the parameter: these go into given buffers."""
    target = f', out=out.get("{parameters[line.name]}")' if line.name in parameters else ""
    for recognise in (_affine, _product, _activation, _mask, _log_softmax, _softmax, _labels, _residual):
        made = recognise(line, target)
        if made is not None:
            return made
    return None


def _affine(line: Equation, target: str) -> Kernel | None:
    """z[n, i] = sum(k) x[n, k]*W[i, k] + b[i]"""
    match line.term:
        case Add(terms=(Reduce() as sums, Entry() as bias)) if letters(bias) == line.indices[1:]:
            pair = _matrices(sums, line.indices)
            if pair is None:
                return None
            one, two = pair
            name = bias.array
            return Kernel(
                frozenset(terms.reads(line.term)), lambda at, dead: f"torch.addmm({at(name)}, {one(at)}, {two(at)})"
            )
    return None


def _product(line: Equation, target: str) -> Kernel | None:
    """A matrix product, or the sum of the rows of a matrix."""
    match line.term:
        case Reduce(operator="sum", indices=(index,), body=Entry(array=array) as entry):
            if line.indices and letters(entry) == (index, *line.indices):
                axis = "0"
            else:
                return None
            return Kernel(frozenset({array}), lambda at, dead: f"torch.sum({at(array)}, {axis}{target})")
        case Reduce() as sums:
            pair = _matrices(sums, line.indices)
            if pair is not None:
                one, two = pair
                return Kernel(terms.reads(sums), lambda at, dead: f"torch.mm({one(at)}, {two(at)}{target})")
    return None


_Spelt = Callable[[Callable[[str], str]], str]


def _spelt(array: str, suffix: str) -> _Spelt:
    return lambda at: at(array) + suffix


def _matrices(sums: Reduce, own: Sequence[Index]) -> tuple[_Spelt, _Spelt] | None:
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
            return _spelt(left.array, first), _spelt(right.array, second)
    return None


def _activation(line: Equation, target: str) -> Kernel | None:
    match line.term:
        case Apply(function=function, arguments=(Entry(array=array) as entry,)):
            if function in IN_PLACE and letters(entry) == line.indices:
                return Kernel(
                    frozenset({array}),
                    lambda at, dead: f"{at(array)}.{function}_()" if dead(array) else f"torch.{function}({at(array)})",
                )
    return None


def _mask(line: Equation, target: str) -> Kernel | None:
    """z_bar[n, i] = a_bar[n, i]*[a[n, i] > 0]"""
    match line.term:
        case Mul(
            factors=(Entry(array=array) as entry, Guard(conditions=(Comparison(sides=(Entry() as one, zero)) as test,)))
        ):
            if letters(entry) == letters(one) == line.indices and test.operators == (">",) and zero == terms.NIL:
                sign = one.array

                return Kernel(
                    frozenset({array, sign}),
                    lambda at, dead: f"torch.ops.aten.threshold_backward({at(array)}, {at(sign)}, 0)",
                )
    return None


def _log_sum(term: Term, own: Sequence[Index]) -> str:
    """z of sum(j) exp(z[n, j])."""
    match term:
        case Reduce(operator="sum", indices=(j,), body=Apply(function="exp", arguments=(Entry(array=array) as entry,))):
            if letters(entry) == (*own[:-1], j):
                return array
    return ""


def _log_softmax(line: Equation, target: str) -> Kernel | None:
    match line.term:
        case Add(
            terms=(Entry(array=array), Mul(factors=(Number(value=-1), Apply(function="log", arguments=(inner,)))))
        ):
            if _log_sum(inner, line.indices) == array:
                return Kernel(frozenset({array}), lambda at, dead: f"torch.log_softmax({at(array)}, dim=1)")
    return None


def _softmax(line: Equation, target: str) -> Kernel | None:
    match line.term:
        case Mul(factors=(Apply(function="exp", arguments=(Entry(array=array),)), Power(base=inner))):
            if _log_sum(inner, line.indices) == array:
                return Kernel(frozenset({array}), lambda at, dead: f"torch.softmax({at(array)}, dim=1)")
    return None


def _labels(line: Equation, target: str) -> Kernel | None:
    """L = -sum(n) q[n, y[n]]/N: `gather` refuses a label that is no class."""
    match line.term:
        case Mul(
            factors=(
                Number(value=-1),
                Reduce(operator="sum", indices=(n,), body=Mul(factors=(Entry() as entry, inverse))),
            )
        ):
            label = entry.indices[-1].alone
            if isinstance(label, IntegerEntry) and len(entry.indices) == 2 and inverse == _inverse(n.stop):
                array, y = entry.array, label.array
                return Kernel(
                    frozenset({array, y}), lambda at, dead: f"-{at(array)}.gather(1, {at(y)}[:, None]).mean()"
                )
    return None


def _inverse(size: Integer) -> Term:
    return terms.power(terms.whole(size), -1)


def _residual(line: Equation, target: str) -> Kernel | None:
    """z_bar[m, r] = (p[m, r] - [y[m] = r])/N, in either order and written out."""
    match line.term:
        case Add(terms=(Mul(factors=(Number(value=-1), Delta() as test, one)), Mul(factors=(Entry() as entry, two)))):
            label = test.left.alone if isinstance(test.left.alone, IntegerEntry) else test.right.alone
            rows = line.indices[0].stop
            if isinstance(label, IntegerEntry) and letters(entry) == line.indices and one == two == _inverse(rows):
                array, y = entry.array, label.array

                def write(at: Callable[[str], str], dead: Callable[[str], bool]) -> str:
                    held = at(array) if dead(array) else f"{at(array)}.clone()"
                    minus = f"{at(array)}.new_full(({at(y)}.shape[0], 1), -1.0)"
                    return f"{held}.scatter_add_(1, {at(y)}[:, None], {minus}).div_({at(y)}.shape[0])"

                return Kernel(frozenset({array, y}), write)
    return None
