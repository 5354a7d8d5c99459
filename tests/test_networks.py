"""Emitted training steps against torch's autograd, in float64, for networks of any shape; and their text."""

from __future__ import annotations

import ast
import gc
import json
import re
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.cli.main import run
from derive.codegen.load import compiled_module
from derive.codegen.networks import load_network, network_source
from derive.errors import UsageError
from derive.subjects.networks import ACTIVATIONS, LOSSES, Network, cnn, mlp

torch = pytest.importorskip("torch")

TARGETS = ("torch", "numpy", "loops")
GOLDEN = Path(__file__).parent / "golden" / "network_torch.txt"


def activated(function: str, value: Any) -> Any:
    # above 20 torch's softplus is the identity by default, 2e-9 too little
    softplus = partial(torch.nn.functional.softplus, threshold=50)
    functions = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "softplus": softplus,
                 "identity": lambda x: x}  # fmt: skip
    return functions[function](value)


def reference(network: Network, activation: str, parameters: dict[str, Any], x: Any, y: Any) -> Any:
    """The loss by torch's own layers; behind a convolution the activation comes first, as books have it."""
    functional = torch.nn.functional
    last = len(parameters) // 2
    for layer in range(1, last + 1):
        weight, bias = parameters[f"W{layer}"], parameters[f"b{layer}"]
        if weight.ndim == 4:
            x = activated(activation, functional.conv2d(x, weight, bias, padding=1))
            x = functional.max_pool2d(x, 2)
            continue
        x = functional.linear(x.flatten(1), weight, bias)
        if layer < last:
            x = activated(activation, x)
    if network.loss == "squared-error":
        return functional.mse_loss(x, y)
    return functional.cross_entropy(x, y)


def absolute_terms(network: Network, activation: str, parameters: dict[str, Any], x: Any, y: Any) -> dict[str, Any]:
    """The sum of the absolute terms of every entry of every gradient, all products written out.

    The values are those of the network; adjoints go back by |W|, from |p| + |y| instead of p - y.
    """
    functional, inner = torch.nn.functional, {}
    last = len(parameters) // 2
    x = x.clone().requires_grad_()
    for layer in range(1, last + 1):
        weight, bias = parameters[f"W{layer}"], parameters[f"b{layer}"]
        flat = weight.ndim == 2
        x = x.flatten(1) if flat else x
        plain = functional.linear(x, weight, bias) if flat else functional.conv2d(x, weight, bias, padding=1)
        unsigned = functional.linear(x, weight.abs()) if flat else functional.conv2d(x, weight.abs(), padding=1)
        value = unsigned + (plain - unsigned).detach()
        value.retain_grad()
        inner[layer] = (x.detach().abs(), value)
        x = activated(activation, value) if layer < last or not flat else value
        x = x if flat else functional.max_pool2d(x, 2)
    wanted = functional.one_hot(y, x.shape[1]) if y.ndim == 1 else y.abs()
    if network.loss == "squared-error":
        (x * 2 * (x.detach().abs() + wanted)).mean().backward()
    else:
        ((x * (x.detach().softmax(1) + wanted)).sum() / len(x)).backward()
    sums = {}
    for layer, (read, value) in inner.items():
        weight, adjoint = parameters[f"W{layer}"], value.grad
        flat = weight.ndim == 2
        sums[f"W{layer}"] = (
            adjoint.T @ read if flat else torch.nn.grad.conv2d_weight(read, weight.shape, adjoint, padding=1)
        )
        sums[f"b{layer}"] = adjoint.sum(0) if flat else adjoint.sum((0, 2, 3))
    return sums


def numbers(network: Network, rows: int, seed: int) -> tuple[dict[str, Any], Any, Any]:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> Any:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    parameters = {name: drawn(*shape) for name, shape in network.parameters.items()}
    classes = network.shapes[network.output][0]
    if network.loss == "cross-entropy":
        y = torch.randint(0, classes, (rows,), generator=generator)
    else:
        y = torch.softmax(drawn(rows, classes), dim=1)
    return parameters, drawn(rows, *network.shapes["x"]), y


def copied(value: Any) -> Any:
    return torch.as_tensor(value).clone().numpy()


def hold(network: Network, activation: str, target: str, rows: int, seed: int) -> None:
    """Every entry equals autograd's to 1e-10 of its absolute terms, and nothing that was given has changed."""
    parameters, x, y = numbers(network, rows, seed)
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    expected = reference(network, activation, leaves, x, y)
    expected.backward()
    own = {name: value if target == "torch" else value.numpy() for name, value in parameters.items()}
    mine = (x, y) if target == "torch" else (x.numpy(), y.numpy())
    before = {name: copied(value) for name, value in {**own, "x": mine[0], "y": mine[1]}.items()}
    sums = absolute_terms(network, activation, parameters, x, y)
    functions = load_network(network, target)
    output, saved = functions.forward(own, mine[0])
    shown = copied(output)
    loss, gradients = functions.backward(own, saved, mine[1])
    assert float(loss) == pytest.approx(expected.item(), rel=1e-12)
    for name, leaf in leaves.items():
        difference = np.abs(copied(gradients[name]) - leaf.grad.numpy())
        assert (difference <= 1e-10 * sums[name].numpy()).all(), f"{name} by {target}"
    for name, value in before.items():
        np.testing.assert_array_equal(copied({**own, "x": mine[0], "y": mine[1]}[name]), value)
    np.testing.assert_array_equal(copied(output), shown)
    functions.step(own, gradients, 0.5)
    for name in own:
        after = before[name] - 0.5 * copied(gradients[name])
        np.testing.assert_allclose(copied(own[name]), after, rtol=1e-12, atol=1e-12)


@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    activation=st.sampled_from(ACTIVATIONS),
    loss=st.sampled_from(LOSSES),
    target=st.sampled_from(TARGETS),
    rows=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=15, deadline=None)
def test_the_step_of_an_mlp_of_any_size_is_that_of_autograd(
    sizes: list[int], activation: str, loss: str, target: str, rows: int, seed: int
) -> None:
    hold(mlp(sizes, activation, loss), activation, target, rows, seed)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_step_of_an_mlp_is_that_of_autograd(activation: str, loss: str, target: str) -> None:
    hold(mlp((5, 4, 3, 2), activation, loss), activation, target, 4, 11)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("function", ["relu", "tanh"])
def test_a_value_that_is_read_again_is_not_overwritten(function: str, target: str) -> None:
    """a = f(z) may not take the memory of z where u = a + z reads it after, and nothing else keeps it."""
    text = f"""
x : N x 3
W1 : 2 x 3
b1 : 2
z1 : N x 2
a1 : N x 2
u1 : N x 2
y : N x 2
z1[n, i] = sum(k) x[n, k]*W1[i, k] + b1[i]
a1[n, i] = {function}(z1[n, i])
u1[n, i] = a1[n, i] + z1[n, i]
L = mean(n, i) (u1[n, i] - y[n, i])^2
loss L
"""
    shapes = {"x": (3,), "z1": (2,), "a1": (2,), "u1": (2,)}
    network = Network("twice", text, {"W1": (2, 3), "b1": (2,)}, shapes, "u1", "squared-error")
    parameters, x, y = numbers(network, 4, 3)
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    z = torch.nn.functional.linear(x, leaves["W1"], leaves["b1"])
    expected = torch.nn.functional.mse_loss(getattr(torch, function)(z) + z, y)
    expected.backward()
    own = parameters if target == "torch" else {name: value.numpy() for name, value in parameters.items()}
    functions = load_network(network, target)
    _, saved = functions.forward(own, x if target == "torch" else x.numpy())
    loss, gradients = functions.backward(own, saved, y if target == "torch" else y.numpy())
    assert float(loss) == pytest.approx(expected.item(), rel=1e-12)
    for name, leaf in leaves.items():
        np.testing.assert_allclose(copied(gradients[name]), leaf.grad.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("image", "channels", "dense", "activation"),
    [((1, 8, 8), (2, 3), (), "relu"), ((2, 7, 5), (3,), (4,), "tanh"), ((3, 4, 6), (2,), (), "sigmoid")],
)
def test_the_step_of_a_cnn_is_that_of_autograd(
    image: tuple[int, int, int], channels: tuple[int, ...], dense: tuple[int, ...], activation: str, target: str
) -> None:
    network = cnn(image, channels, 3, dense=dense, activation=activation)
    hold(network, activation, target, 3, 7)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("network", [mlp((5, 4, 3)), cnn((1, 6, 6), (2,), 3)], ids=["mlp", "cnn"])
def test_the_text_is_a_module_of_its_own_without_autograd(network: Network, target: str) -> None:
    text = network_source(network, target)
    tree = ast.parse(text)
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert defined == ["forward", "backward", "step"]
    used = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert used <= ({"torch", "torch.nn.functional"} if target == "torch" else {"numpy"})
    assert not re.search(r"autograd|requires_grad|import_module|numpy\(\)|\bgrad\b", text)
    assert text.count("backward(") == 1  # its own; kernels are named by their overload
    compile(text, "text", "exec")
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("target", TARGETS)
def test_logits_far_out_give_a_finite_loss(target: str) -> None:
    network = mlp((2, 3))
    functions = load_network(network, target)
    parameters = {"W1": torch.tensor([[4e4, 0.0], [0.0, 1.0], [-4e4, 0.0]]), "b1": torch.zeros(3)}
    x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([2])
    if target != "torch":
        parameters, x, y = {name: value.numpy() for name, value in parameters.items()}, x.numpy(), y.numpy()
    _, saved = functions.forward(parameters, x)
    loss, gradients = functions.backward(parameters, saved, y)
    assert float(loss) == 8e4
    assert gradients["b1"].tolist() == [1.0, 0.0, -1.0]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("label", [-100, -1, 3])
def test_a_label_that_is_no_class_is_refused(label: int, target: str) -> None:
    """Also -100, which torch's own loss leaves out of the mean."""
    network = mlp((2, 3))
    functions = load_network(network, target)
    parameters, x, _ = numbers(network, 2, 0)
    y = torch.tensor([0, label])
    if target != "torch":
        parameters, x, y = {name: value.numpy() for name, value in parameters.items()}, x.numpy(), y.numpy()
    _, saved = functions.forward(parameters, x)
    with pytest.raises((RuntimeError, IndexError), match=r"out of bounds|labels are 0 to 2, and y holds"):
        functions.backward(parameters, saved, y)


@pytest.mark.parametrize("target", TARGETS)
def test_the_backward_pass_lets_go_of_what_was_saved(target: str) -> None:
    """Nobody but the caller's own names holds the activations when the gradients are there."""
    network = mlp((5, 4, 3))
    functions = load_network(network, target)
    parameters, x, y = numbers(network, 4, 1)
    if target != "torch":
        parameters, x, y = {name: value.numpy() for name, value in parameters.items()}, x.numpy(), y.numpy()
    _, saved = functions.forward(parameters, x)
    inner = [weakref.ref(value) for value in saved[1:] if value is not x]
    assert inner and all(each() is not None for each in inner)
    functions.backward(parameters, saved, y)
    gc.collect()
    assert not any(each() is not None for each in inner)


def test_gradients_go_into_those_of_an_earlier_step() -> None:
    network = mlp((5, 4, 3))
    functions = load_network(network, "torch")
    parameters, x, y = numbers(network, 4, 1)
    _, first = functions.backward(parameters, functions.forward(parameters, x)[1], y)
    kept = {name: value.clone() for name, value in first.items()}
    _, second = functions.backward(parameters, functions.forward(parameters, 2 * x)[1], y, first)
    assert all(second[name] is first[name] for name in first)
    assert not torch.equal(kept["W1"], second["W1"])


def test_a_network_is_compiled_once() -> None:
    assert load_network(mlp((5, 4, 3)), "numpy") is load_network(mlp((5, 4, 3)), "numpy")


def test_only_our_own_modules_are_compiled() -> None:
    with pytest.raises(UsageError, match="only code printed by derive"):
        compiled_module("forward = 1")  # type: ignore[arg-type]


def test_the_torch_step_of_a_small_mlp_reads_like_this() -> None:
    assert network_source(mlp((6, 5, 3)), "torch") == GOLDEN.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mpl"], "did you mean mlp"),
        (["mlp", "--layers", "5"], "input and output"),
        (["mlp", "--layers", "5,0,2"], "'0' is none"),
        (["mlp", "--activation", "rel"], "there is no activation 'rel'"),
        (["cnn", "--layers", "3"], "no option of cnn"),
        (["cnn", "--image", "3x3"], "--image takes"),
        (["cnn", "--image", "1x2x2"], "does not fit"),
        (["--layer", "linear", "--image", "1x2x2"], "about a network"),
        ([], "give a network"),
    ],
)
def test_what_cannot_be_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["code", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_the_command_writes_what_the_function_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "step.py"
    assert run(["code", "mlp", "--layers", "6,5,3", "--target", "torch", "-o", str(out)]) == 0
    assert out.read_text() == network_source(mlp((6, 5, 3)), "torch")
    assert run(["code", "mlp", "--layers", "6,5,3", "-o", str(out)]) == 2  # it exists
    capsys.readouterr()
    assert run(["code", "--layer", "linear", "--target", "torch", "--json"]) == 0
    assert "def gradients(" in json.loads(capsys.readouterr().out)["source"]


def test_a_file_of_equations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "layer.txt"
    file.write_text("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]\n")
    assert run(["code", "--file", str(file), "--wrt", "K", "--target", "numpy"]) == 0
    assert "K_bar[k, l] = sum(i, j) Z_bar[i, j]*V[i + k, j + l]" in capsys.readouterr().out
