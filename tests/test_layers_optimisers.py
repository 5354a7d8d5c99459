"""Optimisers, step by step, take the steps of torch.optim."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import LAYERS

STEPS = 4
#: name, options of ours, constants, and the optimiser of torch.
RUNS = [
    ("gradient_descent", {}, {"lr": 0.3}, lambda w: torch.optim.SGD([w], lr=0.3)),
    ("weight_decay", {}, {"lr": 0.3, "decay": 0.1}, lambda w: torch.optim.SGD([w], lr=0.3, weight_decay=0.1)),
    ("momentum", {}, {"lr": 0.3, "mu": 0.9}, lambda w: torch.optim.SGD([w], lr=0.3, momentum=0.9)),
    (
        "momentum",
        {"form": "textbook"},
        {"lr": 0.3, "mu": 0.9},
        lambda w: torch.optim.SGD([w], lr=0.3, momentum=0.9),
    ),
    ("nesterov", {}, {"lr": 0.3, "mu": 0.9}, lambda w: torch.optim.SGD([w], lr=0.3, momentum=0.9, nesterov=True)),
    (
        "adam",
        {"eps": "1e-6"},
        {"lr": 0.3, "beta1": 0.8, "beta2": 0.95},
        lambda w: torch.optim.Adam([w], lr=0.3, betas=(0.8, 0.95), eps=1e-6),
    ),
    (
        "adamw",
        {},
        {"lr": 0.3, "beta1": 0.8, "beta2": 0.95, "decay": 0.2},
        lambda w: torch.optim.AdamW([w], lr=0.3, betas=(0.8, 0.95), weight_decay=0.2),
    ),
]


def run(name, options, rates, constants, start, slopes):
    """The weights after each step; the state begins at 0 and is handed on."""
    layer = LAYERS[name]
    written = layer.write(options, {"w": start.shape})
    program = read_equations(written.text)
    state = {operand.name: np.zeros(start.shape) for operand in written.operands if operand.axes} | {"w": start}
    trace = []
    for step, (rate, slope) in enumerate(zip(rates, slopes, strict=True), 1):
        given_arrays = {**state, **constants, "lr": rate, "g": slope, "t": step}
        found = values(program, {name: given_arrays[name] for name in program.input_names}, {})
        state |= {output.removesuffix("_next"): found[output] for output in layer.outputs}
        trace.append(state["w"])
    return np.array(trace)


@pytest.mark.parametrize(("name", "options", "constants", "torchs"), RUNS)
def test_the_steps_are_those_of_torch(name, options, constants, torchs):
    generator = np.random.default_rng(7)
    start, slopes = generator.normal(size=(2, 3)), generator.normal(size=(STEPS, 2, 3))
    weights = torch.tensor(start, requires_grad=True)
    optimiser = torchs(weights)
    expected = []
    for slope in slopes:
        weights.grad = torch.tensor(slope)
        optimiser.step()
        expected.append(weights.detach().numpy().copy())
    found = run(name, options, [constants["lr"]] * STEPS, constants, start, slopes)
    np.testing.assert_allclose(found, np.array(expected), rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.95), st.floats(0.01, 1.0))
def test_both_forms_of_momentum_agree_until_the_rate_changes(seed, mu, rate):
    generator = np.random.default_rng(seed)
    start, slopes = generator.normal(size=(3,)), generator.normal(size=(STEPS, 3))

    def weights(form, rates):
        return run("momentum", {"form": form}, rates, {"mu": mu}, start, slopes)

    constant, halved = [rate] * STEPS, [rate, rate / 2, rate / 2, rate / 2]
    np.testing.assert_allclose(weights("torch", constant), weights("textbook", constant), rtol=1e-10, atol=1e-12)
    one, other = weights("torch", halved), weights("textbook", halved)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-12)
    # torch halves the velocity of step 1 with the rate, the textbook keeps it
    np.testing.assert_allclose(other[1] - one[1], -rate / 2 * mu * slopes[0], rtol=1e-8, atol=1e-12)
