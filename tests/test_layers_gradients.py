"""The gradients of every layer, derived from its forward equations, are those of torch's autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings

from derive.errors import UsageError
from derive.evaluation import values
from derive.gradients import gradients
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import LAYERS
from tests.layer_cases import cases
from tests.torch_layers import ORACLES

EXAMPLES = {"conv1d": 30, "conv2d": 15, "conv_transpose1d": 30, "max_pool1d": 25, "avg_pool1d": 25}

#: Layers whose derivative jumps, or whose largest entry may be there twice.
KINKED = (
    "relu", "leaky_relu", "elu", "hardtanh", "absolute_error", "huber", "hinge", "one_norm", "absolute",
    "max_pool1d", "max_pool2d", "max_pool3d", "global_max_pool",
)  # fmt: skip


def autograd(case, arrays, wrt, upstream):
    """Gradients of sum(upstream * output) by torch."""
    tensors = {name: torch.as_tensor(array) for name, array in arrays.items()}
    for name in wrt:
        tensors[name] = tensors[name].clone().requires_grad_()
    outputs = ORACLES[case.name](case.chosen, tensors)
    total = sum((outputs[name] * torch.as_tensor(upstream[name])).sum() for name in upstream)
    found = torch.autograd.grad(total, [tensors[name] for name in wrt], allow_unused=True)
    return {
        name: np.zeros(arrays[name].shape) if gradient is None else gradient.numpy()
        for name, gradient in zip(wrt, found, strict=True)
    }


def check_gradients(case, arrays):
    """With a random upstream gradient, never all ones."""
    written = case.layer.write(case.options, case.shapes)
    program = read_equations(written.text)
    wrt = [operand.name for operand in written.operands if operand.wrt]
    derived = gradients(program, wrt)
    forward = values(program, arrays, {})
    generator = np.random.default_rng(case.seed)
    upstream = {output: generator.normal(size=np.shape(forward[output])) for output in program.upstream}
    adjoints = {program.upstream[output]: array for output, array in upstream.items()}
    found = values(derived.adjoint, {**forward, **adjoints}, {})
    loss = {output: np.ones(()) for output in program.outputs if output not in program.upstream}
    expected = autograd(case, arrays, wrt, {**upstream, **loss})
    for array in wrt:
        scale = 1e-12 * max(1.0, np.abs(expected[array]).max())
        np.testing.assert_allclose(
            found[derived.names[array]], expected[array], rtol=1e-11, atol=scale, err_msg=written.text
        )


def legal(case):
    try:
        case.layer.write(case.options, case.shapes)
    except UsageError:
        return False
    return True


@pytest.mark.parametrize("name", LAYERS)
def test_the_gradient_is_that_of_autograd(name):
    @settings(max_examples=EXAMPLES.get(name, 8), deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(LAYERS[name]))
    def check(case):
        assume(legal(case))
        check_gradients(case, case.arrays())

    check()


@pytest.mark.parametrize("name", KINKED)
def test_kinks_and_ties_go_where_torch_sends_them(name):
    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(LAYERS[name]))
    def check(case):
        assume(legal(case))
        generator = np.random.default_rng(case.seed)
        arrays = {
            key: generator.integers(-1, 2, size=array.shape).astype(float) if key != "y" or name != "hinge" else array
            for key, array in case.arrays().items()
        }
        check_gradients(case, arrays)

    check()
