"""Gradient descent with momentum on a parabola: three steps with numbers."""

from __future__ import annotations

from derive import tree as t
from derive.document import Display, Line, Prose
from derive.reading.reader import read
from derive.sheets.drawing import Drawn, Draws
from derive.sheets.exercise import Exercise, Part, Question, Variant, operations_in
from derive.sheets.sane import are_apart, is_sane, rounded
from derive.sheets.scalars import Scalars, doubles

STEPS = (1, 2, 3)
RATES, MOMENTA = ("0.1", "0.2", "0.3"), ("0.5", "0.6", "0.8", "0.9")


def lines(curvature: str, minimum: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for k in STEPS:
        found[f"g_{k}"] = f"{curvature}*(w_{k - 1} - {minimum})"
        found[f"v_{k}"] = f"rho*v_{k - 1} + g_{k}"
        found[f"w_{k}"] = f"w_{k - 1} - eta*v_{k}"
    return found | {"L_3": f"{curvature}*(w_3 - {minimum})^2/2"}


def draw(draws: Draws) -> Drawn | None:
    curvature, minimum = draws.choice(("2", "3", "4")), draws.decimal(5, 30)
    at = {"w_0": draws.decimal(-30, 30), "v_0": "0", "eta": draws.choice(RATES), "rho": draws.choice(MOMENTA)}
    values, _ = doubles(lines("c", "m"), at | {"c": curvature, "m": minimum}, "L_3")
    told = [value for name, value in values.items() if name != "v_1"]  # which is g_1
    if not all(map(is_sane, told)) or not are_apart(told):
        return None
    return Drawn((curvature, minimum, tuple(at.items())), rounded(told))


def work(drawn: Drawn) -> Variant:
    curvature, minimum, at = drawn.values
    scalars = Scalars(lines(curvature, minimum), dict(at), "L_3")
    loss = t.Relation((t.Name("L"), read(f"{curvature}*(w - {minimum})^2/2")))
    asked = [Question(t.Name(name), (scalars.formulas[name], scalars.value(name))) for name in scalars.lines]
    return Variant(
        given=(
            Prose(("The loss of one weight is",)),
            Display((Line(loss),)),
            Prose(("Gradient descent with momentum begins with ", *scalars.point(), ". In step 1 it goes",)),
            scalars.display(("g_1", "v_1", "w_1")),
            Prose(("and so on: ", t.Name("g_1"), " is the derivative of the loss at ", t.Name("w_0"),
                   ". Give numbers with four decimals.")),
        ),
        parts=(
            *(Part(f"Step {k}", ("Gradient, velocity and weight.",), tuple(asked[3 * k - 3 : 3 * k])) for k in STEPS),
            Part("Loss", ("The loss after three steps.",), (asked[-1],)),
        ),
        problem=scalars.problem("Three steps with momentum"),
        parameters={"curvature": curvature, "minimum": minimum, **scalars.at},
        operations=operations_in(scalars.formulas.values()),
    )  # fmt: skip


EXERCISE = Exercise(
    "momentum",
    "Three steps of gradient descent with momentum",
    "course sheet 002, section 3",
    "gradient, velocity and weight of three steps, and the loss after them",
    draw,
    work,
)
