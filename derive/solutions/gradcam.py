"""Grad-CAM worked out for three heads: the seed, the gradient in the feature maps, the weights, the map, and CAM."""

from __future__ import annotations

from derive import tree as t
from derive.aligned import aligned
from derive.checks.index_steps import run_gradients, run_steps, with_adjoints
from derive.conventions import Notation
from derive.document import Block, Bullets, Display, Document, Heading, Line, Prose
from derive.program import Equation
from derive.step import Step
from derive.subjects import gradcam
from derive.subjects.catalogue import Entry
from derive.writing import shapes_of, tree_of_equation

NOTATION = Notation(tight=False)


def solution(entry: Entry) -> Document:
    """The worked solution: what Grad-CAM asks, each head, and when it is CAM."""
    blocks: list[Block] = [
        Heading("What is asked"),
        Prose(("The last convolutional layer leaves feature maps ", t.Name("A"), "; a head makes class scores ",
               t.Name("y"), " of them. To explain the score of one class ", t.Name("c"),
               ", that score alone is differentiated: the gradient that comes down to ", t.Name("y"),
               " is the unit vector of the class, a Kronecker delta. The derivatives are averaged over the positions, "
               "which gives each map one weight, and the weighted sum of the maps goes through a ReLU: the ReLU stands "
               "on the sum, not inside it, since maps that speak against the class are to lower it.")),
    ]  # fmt: skip
    for name, (title, _) in gradcam.HEADS.items():
        blocks += _head(name, title)
    blocks += [
        Heading("When Grad-CAM is CAM"),
        Prose(("With global average pooling and one dense layer the weights are those of the dense layer, but for the "
               "number of positions: CAM's map is the same picture on another scale, before its ReLU. With any other "
               "head the weights depend on more than one layer, and CAM is not defined.",)),
    ]  # fmt: skip
    return Document("Grad-CAM", tuple(blocks), entry.source)


def _head(name: str, title: str) -> list[Block]:
    made = gradcam.gradcam(name)
    shapes = shapes_of(made.gradients.around)

    def shown(*equations: Equation) -> Display:
        return Display(tuple(Line(tree_of_equation(each, NOTATION, shapes=shapes)) for each in equations))

    own: list[Step] = list(made.steps)
    start = next(k for k, step in enumerate(own) if step.before.name == made.seeded.name)
    middle = next(k for k, step in enumerate(own) if step.before.name == "alpha") if _averaged(own) else len(own)
    checked = {
        **run_gradients(made.gradients),
        **run_steps(own, made.gradients.primal, samples=with_adjoints(made.gradients)),
    }
    held = sum(each.holds for each in checked.values())
    return [
        Heading(f"Head: {title}"),
        shown(*made.gradients.primal.equations),
        Prose(("The gradient in the maps, for any gradient of the scores:",)),
        *(aligned(line.own_steps, NOTATION, shapes=shapes) for line in made.gradients.lines if line.own_steps),
        *([aligned(own[:start], NOTATION, shapes=shapes)] if own[:start] else []),
        shown(made.open),
        Prose(("With the unit seed, ", t.Subscript("S", tuple(map(t.Name, "ckij"))),
               " is the derivative of the score of class ", t.Name("c"), ":")),
        *([aligned(own[start:middle], NOTATION, shapes=shapes)] if own[start:middle] else []),
        Prose(("The weights, the mean over the positions:",)),
        *([aligned(own[middle:], NOTATION, shapes=shapes)] if own[middle:] else []),
        shown(made.weights, made.heatmap),
        Bullets(((f"{held} of {len(checked)} steps hold, run on maps of several sizes that all differ.",),)),
    ]  # fmt: skip


def _averaged(steps: list[Step]) -> bool:
    return any(step.before.name == "alpha" for step in steps)
