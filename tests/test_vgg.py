"""VGG with batch normalisation and dropout: the emitted step is autograd's, in training and in use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.codegen.networks import load_network, network_source
from derive.errors import UsageError
from derive.subjects.networks import Network
from derive.subjects.vgg import CHANNELS, vgg

torch = pytest.importorskip("torch")
functional = torch.nn.functional
CONVOLUTIONS = {1: (2,), 2: (2, 2), 5: (2, 2, 3, 3, 3)}


def reference(values: dict[str, Any], x: Any, blocks: int, *, batchnorm: bool, training: bool) -> Any:
    """The logits as books have it: the activation in front of the pooling. Without masks there is no dropout."""
    number = 0
    for count in CONVOLUTIONS[blocks]:
        for _ in range(count):
            number += 1
            x = functional.conv2d(x, values[f"W{number}"], values[f"b{number}"], padding=1)
            if batchnorm:
                running = [None, None] if training else [values[f"mu{number}"], values[f"var{number}"]]
                x = functional.batch_norm(x, *running, values[f"g{number}"], values[f"h{number}"], training)
            x = torch.relu(x)
        x = functional.max_pool2d(x, 2)
    x = x.flatten(1)
    for layer in (number + 1, number + 2):
        x = torch.relu(functional.linear(x, values[f"W{layer}"], values[f"b{layer}"]))
        x = x * values.get(f"mask{layer}", 1.0)
    return functional.linear(x, values[f"W{number + 3}"], values[f"b{number + 3}"])


def numbers(network: Network, rows: int, seed: int) -> tuple[dict[str, Any], Any, Any]:
    generator = torch.Generator().manual_seed(seed)

    def drawn(shape: tuple[int, ...]) -> Any:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    values = {name: drawn(shape) for name, shape in network.parameters.items()}
    for name, shape in network.given.items():
        if name in network.masks:
            values[name] = 2.0 * (drawn((rows, *shape)) > 0)
        else:
            values[name] = drawn(shape).abs() + 0.5
    return values, drawn((rows, *network.shapes["x"])), torch.randint(0, 3, (rows,), generator=generator)


@pytest.mark.parametrize("target", ["torch", "numpy", "loops"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "use"])
@pytest.mark.parametrize("batchnorm", [True, False], ids=["batchnorm", "plain"])
@settings(max_examples=5, deadline=None)
@given(rows=st.integers(2, 5), seed=st.integers(0, 2**31))
def test_the_step_is_that_of_autograd(batchnorm: bool, training: bool, target: str, rows: int, seed: int) -> None:
    network = vgg((2, 4, 5), (3,), 3, batchnorm=batchnorm, dropout=True, training=training)
    values, x, y = numbers(network, rows, seed)
    leaves = {name: value.clone().requires_grad_(name in network.parameters) for name, value in values.items()}
    logits = reference(leaves, x, 1, batchnorm=batchnorm, training=training)
    loss = functional.cross_entropy(logits, y)
    loss.backward()
    own = values if target == "torch" else {name: value.numpy() for name, value in values.items()}
    functions = load_network(network, target)
    output, saved = functions.forward(own, x if target == "torch" else x.numpy())
    np.testing.assert_allclose(np.asarray(output), logits.detach().numpy(), rtol=1e-10, atol=1e-10)
    found, gradients = functions.backward(own, saved, y if target == "torch" else y.numpy())
    assert float(found) == pytest.approx(loss.item(), rel=1e-10)
    assert gradients.keys() == network.parameters.keys()
    for name in network.parameters:
        expected = leaves[name].grad.numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(np.asarray(gradients[name]), expected, rtol=0, atol=1e-9 * scale, err_msg=name)


def test_the_forward_pass_keeps_the_statistics_of_its_batch() -> None:
    network = vgg((1, 4, 4), (2, 3), 3, batchnorm=True)
    values, x, _ = numbers(network, 6, 1)
    functions = load_network(network)
    _, saved = functions.forward(values, x)
    held = dict(zip(functions.saved, saved, strict=False))
    z = functional.conv2d(x, values["W1"], values["b1"], padding=1)
    torch.testing.assert_close(held["mu1"], z.mean((0, 2, 3)), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(held["var1"], z.var((0, 2, 3), correction=0), rtol=1e-12, atol=1e-12)
    assert network.statistics == tuple(f"{name}{layer}" for layer in range(1, 5) for name in ("mu", "var"))


def test_it_is_vgg_16_as_published_with_a_smaller_head() -> None:
    """13 convolutions and 3 dense layers, 1 x 1 x 512 behind five poolings, and torchvision's number of parameters."""
    network = vgg((3, 32, 32), CHANNELS)
    kinds = [kind for kind, _ in network.layers]
    assert (kinds.count("convolution"), kinds.count("dense"), kinds.count("pooling")) == (13, 3, 5)
    assert network.shapes["a13"] == (512, 1, 1) and network.shapes["s"] == (512,)
    convolutions = 14_714_688  # of torchvision.models.vgg16().features
    head = 2 * (512 * 512 + 512) + 512 * 10 + 10
    assert sum(int(np.prod(shape)) for shape in network.parameters.values()) == convolutions + head


@pytest.mark.parametrize(
    ("image", "channels", "message"),
    [((1, 8, 8), CHANNELS, "5 blocks halve"), ((3, 32, 32), (4,) * 6, "1 to 5"), ((3, 32, 32), (0,), "at least 1")],
)
def test_what_cannot_be_is_refused(image: tuple[int, int, int], channels: tuple[int, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        vgg(image, channels)


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("batchnorm", [True, False])
def test_a_module_of_any_depth_can_be_read_by_python(blocks: int, batchnorm: bool) -> None:
    """However many names the forward pass keeps: line breaks stand where Python allows them."""
    text = network_source(vgg((1, 8, 8), (2, 3, 4)[:blocks], 3, batchnorm=batchnorm, dropout=True))
    compile(text, "text", "exec")
    assert max(map(len, text.splitlines())) <= 100
