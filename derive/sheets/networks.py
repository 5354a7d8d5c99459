"""Backpropagation: a network of two layers entry by entry, and a small one with numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from derive import tree as t
from derive.document import Display, Line, Prose
from derive.reading.equations import read_equations
from derive.sheets.drawing import Drawn, Draws
from derive.sheets.exercise import Exercise, Part, Question, Variant, operations_in
from derive.sheets.problem_text import problem_text
from derive.sheets.sane import are_apart, is_sane, rounded
from derive.sheets.scalars import Scalars, doubles, gradients
from derive.tree import Tree
from derive.writing import shapes_of, tree_of_equation

# --- entry by entry ---------------------------------------------------------------------------------------------------

FUNCTIONS = ("tanh", "sigmoid", "sin", "exp")
POWERS = (2, 3, 4)
#: Letters: weights, hidden layer, output layer, target. No two sets share one, nor with x, b, c and L.
WEIGHTS = (("W", "V"), ("A", "B"), ("U", "W"), ("P", "Q"), ("M", "K"))
HIDDEN = (("z", "a"), ("z", "h"), ("s", "a"), ("q", "h"))
OUTPUT = (("r", "p"), ("o", "p"))
TARGET = ("y", "t")


def draw_indices(draws: Draws) -> Drawn:
    hidden, output = draws.shuffled(FUNCTIONS)[:2]
    letters = (draws.choice(WEIGHTS), draws.choice(HIDDEN), draws.choice(OUTPUT), draws.choice(TARGET))
    formulas = (hidden, output, draws.choice(POWERS), letters)
    sizes = tuple(draws.shuffled((2, 3, 4, 5, 6))[:3])
    return Drawn((*formulas, sizes), formulas)


@lru_cache
def _derived(hidden: str, output: str, power: int) -> tuple[tuple[t.Relation, ...], dict[str, tuple[Tree, Tree]]]:
    """The equations, and name -> adjoint and formula, in letters that all variants share; sizes are letters too."""
    text = (
        "x : n\nW : m x n\nb : m\nV : r x m\nc : r\ny : r\n"
        "z[j] = sum(i) W[j,i]*x[i] + b[j]\n"
        f"a[j] = {hidden}(z[j])\n"
        "s[k] = sum(j) V[k,j]*a[j] + c[k]\n"
        f"p[k] = {output}(s[k])\n"
        f"L = sum(k) (p[k] - y[k])^{power}/{power}"
    )
    program = read_equations(text)
    shapes = shapes_of(program)
    return tuple(tree_of_equation(each, shapes=shapes) for each in program.equations), gradients(text)


def _renamed(tree: Tree, letters: Mapping[str, str]) -> Tree:
    """A formula in other letters, adjoints included."""

    def change(node: Tree) -> Tree:
        if isinstance(node, t.Subscript):
            letter, mark, rest = node.array.partition("_")
            return replace(node, array=letters.get(letter, letter) + mark + rest)
        return node

    return t.transformed(tree, change)


def work_indices(drawn: Drawn) -> Variant:
    hidden, output, power, ((w, v), (z, a), (s, p), y), (inputs, middle, outputs) = drawn.values
    letters = {"W": w, "V": v, "z": z, "a": a, "s": s, "p": p, "y": y}
    declared = {"x": [inputs], w: [middle, inputs], "b": [middle], v: [outputs, middle], "c": [outputs], y: [outputs]}
    written, derived = _derived(hidden, output, power)
    equations = [_renamed(each, letters) for each in written]
    found = {name: tuple(_renamed(side, letters) for side in sides) for name, sides in derived.items()}
    asked = ("p", "s", "V", "c", "a", "z", "W", "b", "x")
    questions = tuple(Question(found[name][0], (found[name][1],), 2) for name in asked)
    return Variant(
        given=(
            Prose(("A network has ", t.Number(str(inputs)), " inputs, ", t.Number(str(middle)), " hidden units and ",
                   t.Number(str(outputs)), " outputs. Its targets are ", t.Name(y), ", its loss ", t.Name("L"), ":")),
            Display(tuple(Line(each) for each in equations)),
        ),
        parts=(
            Part("Backpropagation",
                 ("A bar is the derivative of the loss, as in ",
                  t.Relation((found["a"][0], t.Derivative(t.Name("L"), t.Subscript(a, (t.Name("j"),))))),
                  ". Give every derivative by those above it; a derivative that was found may be used below."),
                 questions),
        ),
        problem=problem_text(
            "Backpropagation entry by entry", equations,
            {name: f"{{ shape = {shape} }}" for name, shape in declared.items()},
            loss="L", conventions={"overline": "adjoint"},
        ),
        parameters={"hidden": hidden, "output": output, "power": power, "sizes": [inputs, middle, outputs],
                    "letters": f"{w}{v} {z}{a} {s}{p} {y}"},
        operations=operations_in(equations),
    )  # fmt: skip


# --- with numbers -----------------------------------------------------------------------------------------------------

ACTIVATIONS = ("tanh", "sigmoid")
WEIGHT_NAMES = ("w_11", "w_12", "w_21", "w_22", "b_1", "b_2", "c_1", "c_2", "b_3")
FORWARD = ("z_1", "z_2", "a_1", "a_2", "s", "L")
BACKWARD = ("s", "c_1", "c_2", "b_3", "a_1", "a_2", "z_1", "z_2", "w_11", "w_12", "w_21", "w_22", "b_1", "b_2")
#: Adjoints that are those of another name: the biases'.
_PASSED_ON = ("b_1", "b_2", "b_3", "L")


def network(activation: str) -> dict[str, str]:
    return {
        "z_1": "w_11*x_1 + w_12*x_2 + b_1",
        "z_2": "w_21*x_1 + w_22*x_2 + b_2",
        "a_1": f"{activation}(z_1)",
        "a_2": f"{activation}(z_2)",
        "s": "c_1*a_1 + c_2*a_2 + b_3",
        "L": "(s - y)^2/2",
    }


def draw_numbers(draws: Draws) -> Drawn | None:
    activation = draws.choice(ACTIVATIONS)
    at = {name: draws.decimal(-20, 20) for name in ("x_1", "x_2")}
    at |= {name: draws.decimal(-10, 10) for name in WEIGHT_NAMES} | {"y": draws.decimal(-20, 20)}
    values, adjoints = doubles(network(activation), at, "L")
    told = [adjoints[name] for name in BACKWARD if name not in _PASSED_ON]
    if not all(map(is_sane, (*values.values(), *told))) or max(abs(values["z_1"]), abs(values["z_2"])) > 2:
        return None
    if not are_apart(values.values()) or not are_apart(told):
        return None
    return Drawn((activation, tuple(at.items())), rounded((*values.values(), *told)))


def work_numbers(drawn: Drawn) -> Variant:
    activation, at = drawn.values
    scalars = Scalars(network(activation), dict(at), "L")
    backward = []
    for name in BACKWARD:
        left, formula = scalars.gradient(name)
        backward.append(Question(left, (formula, scalars.adjoint(name))))
    return Variant(
        given=(
            Prose(("A network of two inputs, two hidden units and one output ", t.Name("s"), ", with the loss ",
                   t.Name("L"), " for the target ", t.Name("y"), ":")),
            scalars.display(),
            Prose(("Work it out at ", *scalars.point(), ". Give numbers with four decimals.")),
        ),
        parts=(
            Part("Forward", ("The value of every line.",),
                 tuple(Question(t.Name(name), (scalars.formulas[name], scalars.value(name))) for name in FORWARD)),
            Part("Backward",
                 ("A bar is the derivative of the loss. Give a formula of derivatives and values that are known by "
                  "then, and the number.",),
                 tuple(backward)),
        ),
        problem=scalars.problem("A network by hand"),
        parameters={"activation": activation, **scalars.at},
        operations=operations_in(scalars.formulas.values()),
    )  # fmt: skip


INDICES = Exercise(
    "mlp",
    "Backpropagation in two layers",
    "INF265, Project 1, section 2",
    "nine derivatives of the loss, entry by entry",
    draw_indices,
    work_indices,
)
NUMBERS = Exercise(
    "mlp-by-hand",
    "A network by hand",
    "",
    "the values of two hidden units, an output and a loss, and fourteen derivatives, with numbers",
    draw_numbers,
    work_numbers,
)
