"""Deciding: equal formulas are never wrong, different ones never right, at any seed; residues keep true identities."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive.verification.deciding import Judge
from derive.verification.decisions import Decision
from derive.verification.graph import Graph, Node, UndefinedNode
from derive.verification.residues import Residues, is_prime
from tests.scalar_formulas import Close, Formula, context, formulas, inputs, value, written
from tests.thorough import examples

MP = context(60)
X, Y, Z = ("x", 0), ("x", 1), ("x", 2)  # Z is positive
ONE, TWO = ("n", Fraction(1)), ("n", Fraction(2))


def decided(left: Formula, right: Formula, seed: int = 0) -> Decision:
    graph = Graph()
    at = inputs(graph)
    judge = Judge(graph, {}, seed)
    return judge.decide([((), written(left, graph, at), written(right, graph, at))])


def negated(u: Formula) -> Formula:
    return ("-", ("n", Fraction(0)), u)


# --- equal formulas ---------------------------------------------------------------------------------------------------


def rewritten(formula: Formula, rng: random.Random, depth: int = 3) -> Formula:
    """A formula of the same value wherever both have one, by rules applied to its parts."""
    if formula[0] in ("x", "n") or rng.random() < 0.2:
        inner = formula
    else:
        inner = (
            formula[0],
            *(rewritten(each, rng, depth) if isinstance(each, tuple) else each for each in formula[1:]),
        )
    for _ in range(rng.randrange(depth)):
        inner = rule(inner, rng)
    return inner


def rule(u: Formula, rng: random.Random) -> Formula:
    spelled: list[Formula] = [
        ("+", u, ("n", Fraction(0))),
        ("*", ONE, u),
        ("-", ("*", TWO, u), u),
        ("/", ("*", u, Z), Z),
        ("*", u, ("+", ("^", ("sin", X), 2), ("^", ("cos", X), 2))),
        ("log", ("exp", u)),
        negated(negated(u)),
        ("-", ("relu", u), ("relu", negated(u))),
        ("*", ("^", ("sqrt", Z), 2), ("/", u, Z)),
        ("max", u, u),
    ]
    match u:
        case ("+" | "*" | "max" | "min", left, right):
            spelled += [(u[0], right, left)] * 4
        case ("-", left, right):
            spelled += [("+", left, negated(right))] * 2
        case ("/", left, right):
            spelled += [("*", left, ("^", right, -1))] * 2
        case ("exp", ("+", left, right)):
            spelled += [("*", ("exp", left), ("exp", right))] * 2
        case ("tanh", inner):
            spelled += [("-", ("*", TWO, ("sigmoid", ("*", TWO, inner))), ONE)] * 2
        case ("abs", inner):
            spelled += [("max", inner, negated(inner)), ("*", inner, ("sign", inner))]
        case ("relu", inner):
            spelled += [("/", ("+", inner, ("abs", inner)), TWO), ("max", inner, ("n", Fraction(0)))]
        case ("*", left, ("+", one, other)):
            spelled += [("+", ("*", left, one), ("*", left, other))] * 3
        case ("^", inner, 2):
            spelled += [("*", inner, inner)] * 2
    return rng.choice(spelled)


@settings(max_examples=examples(60), deadline=None)
@given(formulas(leaves=5), st.randoms(use_true_random=False), st.integers(0, 10**6))
def test_equal_formulas_are_never_wrong(formula: Formula, rng: random.Random, seed: int) -> None:
    try:
        decision = decided(formula, rewritten(formula, rng), seed)
    except (UndefinedNode, RecursionError):
        assume(False)
    assert decision.verdict != "wrong"


@pytest.mark.parametrize("exponent", [30, 40, 200])
def test_what_doubles_cannot_tell_apart_is_no_reason(exponent: int) -> None:
    """e^(40 + x) - e^40 e^x + y is y, and in double precision anything."""
    large = ("n", Fraction(exponent))
    left = ("+", ("-", ("exp", ("+", large, X)), ("*", ("exp", large), ("exp", X))), Y)
    assert decided(left, Y).verdict == "correct"


# --- different formulas -----------------------------------------------------------------------------------------------


def differ(left: Formula, right: Formula) -> bool:
    """Whether two formulas have clearly different values at some points, as they stand."""
    rng = random.Random(7)
    for _ in range(12):
        at = [Fraction(rng.randrange(-300, 300) or 1, 100) for _ in range(2)] + [Fraction(rng.randrange(1, 300), 100)]
        try:
            one, other = value(left, at, MP), value(right, at, MP)
        except Close:
            continue
        if one is not None and other is not None and abs(one - other) > (1 + abs(one)) / 10**30:
            return True
    return False


def mutated(formula: Formula, rng: random.Random) -> Formula:
    """One number, operation, input or function of a formula exchanged."""
    if formula[0] == "x":
        return ("x", (formula[1] + 1) % 3)
    if formula[0] == "n":
        return ("n", formula[1] + 1)
    places = [k for k, each in enumerate(formula) if isinstance(each, tuple)]
    if rng.random() < 0.7:
        place = rng.choice(places)
        return (*formula[:place], mutated(formula[place], rng), *formula[place + 1 :])
    others = {"+": "-", "-": "+", "*": "+", "/": "*", "sin": "cos", "exp": "sinh", "max": "min", "relu": "abs"}
    if formula[0] == "^":
        return ("^", formula[1], formula[2] + 1)
    return (others.get(formula[0], "tanh" if len(formula) == 2 else "+"), *formula[1:])


@settings(deadline=None)
@given(formulas(leaves=5), st.randoms(use_true_random=False), st.integers(0, 10**6))
def test_different_formulas_are_never_right(formula: Formula, rng: random.Random, seed: int) -> None:
    other = mutated(formula, rng)
    try:
        assume(differ(formula, other))
        decision = decided(formula, other, seed)
    except (UndefinedNode, ArithmeticError):
        assume(False)
    assert decision.verdict != "correct"
    if decision.verdict == "wrong":
        witness = decision.witness
        assert witness is not None
        assert witness.left != witness.right if isinstance(witness.left, Fraction) else not witness.left.overlaps(
            witness.right
        )  # fmt: skip


ALMOST = {
    "sqrt(x^2) = x": (("sqrt", ("^", X, 2)), X),
    "sqrt(x^2 y^2) = x y": (("sqrt", ("*", ("^", X, 2), ("^", Y, 2))), ("*", X, Y)),
    "sqrt(x^4) = x^2 sqrt(x^2)/x": (("sqrt", ("^", X, 4)), ("/", ("*", ("^", X, 2), ("sqrt", ("^", X, 2))), X)),
    "sqrt(x^2) + sqrt(y^2) = x + y": (("+", ("sqrt", ("^", X, 2)), ("sqrt", ("^", Y, 2))), ("+", X, Y)),
    "sqrt(x^2) sqrt(y^2) = x y": (("*", ("sqrt", ("^", X, 2)), ("sqrt", ("^", Y, 2))), ("*", X, Y)),
    "|x| = x": (("abs", X), X),
    "relu(x) = x": (("relu", X), X),
    "max(x, -1000) = x": (("max", X, ("n", Fraction(-1000))), X),
    "step(x) step(y) = step(x y)": (
        ("*", ("heaviside", X), ("heaviside", Y)),
        ("heaviside", ("*", X, Y)),
    ),
    "exp(2 x) = 2 exp(x)": (("exp", ("*", TWO, X)), ("*", TWO, ("exp", X))),
}  # fmt: skip


@pytest.mark.parametrize("name", ALMOST)
def test_what_holds_for_one_sign_or_root_is_never_right_over_two_hundred_seeds(name: str) -> None:
    """One root a draw would accept the first in an eighth of them."""
    left, right = ALMOST[name]
    verdicts = {decided(left, right, seed).verdict for seed in range(200)}
    assert verdicts == {"wrong"}


def test_residues_of_what_holds_for_one_root_never_agree() -> None:
    """Without the look at doubles that decides such lines before: every draw at which both sides have a residue."""
    graph = Graph()
    x, *_ = inputs(graph)
    root = graph.sqrt(graph.multiply(x, x))
    answers = [Residues(graph, seed, trial).agree([(root, x)]) for seed in range(200) for trial in range(3)]
    assert True not in answers
    assert answers.count(False) >= 100


def number(text: str) -> Formula:
    return ("n", Fraction(text))


HAZARDS = {
    "x + exp(-1000) x = x": (
        ("+", X, ("*", ("exp", number("-1000")), X)), X, "a term is negligible at all points tried"
    ),
    "relu(sin x - 0.9999999) = 0": (
        ("relu", ("-", ("sin", ("sin", X)), number("0.9999999"))), number("0"), "a case of a kink was never met"
    ),
    "max(y, y^2 + 10) = y^2 + 10": (
        ("max", ("sinh", Y), ("+", ("^", ("sinh", Y), 2), number("10"))),
        ("+", ("^", ("sinh", Y), 2), number("10")),
        "a case of a kink was never met",
    ),
    "10^50 atan(1/z) = 10^50 (acos 0 - atan z)": (
        ("*", number("1e50"), ("atan", ("/", ONE, Z))),
        ("*", number("1e50"), ("-", ("acos", number("0")), ("atan", Z))),
        "a number has so many digits that points cannot show what it hides",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HAZARDS)
def test_what_points_cannot_show_is_left_open(name: str) -> None:
    """The last two hold: that a sign holds everywhere, or what long numbers hide, is not seen."""
    left, right, reason = HAZARDS[name]
    decision = decided(left, right)
    assert (decision.verdict, decision.reason) == ("undecided", f"hazard: {reason}")


def test_numbers_that_agree_are_evidence() -> None:
    decision = decided(("atan", ("/", ONE, Z)), ("-", ("acos", number("0")), ("atan", Z)))
    assert (decision.verdict, decision.evidence) == ("correct", "numerical")


# --- residues ---------------------------------------------------------------------------------------------------------

IDENTITIES = {
    "(x + y)^2": (("^", ("+", X, Y), 2), ("+", ("+", ("^", X, 2), ("*", TWO, ("*", X, Y))), ("^", Y, 2))),
    "1/x + 1/y": (("+", ("/", ONE, X), ("/", ONE, Y)), ("/", ("+", X, Y), ("*", X, Y))),
    "exp(x + y)": (("exp", ("+", X, Y)), ("*", ("exp", X), ("exp", Y))),
    "exp((x + y)^2)": (
        ("exp", ("^", ("+", X, Y), 2)),
        ("*", ("*", ("exp", ("^", X, 2)), ("exp", ("*", TWO, ("*", X, Y)))), ("exp", ("^", Y, 2))),
    ),
    "exp of an odd function": (("*", ("exp", ("sin", X)), ("exp", ("sin", negated(X)))), ONE),
    "sin^2 + cos^2": (("+", ("^", ("sin", X), 2), ("^", ("cos", X), 2)), ONE),
    "sin(x + y)": (
        ("sin", ("+", X, Y)),
        ("+", ("*", ("sin", X), ("cos", Y)), ("*", ("cos", X), ("sin", Y))),
    ),
    "tanh' from its value": (("-", ONE, ("^", ("tanh", X), 2)), ("^", ("sech", X), 2)),
    "sigmoid(-x)": (("sigmoid", negated(X)), ("-", ONE, ("sigmoid", X))),
    "sqrt(z) sqrt(z)": (("*", ("sqrt", ("+", X, Y)), ("sqrt", ("+", X, Y))), ("+", X, Y)),
    "1/sqrt": (("/", ONE, ("sqrt", ("+", X, Y))), ("/", ("sqrt", ("+", X, Y)), ("+", X, Y))),
    "sqrt 5 + sqrt 3": (
        ("^", ("+", ("sqrt", X), ("sqrt", Y)), 2),
        ("+", ("+", X, Y), ("*", TWO, ("*", ("sqrt", X), ("sqrt", Y)))),
    ),
    "relu(x) - relu(-x)": (("-", ("relu", X), ("relu", negated(X))), X),
    "|x|^2": (("^", ("abs", X), 2), ("^", X, 2)),
    "max + min": (("+", ("max", X, Y), ("min", X, Y)), ("+", X, Y)),
    "log of a product": (("log", ("*", ("exp", X), Z)), ("+", X, ("log", Z))),
}  # fmt: skip


@pytest.mark.parametrize("name", IDENTITIES)
def test_residues_of_a_true_identity_agree_at_every_draw(name: str) -> None:
    graph = Graph()
    at = inputs(graph)
    left, right = (written(each, graph, at) for each in IDENTITIES[name])
    answers = [Residues(graph, seed, trial).agree([(left, right)]) for seed in range(20) for trial in range(3)]
    assert False not in answers
    assert True in answers
    assert {decided(*IDENTITIES[name], seed).verdict for seed in range(20)} == {"correct"}


@settings(deadline=None)
@given(formulas(functions=(), kinks=False, leaves=6), st.integers(0, 10**6))
def test_the_residue_of_a_rational_formula_is_that_of_its_fractions(formula: Formula, seed: int) -> None:
    """Worked out with integers modulo the prime, from the residues of the inputs."""
    graph = Graph()
    at = inputs(graph)
    try:
        node = written(formula, graph, at)
    except UndefinedNode:
        assume(False)
    draw = Residues(graph, seed, 0)
    wanted = modulo(formula, [draw[each] or 0 for each in at], draw.prime)
    assume(wanted is not None)
    assert draw[node] == wanted


def modulo(formula: Formula, at: list[int], p: int) -> int | None:
    """A rational formula modulo p as it stands; None where it divides by 0."""
    match formula:
        case ("x", number):
            return at[number]
        case ("n", number):
            return number.numerator * pow(number.denominator, -1, p) % p
        case ("^", base, exponent):
            inner = modulo(base, at, p)
            return None if inner is None or (exponent < 0 and not inner) else pow(inner, exponent, p)
    left, right = (modulo(each, at, p) for each in formula[1:])
    if left is None or right is None or (formula[0] == "/" and not right):
        return None
    match formula[0]:
        case "+":
            return (left + right) % p
        case "-":
            return (left - right) % p
        case "*":
            return left * right % p
    return left * pow(right, -1, p) % p


@given(st.integers(0, 10**9), st.integers(0, 5))
def test_primes_are_primes_with_a_root_of_minus_one(seed: int, trial: int) -> None:
    draw = Residues(Graph(), seed, trial)
    assert 2**60 < draw.prime < 2**61 + 2**12
    assert draw.prime % 4 == 1
    assert draw.i * draw.i % draw.prime == draw.prime - 1
    # Fermat, to other bases than those of the test of primality
    assert all(pow(base, draw.prime - 1, draw.prime) == 1 for base in (41, 43, 47))


def test_small_primes_are_told_as_by_trial_division() -> None:
    assert [n for n in range(2000) if is_prime(n)] == [n for n in range(2, 2000) if all(n % d for d in range(2, n))]


def test_formulas_without_any_value_are_not_right() -> None:
    nowhere = ("log", ("-", ("n", Fraction(-1)), ("^", X, 2)))
    assert decided(nowhere, nowhere).verdict == "undecided"


@pytest.mark.parametrize("pairs", [1, 3])
def test_one_wrong_entry_makes_all_wrong(pairs: int) -> None:
    graph = Graph()
    x, y, _ = inputs(graph)
    same: list[tuple[tuple[int, ...], Node, Node]] = [((k,), graph.add(x, y), graph.add(y, x)) for k in range(pairs)]
    decision = Judge(graph).decide([*same, ((pairs,), graph.exp(x), graph.exp(y))])
    assert decision.verdict == "wrong"
    assert decision.witness is not None
    assert decision.witness.label == (pairs,)
