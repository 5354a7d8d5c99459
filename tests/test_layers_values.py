"""The forward equations of every layer say what torch computes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from derive.errors import UsageError
from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import LAYERS
from tests.layer_cases import cases
from tests.torch_layers import ORACLES, roomy

EXAMPLES = {"conv1d": 60, "conv2d": 40, "conv_transpose1d": 60, "max_pool1d": 60, "avg_pool1d": 80, "max_pool2d": 40}


def test_every_layer_has_an_oracle():
    assert set(ORACLES) == set(LAYERS)


def tensors(arrays):
    return {name: torch.as_tensor(array) for name, array in arrays.items()}


def of_torch(case, arrays):
    """The outputs of torch, or None where it refuses the setting."""
    try:
        outputs = ORACLES[case.layer.name](case.chosen, tensors(arrays))
    except RuntimeError:
        return None
    if any(result.numel() == 0 or not torch.isfinite(result).all() for result in outputs.values()):
        return None
    return outputs


@pytest.mark.parametrize("name", LAYERS)
def test_the_value_is_that_of_torch(name):
    @settings(
        max_examples=EXAMPLES.get(name, 12),
        deadline=None,
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(cases(LAYERS[name]))
    def check(case):
        try:
            written = case.layer.write(case.options, case.shapes)
        except UsageError:
            generator = np.random.default_rng(case.seed)
            arrays = {key: generator.normal(size=shape) for key, shape in case.shapes.items()}
            assert of_torch(case, arrays) is None or not_of_torch(case)
            return
        arrays = case.arrays()
        expected = of_torch(case, arrays)
        assert expected is not None
        found = values(read_equations(written.text), arrays, {})
        for output, tensor in expected.items():
            np.testing.assert_allclose(found[output], tensor.numpy(), rtol=1e-12, atol=1e-13, err_msg=written.text)

    check()


def not_of_torch(case):
    """Settings that torch does not have: the emulation that stands in for it knows none of its rules."""
    asymmetric = any(before != after for before, after in case.chosen.get("padding", ()))
    return asymmetric or (case.name == "avg_pool3d" and not roomy(case.chosen, case.shapes["X"]))
