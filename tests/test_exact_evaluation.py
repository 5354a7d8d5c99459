"""Index equations in balls and in many decimals: the same values as in doubles, and certain of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import UndecidedError, UsageError
from derive.evaluation.exact import Certified, Decimals
from derive.evaluation.recurrences import executed
from derive.evaluation.storage import Environment
from derive.subjects.layers.catalogue import LAYERS
from derive.subjects.layers.gradients import grad_layer
from tests.layer_cases import cases


def environment(answer, exact):
    made = Environment(answer.sizes, equations=answer.program.by_name, exact=exact)
    for name, values in answer.arrays.items():
        whole = name in answer.program.integers
        made.put(answer.heads[name], values if whole else exact.array(values), integer=whole)
    return made


def evaluated(answer, exact):
    made = environment(answer, exact)
    executed(answer.program, made)
    executed(answer.derivation.adjoint, made)
    return {name: stored.array for name, stored in made.stored.items()}


def answers(case):
    """The gradients of a case with values, the upstream gradient among them; None where it is refused."""
    try:
        values = case.arrays()
        open_ended = grad_layer(case.name, options=case.options, values=values)
        if not open_ended.program.upstream:
            return open_ended
        (output, seed), *_ = open_ended.program.upstream.items()
        shape = open_ended.forward[output].shape
        values[seed] = np.random.default_rng(case.seed).normal(size=shape)
        return grad_layer(case.name, options=case.options, values=values)
    except UsageError:
        return None


SOME = ("conv2d", "max_pool2d", "batchnorm", "gelu", "huber", "softmax_cross_entropy", "embedding", "global_max_pool",
        "hinge")  # fmt: skip
LONG = ("lstm", "adam", "cosine_similarity", "attention")


@pytest.mark.parametrize("name", [*SOME, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_balls_contain_what_doubles_and_decimals_say(name, data):
    answer = answers(data.draw(cases(LAYERS[name])))
    if answer is None:
        return
    try:
        doubles = answer.values
    except Exception:  # no value there: not what is asked here
        return
    # cells of the padding count as -10^308: only with all its digits are two of them known to be equal
    certified = Certified(1280 if name == "max_pool2d" else 160)
    with certified.precision():
        balls = evaluated(answer, certified)
        decimals = evaluated(answer, Decimals(40))
        for array, expected in doubles.items():
            pairs = zip(np.ravel(balls[array]), np.ravel(decimals[array]), np.ravel(expected), strict=True)
            scale = max(1.0, float(np.abs(expected).max(initial=0)))
            for ball, decimal, double in pairs:
                ball = certified.number(ball) if isinstance(ball, (int, float)) else ball
                assert ball.is_finite()
                text = decimal if isinstance(decimal, (int, float)) else str(decimal)
                assert abs(ball - certified.kind(text)) < 1e-30 * scale
                assert abs(ball - certified.kind(float(double))) < 1e-9 * scale


def test_a_literal_is_the_rational_that_it_says():
    """0.1 is a tenth, not the double next to it."""
    import derive

    answer = derive.grad("Y[i] = 0.1*X[i]", ["X"], upstream={"Y": "G"}, values={"X": [1.0], "G": [1.0]})
    certified = Certified(200)
    with certified.precision():
        found = evaluated(answer, certified)
        assert found["Y"][0] * 10 - 1 != 1 and (found["Y"][0] * 10).contains(1)
        assert not found["Y"][0].contains(certified.kind(0.1))


def test_a_sign_that_balls_do_not_settle_is_said():
    """relu at a hidden zero, (1/3)*3 - 1 by way of exp and log, is not decided by guess."""
    import derive

    answer = derive.grad("Y[i] = relu(log(exp(X[i])) - X[i])", ["X"], upstream={"Y": "G"},
                         values={"X": [0.3], "G": [1.0]})  # fmt: skip
    certified = Certified(96)
    with certified.precision(), pytest.raises(UndecidedError):
        evaluated(answer, certified)
