"""Grad-CAM by derived gradients is Grad-CAM by hooks and by Captum; deletion curves begin and end where they must."""

from __future__ import annotations

import warnings

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.codegen.arrays import array_source, compiled
from derive.errors import UsageError
from derive.experiments.configuration import initial
from derive.experiments.gradcam import GradCamCode, enlarged, feature_maps, last_convolution
from derive.experiments.gradcam_analysis import FRACTIONS, ORDERS, deletion_curve, orders_of
from derive.experiments.gradcam_peer import deviation, hooked_maps, module_of
from derive.subjects.gradcam import gradcam
from derive.subjects.networks import Network, cnn

torch.set_num_threads(1)
IMAGE = (2, 9, 8)


def network(activation: str = "relu", channels: tuple[int, ...] = (3, 4)) -> tuple[Network, dict[str, torch.Tensor]]:
    made = cnn(IMAGE, channels, 5, activation=activation)
    return made, {name: torch.as_tensor(array) for name, array in initial(made, 1).items()}


def images(seed: int, count: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(count, *IMAGE, dtype=torch.float64, generator=generator)
    return x, torch.randint(0, 5, (count,), generator=generator)


LAYERS = feature_maps(network()[0])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**20))
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("layer", LAYERS)
def test_derived_maps_are_those_of_hooks_and_autograd(layer: str, activation: str, seed: int) -> None:
    made, parameters = network(activation)
    x, classes = images(seed)
    code = GradCamCode(made, layer)
    features, scores = code.features(parameters, x)
    module = module_of(parameters, activation)
    torch.testing.assert_close(scores, module(x).detach(), rtol=1e-12, atol=1e-12)
    _, heat, _ = code.maps(parameters, features, classes)
    assert deviation(heat, *hooked_maps(module, layer, x, classes)) < 1e-12


@pytest.mark.parametrize("layer", LAYERS)
def test_derived_maps_are_those_of_captum(layer: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        attr = pytest.importorskip("captum.attr", reason="captum is not installed")
    made, parameters = network()
    x, classes = images(3)
    module = module_of(parameters, "relu")
    theirs = attr.LayerGradCam(module, getattr(module, layer)).attribute(x, classes, relu_attributions=True)
    code = GradCamCode(made, layer)
    ours = code.maps(parameters, code.features(parameters, x)[0], classes)[1]
    torch.testing.assert_close(ours, theirs[:, 0].detach(), rtol=1e-6, atol=1e-12)


def test_the_measure_finds_maps_of_another_class_and_a_lost_weight() -> None:
    made, parameters = network()
    x, classes = images(4)
    code, module = GradCamCode(made, "a2"), module_of(parameters, "relu")
    features, _ = code.features(parameters, x)
    peer = hooked_maps(module, "a2", x, classes)
    assert deviation(code.maps(parameters, features, (classes + 1) % 5)[1], *peer) > 0.01
    slipped = {**parameters, "W3": parameters["W3"].clone()}
    slipped["W3"][classes[0], 0] += 1e-5
    assert deviation(code.maps(slipped, features, classes)[1], *peer) > 1e-9


def test_the_head_of_a_network_is_the_textbooks_dense_head() -> None:
    """derive.subjects.gradcam has one sample and all classes; a network has a batch and a class for each sample."""
    made, parameters = network()
    x, _ = images(5, count=1)
    code = GradCamCode(made, "a2")
    features, _ = code.features(parameters, x)
    book = gradcam("dense")
    source = array_source("torch", [book.weights, book.heatmap], book.gradients.around, results=["alpha", "M"])
    w = parameters["W3"].reshape(5, *features.shape[1:])
    given_ = {"A": features[0], "w": w}
    alpha, maps = compiled(source)(*(given_[name] for name in source.parameters))
    for number in range(5):
        weights, heat, _ = code.maps(parameters, features, torch.tensor([number]))
        torch.testing.assert_close(weights[0], alpha[number], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(heat[0], maps[number], rtol=1e-12, atol=1e-14)


def test_without_the_mean_the_map_adds_up_to_the_score() -> None:
    """Behind the last feature maps the head is linear: sum_{k,i,j} A_bar A is the score less its bias."""
    made, parameters = network()
    # weights that are not negative: then no sum is cut off by the rectifier
    parameters["W3"] = parameters["W3"].abs()
    x, classes = images(6)
    code = GradCamCode(made, "a2")
    features, scores = code.features(parameters, x)
    unaveraged = code.maps(parameters, features, classes)[2]
    expected = scores.gather(1, classes[:, None])[:, 0] - parameters["b3"][classes]
    torch.testing.assert_close(unaveraged.sum((1, 2)), expected, rtol=1e-12, atol=1e-12)


def test_emitted_maps_use_no_autograd() -> None:
    text = GradCamCode(network()[0], "a1").source.text
    assert "backward(" not in text and "grad(" not in text and "requires_grad" not in text


def test_layers_that_are_no_feature_maps_are_refused() -> None:
    made = network()[0]
    assert LAYERS == ("z1", "m1", "a1", "z2", "m2", "a2") and last_convolution(made) == "z2"
    for layer in ("s", "z3", "x", "conv2", ""):
        with pytest.raises(UsageError, match="has no feature maps"):
            GradCamCode(made, layer)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), rows=st.integers(1, 6), columns=st.integers(1, 6))
def test_deletion_begins_at_the_image_and_ends_at_the_blank_one(seed: int, rows: int, columns: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(4, 2, rows, columns, generator=generator, dtype=torch.float64)
    blank = torch.tensor([-0.5, 0.25], dtype=torch.float64)[:, None, None]
    weights = torch.randn(2, rows, columns, generator=generator, dtype=torch.float64)
    order = torch.rand(4, rows * columns, generator=generator).argsort(1)

    def score(images: torch.Tensor) -> torch.Tensor:
        return (images * weights).sum((1, 2, 3)).tanh()

    found = deletion_curve(score, x, order, blank)
    assert found.shape == (4, len(FRACTIONS))
    assert torch.equal(found[:, 0], score(x))
    assert torch.equal(found[:, -1], score(blank.expand(4, 2, rows, columns)))


def test_deletion_blanks_what_comes_first() -> None:
    x = torch.ones(1, 1, 2, 5)
    order = torch.tensor([[7, 3, 0, 1, 2, 4, 5, 6, 8, 9]])
    left = [i for i in range(10) if i not in (7, 3)]
    seen: list[list[int]] = []

    def score(images: torch.Tensor) -> torch.Tensor:
        seen.append(images.flatten().nonzero()[:, 0].tolist())
        return images.sum((1, 2, 3))

    assert deletion_curve(score, x, order, torch.zeros(1, 1, 1), numpy.array([0.2])).tolist() == [[8.0]]
    assert seen == [left]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), ties=st.booleans())
def test_orders_are_permutations_by_their_keys(seed: int, ties: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    heat, other = torch.rand(2, 3, 12, generator=generator).unbind()
    if ties:
        heat = (heat * 3).floor()
    on = torch.rand(3, 12, generator=generator) > 0.5
    orders = orders_of(heat, other, on, generator)
    assert tuple(orders) == ORDERS
    for order in orders.values():
        assert torch.equal(order.sort(1).values, torch.arange(12).expand(3, 12))
    for name, key in (("hottest", heat), ("unaveraged", other), ("random object", on.float())):
        assert bool((key.gather(1, orders[name]).diff(dim=1) <= 0).all())


def test_maps_are_enlarged_within_their_range() -> None:
    heat = torch.tensor([[[0.0, 1.0], [2.0, 3.0]]])
    large = enlarged(heat, 8, 8)[0]
    assert large.shape == (8, 8)
    assert float(large.min()) == 0.0 and float(large.max()) == 3.0  # corners are flat
    torch.testing.assert_close(large.mean(), heat.mean())
