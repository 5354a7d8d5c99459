"""Partial derivatives and the chain rule: f of u and v, which are functions of x and y."""

from __future__ import annotations

from collections.abc import Sequence

from derive import tree as t
from derive.document import Prose
from derive.sheets.drawing import Drawn, Draws
from derive.sheets.exercise import Exercise, Part, Question, Variant, operations_in
from derive.sheets.sane import are_apart, is_sane, rounded
from derive.sheets.scalars import Scalars, doubles, gradients
from derive.tree import Tree

FUNCTIONS = ("sin", "cos", "exp", "tanh")
INNER, OUTER = ("u", "v"), ("x", "y")


#: What the factors of a variant are called where a draw is looked at; exponents are numbers.
FACTORS = ("a", "", "", "b", "c", "k", "", "r")


def lines(numbers: Sequence[int | str], function: str) -> dict[str, str]:
    a, m, n, b, c, k, q, r = numbers
    return {"u": f"{a}*x^{m}*y^{n}", "v": f"{function}({b}*x - {c}*y)", "f": f"{k}*u*v^{q} + {r}*u"}


def draw(draws: Draws) -> Drawn | None:
    numbers = tuple(draws.between(2, most) for most in (5, 3, 3, 5, 5, 5, 3, 9))
    function = draws.choice(FUNCTIONS)
    at = {name: draws.decimal(3, 15) for name in OUTER}
    shape = [factor or number for factor, number in zip(FACTORS, numbers, strict=True)]
    named = {factor: str(number) for factor, number in zip(FACTORS, numbers, strict=True) if factor}
    values, adjoints = doubles(lines(shape, function), at | named, "f")
    told = [*values.values(), *(adjoints[name] for name in (*INNER, *OUTER))]
    if not all(map(is_sane, told)) or not are_apart(told) or "1.0" in at.values():
        return None
    return Drawn((numbers, function, tuple(at.items())), rounded(told))


def work(drawn: Drawn) -> Variant:
    numbers, function, at = drawn.values
    scalars = Scalars(lines(numbers, function), dict(at), "f")

    def partial(of: str, by: str) -> Question:
        return Question(_by(of, by), (gradients(f"{of} = {scalars.lines[of]}")[by][1],))

    def chained(by: str) -> Question:
        terms = tuple(("+", t.Product((("*", _by("f", each)), ("*", _by(each, by))))) for each in INNER)
        return Question(_by("f", by), (t.Sum(terms), scalars.adjoint(by)), 2)

    return Variant(
        given=(
            Prose(("A function ", t.Name("f"), " of ", t.Name("x"), " and ", t.Name("y"), " is given in two steps:")),
            scalars.display(),
        ),
        parts=(
            Part("Partial derivatives", ("As formulas.",),
                 (*(partial(of, by) for of in INNER for by in OUTER), *(partial("f", by) for by in INNER))),
            Part("At a point", ("The values at ", *scalars.point(), ", with four decimals."),
                 tuple(Question(t.Name(name), (formula, scalars.value(name)))
                       for name, formula in scalars.formulas.items())),
            Part("Chain rule",
                 ("The derivatives by ", t.Name("x"), " and ", t.Name("y"), " by those above, and their numbers at the "
                  "same point, with four decimals."),
                 tuple(chained(by) for by in OUTER)),
        ),
        problem=scalars.problem("Partial derivatives and the chain rule"),
        parameters={**scalars.lines, **scalars.at},
        operations=operations_in(scalars.formulas.values()),
    )  # fmt: skip


def _by(of: str, by: str) -> Tree:
    return t.Derivative(t.Name(of), t.Name(by))


EXERCISE = Exercise(
    "chain-rule",
    "Partial derivatives and the chain rule",
    "",
    "six partial derivatives, three values, and two derivatives by the chain rule",
    draw,
    work,
)
