"""Grad-CAM as equations: the class score differentiated to the last feature maps, averaged, weighed, and rectified.

    alpha[c,k] = mean_{i,j} d y[c] / d A[k,i,j]            M[c,i,j] = relu(sum_k alpha[c,k] A[k,i,j])

The score of one class c is seeded with a unit vector: the gradient that comes down to y is Kronecker's delta.
Source: R. Selvaraju et al., Grad-CAM (2017), equations (1) and (2); for CAM B. Zhou et al. (2016).
"""

from __future__ import annotations

from dataclasses import dataclass

from derive import terms
from derive.gradients import Gradients, gradients
from derive.integers import integer
from derive.program import Equation
from derive.reading.equations import read_equations
from derive.rules import cases, collecting, deltas, guards, sums
from derive.rules.rewriting import exhausted
from derive.step import Step
from derive.terms import Entry

#: name -> what it is, and the equations from the feature maps A to the class scores y.
HEADS = {
    "gap": (
        "global average pooling and one dense layer",
        "A : K x H x W\nw : C x K\nb : C\ng[k] = mean(i,j) A[k,i,j]\ny[c] = sum(k) w[c,k]*g[k] + b[c]",
    ),
    "dense": (
        "one dense layer on all positions",
        "A : K x H x W\nw : C x K x H x W\nb : C\ny[c] = sum(k,i,j) w[c,k,i,j]*A[k,i,j] + b[c]",
    ),
    "two dense": (
        "a hidden dense layer with ReLU, then one dense layer",
        "A : K x H x W\nu : D x K x H x W\nd : D\nw : C x D\nb : C\n"
        "z[p] = sum(k,i,j) u[p,k,i,j]*A[k,i,j] + d[p]\nh[p] = relu(z[p])\ny[c] = sum(p) w[c,p]*h[p] + b[c]",
    ),
}


#: What is tried on a formula after a substitution.
_TIDY = (*sums.NORMALISE, *deltas.ALL, guards.DISCHARGE, sums.PULL_OUT, collecting.CANCEL, collecting.COLLECT)


@dataclass(frozen=True)
class GradCam:
    """What leads to the map: the gradients of the head, and the equations that follow.

    open : the gradient in the feature maps for any gradient that comes down to the scores.
    seeded : S[c,k,i,j] = d y[c]/d A[k,i,j], with the unit seed.  weights : alpha[c,k].  heatmap : M[c,i,j].
    """

    gradients: Gradients
    open: Equation
    seeded: Equation
    weights: Equation
    heatmap: Equation
    steps: tuple[Step, ...]


def gradcam(head: str = "gap") -> GradCam:
    """Grad-CAM for a head by name."""
    program = read_equations(HEADS[head][1] + "\nupstream y = y_bar")
    made = gradients(program, ["A"])
    around = made.around
    steps: list[Step] = []
    equation = made["A"].equation
    while True:  # the adjoints between are put in, down to the seed
        inner = next((line for line in made.lines if line.of != "A" and line.name in terms.reads(equation.term)), None)
        if inner is None:
            break
        put = cases.inserted(inner.equation, equation, around)
        assert put is not None
        steps.append(put)
        equation = put.after
    before = equation
    own = made.given["y_bar"].indices[0].index
    assert own is not None
    wanted = own.fresh("c")
    seed = Equation(Entry("y_bar", (integer(own),)), terms.delta(own, wanted))
    put = cases.inserted(seed, equation, around)
    assert put is not None and isinstance(before.left, Entry)
    left = Entry("S", (integer(wanted), *before.left.indices))
    seeded, more = exhausted(_TIDY, Equation(left, put.after.term), around)
    steps += more
    _, k, i, j = seeded.indices
    count = terms.whole(i.extent * j.extent)
    mean = terms.multiply(terms.power(count, -1), terms.total((i, j), seeded.term))
    weights, more = exhausted(_TIDY, Equation(terms.entry("alpha", wanted, k), mean), around)
    steps += more
    weighed = terms.total((k,), terms.multiply(terms.entry("alpha", wanted, k), terms.entry("A", k, i, j)))
    heatmap = Equation(terms.entry("M", wanted, i, j), terms.Apply("relu", (weighed,)))
    return GradCam(made, before, seeded, weights, heatmap, tuple(steps))
