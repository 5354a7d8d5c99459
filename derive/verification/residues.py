"""Identity by evaluation modulo a random prime, with atoms for what is not rational.

Inputs are random residues. A substitution by residues respects every relation between rational functions; what is not
rational becomes an atom that respects true relations only, so that two formulas whose residues agree at a random draw
are equal as functions, but for an error whose probability is bounded:

- exp(sum of c m), m monomials: product of g_m^(c D), one random g_m for each value of m; sin and cos by exp(i m)
  with i a square root of -1;
- a root: a square root modulo the prime, both of which are branches;
- step(u) = [u > 0]: a random residue h for each u, with step(-u) = 1 - step(u). As h is neither 0 nor 1,
  a true identity may be missed, a false one is not accepted by that;
- any other function: a random residue for each value of its operands.

Unequal residues mean nothing by themselves. Source: Schwartz (1980), Zippel (1979) for the bound; the treatment of the
branches is argued in docs/verification.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from fractions import Fraction
from functools import lru_cache

from derive.verification.graph import FUNCTION, INPUT, LINEAR, MONOMIAL, NAMED, NUMBER, Graph, Node

#: Exponents of exp are worked out in steps of 1/D.
_STEPS = 720_720
#: A sum of more monomials than this is not multiplied out inside exp; it becomes an atom.
_MONOMIALS = 400
#: Roots that may take part in one formula; each doubles the branches that must agree.
ROOTS = 6

#: Stands among the roots of a node where a root is taken of something that holds a root.
NESTED = -1

Monomial = tuple[tuple[Node, int], ...]


def is_prime(number: int) -> bool:
    """Miller and Rabin with bases that decide all numbers below 2^64."""
    if number < 2 or any(number % small == 0 for small in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return number in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        power = pow(base, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


@lru_cache(maxsize=1024)
def _prime_from(candidate: int) -> int:
    """The first prime of candidate, candidate + 4, ...: the same for every model of one seed."""
    while not is_prime(candidate):
        candidate += 4
    return candidate


class Residues:
    """The residues of all nodes of a graph at one draw. `seed` and `trial` decide the draw; names do not.

    bits : the prime lies between 2^bits and twice that.
    A node has no residue (None) where it has no value: a division by zero, a root that does not exist modulo the prime.
    """

    def __init__(self, graph: Graph, seed: int, trial: int, bits: int = 60) -> None:
        self.graph = graph
        self.seed = f"{seed}/{trial}" if bits == 60 else f"{seed}/{trial}/{bits}"
        self.bits = bits
        self.prime = self._prime()
        self.i = self._root_of_minus_one()
        self._values: list[int | None] = []
        self.roots: list[frozenset[int]] = []
        self._roots: dict[int, int | None] = {}
        self._polynomials: dict[Node, dict[Monomial, Fraction] | None] = {}

    def _random(self, *key: object) -> int:
        digest = hashlib.blake2b(repr((self.seed, key)).encode(), digest_size=16).digest()
        return int.from_bytes(digest, "big")

    def _prime(self) -> int:
        start = (1 << self.bits) + self._random("prime") % (1 << self.bits)
        return _prime_from(start - start % 4 + 1)

    def _root_of_minus_one(self) -> int:
        p = self.prime
        base = 2
        while pow(base, (p - 1) // 2, p) != p - 1:
            base += 1
        return pow(base, (p - 1) // 4, p)

    def release(self, mark: int) -> None:
        del self._values[mark:], self.roots[mark:]
        for node in [node for node in self._polynomials if node >= mark]:
            del self._polynomials[node]

    def __getitem__(self, node: Node) -> int | None:
        values = self._values
        while len(values) <= node:
            values.append(self._residue(len(values), values))
            self.roots.append(self._roots_in(len(values) - 1))
        return values[node]

    def upto(self, count: int) -> Sequence[int | None]:
        """The residues of the first `count` nodes, and of others."""
        if count:
            self[count - 1]
        return self._values

    def branched(self, node: Node, branch: Branch, turned: Collection[int]) -> int | None:
        """The residue of a node with other roots of the squares in `turned`, which its operands have in `branch`."""
        return self._residue(node, branch, turned)

    # --- agreement ----------------------------------------------------------------------------------------------------

    def agree(self, pairs: Sequence[tuple[Node, Node]]) -> bool | None:
        """Whether both nodes of each pair have the same residue, on all branches; None where that cannot be said."""
        unequal = False
        for left, right in pairs:
            one, other = self[left], self[right]
            if one is None or other is None:
                return None
            unequal = unequal or one != other
        if unequal:
            return False
        sets = {self.roots[left] | self.roots[right] for left, right in pairs}
        colours = _coloured(sets)
        if colours is None or NESTED in colours:
            return None
        count = 1 + max(colours.values(), default=-1)
        if not count:
            return True
        cone = [node for node in self.graph.cone(n for pair in pairs for n in pair) if self.roots[node]]
        for flips in range(1, 1 << count):
            turned = {square for square, colour in colours.items() if flips >> colour & 1}
            branch = Branch(self)
            for node in cone:
                branch.changed[node] = self._residue(node, branch, turned)
            if any(branch[left] != branch[right] or branch[left] is None for left, right in pairs):
                return False
        return True

    def _roots_in(self, node: Node) -> frozenset[int]:
        """The residues of whose square roots the node is made; of nested roots NESTED as well."""
        found: frozenset[int] = frozenset()
        for operand in self.graph.operands(node):
            if self.roots[operand]:
                found |= self.roots[operand]
        if self.graph.kinds[node] == MONOMIAL:
            for factor, exponent in self.graph.data[node][0]:
                if not isinstance(exponent, int) and exponent.denominator == 2:
                    square = self._values[factor]
                    found |= {NESTED if self.roots[factor] or square is None else square}
        return found

    # --- one node -----------------------------------------------------------------------------------------------------

    def _residue(self, node: Node, values: Sequence[int | None] | Branch, turned: Collection[int] = ()) -> int | None:
        kind, data, p = self.graph.kinds[node], self.graph.data[node], self.prime
        if kind == LINEAR:
            constant, terms = data
            total = self.rational(constant)
            for term, coefficient in terms:
                below = values[term]
                factor = coefficient if isinstance(coefficient, int) else self.rational(coefficient)
                if below is None or total is None or factor is None:
                    return None
                total += factor * below
            return None if total is None else total % p
        if kind == MONOMIAL:
            product = 1
            for factor_node, exponent in data[0]:
                taken = values[factor_node]
                if taken is None:
                    return None
                if exponent != 1:
                    if not isinstance(exponent, int):
                        taken = self._fractional(taken, exponent, turned)
                    else:
                        taken = None if exponent < 0 and not taken else pow(taken, exponent, p)
                    if taken is None:
                        return None
                product = product * taken % p
            return product
        if kind == NUMBER:
            return self.rational(data[0])
        if kind == INPUT:
            return self._random("input", node) % p
        if kind == NAMED:
            return values[data[1]]
        assert kind == FUNCTION
        return self._function(data[0], data[1], values)

    def rational(self, value: int | Fraction) -> int | None:
        if isinstance(value, int):
            return value % self.prime
        below = value.denominator % self.prime
        return value.numerator * pow(below, -1, self.prime) % self.prime if below else None

    # --- roots --------------------------------------------------------------------------------------------------------

    def _fractional(self, base: int, exponent: Fraction, turned: Collection[int]) -> int | None:
        """base^(n/2) by a root of base, the other one where base is in `turned`; any other power is an atom of base."""
        p = self.prime
        if exponent.denominator == 2:
            root = self._root(base)
            if root is None or (not root and exponent < 0):
                return None
            return pow(p - root if base in turned and root else root, exponent.numerator, p)
        if _STEPS % exponent.denominator:
            return self._random("power", base, exponent) % p
        atom = self._random("power", base) % p
        return pow(atom, int(exponent * _STEPS), p) if atom and base else None

    def _root(self, square: int) -> int | None:
        if square not in self._roots:
            root = _square_root(square, self.prime)
            self._roots[square] = None if root is None else min(root, self.prime - root)
        return self._roots[square]

    # --- functions ----------------------------------------------------------------------------------------------------

    def _function(self, name: str, operands: Sequence[Node], values: Sequence[int | None] | Branch) -> int | None:
        p = self.prime
        below = [values[operand] for operand in operands]
        if None in below:
            return None
        if name == "exp":
            return self._exponential(operands[0], "exp", values)
        if name in ("sin", "cos"):
            turn = self._exponential(operands[0], "turn", values)
            if not turn:
                return None
            back = pow(turn, -1, p)
            if name == "cos":
                return (turn + back) * pow(2, -1, p) % p
            return (turn - back) * pow(2 * self.i, -1, p) % p
        if name == "max" and all(self.graph.is_smooth(operand) for operand in operands):
            return self._largest(operands, values)
        if name == "log":
            return self._logarithm(operands[0], values)
        if name == "step":
            if self.graph.is_smooth(operands[0]):
                return self._step(below[0])
            return self._random("step of a kinked value", below[0]) % p if below[0] else None
        return self._random(name, tuple(below)) % p

    def _step(self, u: int | None) -> int | None:
        if not u:
            return None
        mirror = min(u, self.prime - u)
        atom = self._random("step", mirror) % self.prime
        return atom if u == mirror else (1 - atom) % self.prime

    def _largest(self, operands: Sequence[Node], values: Sequence[int | None] | Branch) -> int | None:
        """max by steps: the sum of each operand times [it is above the others]."""
        p, total = self.prime, 0
        below = [values[operand] for operand in operands]
        for k, one in enumerate(below):
            if one is None:
                return None
            product = one
            for j, other in enumerate(below):
                if j != k:
                    above = None if other is None else self._step((one - other) % p)
                    if above is None:
                        return None
                    product = product * above % p
            total += product
        return total % p

    def _logarithm(self, node: Node, values: Sequence[int | None] | Branch) -> int | None:
        """log of a node; of a product of positive factors the sum of theirs, and log(exp(u)) is u."""
        graph, p = self.graph, self.prime
        kind, data = graph.kinds[node], graph.data[node]
        if kind == NAMED:
            return self._logarithm(data[1], values)
        if kind == FUNCTION and data[0] == "exp":
            return values[data[1][0]]
        parts: list[tuple[int | Fraction, Node]] = []
        if kind == MONOMIAL and all(graph.sign(factor) == 1 for factor, _ in data[0]):
            parts = [(exponent, factor) for factor, exponent in data[0]]
        elif kind == LINEAR and not data[0] and len(data[1]) == 1 and data[1][0][1] > 0:
            ((factor, coefficient),) = data[1]
            total = self._logarithm(factor, values)
            atom = self._random("log", self.rational(coefficient)) % p
            return None if total is None else (total + atom) % p
        if not parts:
            found = values[node]
            return None if not found else self._random("log", found) % p
        total = 0
        for exponent, factor in parts:
            inner, times = self._logarithm(factor, values), self.rational(exponent)
            if inner is None or times is None:
                return None
            total = (total + times * inner) % p
        return total

    def _exponential(self, node: Node, family: str, values: Sequence[int | None] | Branch) -> int | None:
        """exp of a node as the product of the powers of the atoms of its monomials."""
        p = self.prime
        polynomial = self._polynomial(node)
        if polynomial is None:
            return self._random(family, values[node]) % p
        product = 1
        for monomial, coefficient in polynomial.items():
            value = 1
            for factor, exponent in monomial:
                below = values[factor]
                if below is None or (exponent < 0 and not below):
                    return None
                value = value * pow(below, exponent, p) % p
            steps = coefficient * _STEPS
            if steps.denominator != 1:
                return self._random(family, values[node]) % p
            # exp(-m) is 1/exp(m): monomials whose values are opposite share an atom
            mirror = min(value, p - value)
            atom = self._random(family, mirror) % p
            if not atom:
                return None
            product = product * pow(atom, steps.numerator if value == mirror else -steps.numerator, p) % p
        return product

    def _polynomial(self, node: Node) -> dict[Monomial, Fraction] | None:
        """A node multiplied out into monomials of nodes that are neither sums nor products; None where too many."""
        if node in self._polynomials:
            return self._polynomials[node]
        found = self._multiplied_out(node)
        self._polynomials[node] = found
        return found

    def _multiplied_out(self, node: Node) -> dict[Monomial, Fraction] | None:
        kind, data = self.graph.kinds[node], self.graph.data[node]
        if kind == NUMBER:
            return {(): Fraction(data[0])} if data[0] else {}
        if kind == NAMED:
            return self._polynomial(data[1])
        if kind == LINEAR:
            total: dict[Monomial, Fraction] = {(): Fraction(data[0])} if data[0] else {}
            for term, coefficient in data[1]:
                inner = self._polynomial(term)
                if inner is None or len(total) + len(inner) > _MONOMIALS:
                    return None
                for monomial, factor in inner.items():
                    total[monomial] = total.get(monomial, Fraction(0)) + factor * coefficient
            return {monomial: factor for monomial, factor in total.items() if factor}
        if kind == MONOMIAL:
            product: dict[Monomial, Fraction] = {(): Fraction(1)}
            for factor_node, exponent in data[0]:
                inner = self._polynomial(factor_node) if isinstance(exponent, int) and 0 < exponent <= 8 else None
                if inner is None:
                    if not isinstance(exponent, int):
                        return None
                    inner, exponent = {((factor_node, exponent),): Fraction(1)}, 1
                for _ in range(exponent):
                    product = _times(product, inner)
                    if len(product) > _MONOMIALS:
                        return None
            return product
        return {((node, 1),): Fraction(1)}


def _times(left: dict[Monomial, Fraction], right: dict[Monomial, Fraction]) -> dict[Monomial, Fraction]:
    product: dict[Monomial, Fraction] = {}
    for one, first in left.items():
        for other, second in right.items():
            merged = dict(one)
            for factor, exponent in other:
                merged[factor] = merged.get(factor, 0) + exponent
            key = tuple(sorted((factor, exponent) for factor, exponent in merged.items() if exponent))
            product[key] = product.get(key, Fraction(0)) + first * second
    return {key: value for key, value in product.items() if value}


class Branch:
    """The residues of nodes of which some have changed, as other roots are taken."""

    def __init__(self, base: Residues) -> None:
        self.base = base
        self.changed: dict[Node, int | None] = {}

    def __getitem__(self, node: Node) -> int | None:
        return self.changed[node] if node in self.changed else self.base[node]


def _coloured(sets: Collection[frozenset[int]]) -> dict[int, int] | None:
    """A colour below ROOTS for each root such that those of one set all differ; None where there are too many."""
    colours: dict[int, int] = {}
    for roots in sorted(sets, key=len, reverse=True):
        for root in sorted(roots):
            if root in colours:
                continue
            taken = {colours[other] for each in sets if root in each for other in each if other in colours}
            colour = next((free for free in range(ROOTS) if free not in taken), None)
            if colour is None:
                return None
            colours[root] = colour
    return colours


def _square_root(square: int, p: int) -> int | None:
    """A root modulo p by Tonelli and Shanks, or None."""
    if square == 0:
        return 0
    if pow(square, (p - 1) // 2, p) != 1:
        return None
    odd, twos = p - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    base = 2
    while pow(base, (p - 1) // 2, p) != p - 1:
        base += 1
    order, c, t, root = twos, pow(base, odd, p), pow(square, odd, p), pow(square, (odd + 1) // 2, p)
    while t != 1:
        least, power = 0, t
        while power != 1:
            power, least = power * power % p, least + 1
        b = pow(c, 1 << (order - least - 1), p)
        order, c = least, b * b % p
        t, root = t * c % p, root * b % p
    return root
