"""Softmax and cross-entropy of three classes, with numbers."""

from __future__ import annotations

from derive import tree as t
from derive.document import Prose
from derive.sheets.drawing import Drawn, Draws
from derive.sheets.exercise import Exercise, Part, Question, Variant, operations_in
from derive.sheets.sane import are_apart, is_sane, rounded
from derive.sheets.scalars import Scalars, doubles
from derive.tree import Tree

CLASSES = (1, 2, 3)


def lines(label: int) -> dict[str, str]:
    found = {f"u_{k}": f"exp(z_{k})" for k in CLASSES} | {"S": "u_1 + u_2 + u_3"}
    return found | {f"p_{k}": f"u_{k}/S" for k in CLASSES} | {"L": f"-ln(p_{label})"}


def draw(draws: Draws) -> Drawn | None:
    label = draws.choice(CLASSES)
    at = {f"z_{k}": draws.decimal(-20, 25) for k in CLASSES}
    values, _ = doubles(lines(label), at, "L")
    if not all(map(is_sane, values.values())) or not are_apart([*values.values(), 1.0, 1 - values[f"p_{label}"]]):
        return None
    return Drawn((label, tuple(at.items())), (label, rounded(values.values())))


def work(drawn: Drawn) -> Variant:
    label, at = drawn.values
    scalars = Scalars(lines(label), dict(at), "L")

    def asked(*names: str) -> tuple[Question, ...]:
        return tuple(Question(t.Name(name), (scalars.formulas[name], scalars.value(name))) for name in names)

    collapse = []
    for k in CLASSES:
        # p - y, the collapse that the catalogue's solution derives, for a target of which one entry is 1
        share: Tree = t.Name(f"p_{k}")
        formula = t.Sum((("+", share), ("-", t.Number("1")))) if k == label else share
        collapse.append(Question(t.Name(f"zbar_{k}"), (formula, scalars.adjoint(f"z_{k}"))))
    return Variant(
        given=(
            Prose(("The scores of three classes are ", *scalars.point(), f", and class {label} is right. Give numbers "
                   "with four decimals.")),
            scalars.display(),
        ),
        parts=(
            Part("Softmax", ("The exponentials, their sum, and the probabilities.",),
                 asked("u_1", "u_2", "u_3", "S", "p_1", "p_2", "p_3")),
            Part("Cross-entropy", ("The loss.",), asked("L")),
            Part("Gradient",
                 ("The derivative of the loss by each score, ",
                  t.Relation((t.Name("zbar_1"), t.Derivative(t.Name("L"), t.Name("z_1")))),
                  " and so on, by the probabilities."),
                 tuple(collapse)),
        ),
        problem=scalars.problem("Softmax and cross-entropy by hand"),
        parameters={"class": label, **scalars.at},
        operations=operations_in(scalars.formulas.values()),
    )  # fmt: skip


EXERCISE = Exercise(
    "softmax",
    "Softmax and cross-entropy by hand",
    "J. Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs (1990)",
    "three probabilities, the loss and its gradient, with numbers",
    draw,
    work,
)
