"""Terms written as trees: the order and the brackets of a textbook, for plain text, LaTeX and MathML alike.

Nothing is rearranged beyond what a reader expects: a number stands first, quotients are fractions, a minus sign goes to
the sum, an indicator stands before what it guards. With the notation PLAIN the text of a tree reads back to a term with
the same values, `Winner`, `Partial` and opaque functions excepted: the plain notation has no words for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from derive import functions, terms
from derive import tree as t
from derive.conventions import PLAIN, Notation
from derive.integers import Extreme, Index, Integer, IntegerLike, integer
from derive.quotients import in_order, number_tree, plain_factors, product_of, quotient
from derive.subscripts import Subscripts
from derive.terms import Term
from derive.tree import Tree

if TYPE_CHECKING:
    from derive.program import Equation, Program

Shapes = Mapping[str, tuple[Integer, ...]]


def tree_of_term(
    term: Term | IntegerLike,
    notation: Notation = PLAIN,
    *,
    free: Sequence[Index] = (),
    shapes: Shapes | None = None,
) -> Tree:
    """A term or an integer expression as a tree.

    free : the indices of the equation's left side, in order; they keep their names, bound ones give way.
    shapes : the extents of the arrays, see `shapes_of`. A sum over the whole axis of an array needs no limits; where
    shapes are not given, an index that stands alone in a subscript and begins at 0 is taken to run over the whole axis.
    """
    if not isinstance(term, terms.Arithmetic):
        term = terms.Whole(integer(term))
    return _Writer([term], notation, free, shapes).tree(term)


def tree_of_equation(equation: Equation, notation: Notation = PLAIN, *, shapes: Shapes | None = None) -> t.Relation:
    """An index equation as `left = right`, both sides under the same names of indices."""
    left, right = equation.left, equation.term
    writer = _Writer([left, right], notation, equation.indices, shapes)
    return t.Relation((writer.tree(left), writer.tree(right)))


def shapes_of(program: Program) -> dict[str, tuple[Integer, ...]]:
    """The extents of every array of a program of index equations."""
    return {
        name: tuple(index.extent for place in head.indices if (index := place.index) is not None)
        for name, head in program.heads.items()
    }


class _Writer(Subscripts):
    def __init__(
        self, written: Sequence[Term], notation: Notation, free: Sequence[Index], shapes: Shapes | None
    ) -> None:
        sizes = (name for shape in (shapes or {}).values() for extent in shape for name in extent.names)
        super().__init__(written, notation, free, [*(shapes or {}), *sizes])
        self.shapes = shapes
        self.kronecker = notation.beside(self.reserved).kronecker

    # --- terms --------------------------------------------------------------------------------------------------------

    def tree(self, term: Term) -> Tree:
        negative, tree = self._signed(term)
        if negative and isinstance(tree, t.Product) and all(sign == "*" for sign, _ in tree.factors):
            (_, head), *rest = tree.factors
            return t.Product((("*", t.negate(head)), *rest))  # -2*x rather than -(2*x)
        return t.negate(tree) if negative else tree

    def _signed(self, term: Term) -> tuple[bool, Tree]:
        """Whether it has a minus sign, and the rest."""
        match term:
            case terms.Number(value=value):
                return value < 0, number_tree(abs(value))
            case terms.Mul(factors=factors):
                return self._product(factors)
            case terms.Power() if _is_divisor(term):
                return self._product((term,))
        tree = self._unsigned(term)
        return (True, tree.body) if isinstance(tree, t.Negative) else (False, tree)

    def _unsigned(self, term: Term) -> Tree:
        match term:
            case terms.Constant(name=name):
                return t.Name(name)
            case terms.Entry(array=array, indices=indices):
                return self._entry(array, indices)
            case terms.Whole(value=value):
                return self.amount(value)
            case terms.Apply(function=function, arguments=arguments):
                return functions.operation_tree(functions.operation(function), tuple(map(self.tree, arguments)))
            case terms.Opaque():
                return t.Call(
                    term.name,
                    tuple(map(self.tree, term.arguments)),
                    parameters=self.subscripts(term.name, term.parameters),
                    orders=term.orders,
                    layer=self.layer(term.name) if term.parameters else "",
                )
            case terms.Add(terms=parts):
                signed = map(self._signed, parts)
                return t.tidy_sum([t.negate(tree) if negative else tree for negative, tree in signed])
            case terms.Power(base=base, exponent=exponent):
                if exponent == terms.Number(Fraction(1, 2)):
                    return t.Call("sqrt", (self.tree(base),))
                return t.power(self.tree(base), self.tree(exponent))
            case terms.Delta(left=left, right=right):
                sides, operators = self.compared((left, right), ("=",))
                return t.Indicator(sides, operators, kronecker=self.kronecker)
            case terms.Guard(conditions=conditions):
                return product_of([self._condition(each) for each in conditions])
            case terms.Reduce():
                return self._reduction(term)
            case terms.Winner():
                return self._winner(term)
            case terms.Partial(of=of, by=by):
                return t.Derivative(self.tree(of), self.tree(by))
        raise TypeError(f"{term!r} is no term")

    def _entry(self, array: str, indices: Sequence[Integer]) -> Tree:
        if (primal := self.notation.adjoints.get(array)) is not None:
            loss, name = primal
            return t.Derivative(self.entry(loss, ()), self.entry(name, indices))
        return self.entry(array, indices)

    def _condition(self, condition: terms.Condition) -> Tree:
        match condition:
            case terms.Chain(sides=sides, operators=operators):
                return t.Indicator(*self.compared(sides, operators))
            case terms.Divides(divisor=divisor, value=value):
                remainder = t.Call("mod", (self.amount(value), self.amount(divisor)))
                return t.Indicator((remainder, t.Number("0")), ("=",))
        return t.Indicator(tuple(map(self.tree, condition.sides)), condition.operators)

    # --- products -----------------------------------------------------------------------------------------------------

    def _product(self, factors: Sequence[Term]) -> tuple[bool, Tree]:
        """The number, then the factors in order, as one fraction; a reduction at the end stands behind the fraction."""
        number = Fraction(1)
        upper: list[Tree] = []
        lower: list[Tree] = []
        for factor in in_order(factors, self.notation.first):
            if isinstance(factor, terms.Number):
                number *= factor.value
            elif isinstance(factor, terms.Power) and _is_divisor(factor):
                lower.append(self.tree(terms.power(factor.base, -factor.exponent.value)))  # type: ignore[union-attr]
            else:
                negative, tree = self._signed(factor)
                number = -number if negative else number
                upper += plain_factors(tree)
        return number < 0, quotient(abs(number), upper, lower)

    # --- reductions ---------------------------------------------------------------------------------------------------

    def _reduction(self, term: terms.Reduce, *, shift: bool = True) -> t.Reduction:
        indices, shifts = _from_zero(term.indices, term.body) if shift else (term.indices, {})
        body = terms.substitute(term.body, shifts)
        with self.bound(indices) as names:
            limits = tuple(
                self.limits(index) if self.notation.limits or not self._is_implied(index, body) else None
                for index in indices
            )
            return t.Reduction(term.operator, names, self.tree(body), limits=limits if any(limits) else ())

    def _winner(self, term: terms.Winner) -> Tree:
        best = self._reduction(terms.Reduce(term.operator, term.indices, term.body), shift=False)
        at = self.places(term.at)
        best = replace(best, operator=f"arg{term.operator}")
        return t.Indicator((best, at[0] if len(at) == 1 else t.Call("", at)), ("=",))

    def _is_implied(self, index: Index, body: Term) -> bool:
        """Whether a reader finds the domain: the whole axis of an array in which the index stands alone."""
        if index.lower.value != 0:
            return False
        for node in terms.walk(body):
            match node:
                case terms.Entry(array=array, indices=indices):
                    for axis, subscript in enumerate(indices):
                        if subscript.index is index and self._is_axis(array, axis, index.stop):
                            return True
                case terms.Delta(left=left, right=right):  # and an index of that axis
                    other = right.index if left.index is index else left.index if right.index is index else None
                    if other is not None and (other.lower, other.stop) == (index.lower, index.stop):
                        return True
        return False

    def _is_axis(self, array: str, axis: int, stop: Integer) -> bool:
        if self.shapes is None:
            return not any(isinstance(atom, (Index, Extreme)) for atom in stop.atoms())
        return array in self.shapes and self.shapes[array][axis] == stop


# --- pieces -----------------------------------------------------------------------------------------------------------


def _from_zero(indices: Sequence[Index], body: Term) -> tuple[tuple[Index, ...], dict[Index, Integer]]:
    """Indices that stand alone in no subscript and take as many values wherever they stand begin at 0.

    In the plain notation all do, and only so can it say how far they run. And what replaces the old ones.
    """
    alone = {
        place.index
        for node in terms.walk(body)
        if isinstance(node, terms.Entry)
        for place in node.indices
        if place.index
    }
    shifts: dict[Index, Integer] = {}
    found: list[Index] = []
    for index in indices:
        lower, stop = index.lower.substitute(shifts), index.stop.substitute(shifts)
        if lower.value != 0 and index not in alone and not (stop - lower).indices:
            new = Index(index.name, stop - lower)
            shifts[index] = new + lower
        elif lower != index.lower or stop != index.stop:
            new = Index(index.name, stop, lower)
            shifts[index] = integer(new)
        else:
            new = index
        found.append(new)
    return tuple(found), shifts


def _is_divisor(term: terms.Power) -> bool:
    return isinstance(term.exponent, terms.Number) and term.exponent.value < 0
