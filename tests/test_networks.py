"""Emitted training steps against torch's autograd, in float64, for networks of any shape; and their text."""

from __future__ import annotations

import ast
import json
import re
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
    functions = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
                 "softplus": torch.nn.functional.softplus, "identity": lambda x: x}  # fmt: skip
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
    """Loss and gradients equal autograd's to 1e-10 of their sizes, and nothing that was given has changed."""
    parameters, x, y = numbers(network, rows, seed)
    leaves = {name: value.clone().requires_grad_() for name, value in parameters.items()}
    expected = reference(network, activation, leaves, x, y)
    expected.backward()
    own = {name: value if target == "torch" else value.numpy() for name, value in parameters.items()}
    mine = (x, y) if target == "torch" else (x.numpy(), y.numpy())
    before = {name: copied(value) for name, value in own.items()}
    functions = load_network(network, target)
    output, saved = functions.forward(own, mine[0])
    shown = copied(output)
    loss, gradients = functions.backward(own, saved, mine[1])
    assert float(loss) == pytest.approx(expected.item(), rel=1e-12)
    for name, leaf in leaves.items():
        found = copied(gradients[name])
        scale = max(1.0, float(leaf.grad.abs().max()))
        np.testing.assert_allclose(found, leaf.grad.numpy(), rtol=0, atol=1e-10 * scale, err_msg=f"{name} by {target}")
    for name, value in before.items():
        np.testing.assert_array_equal(copied(own[name]), value)
    np.testing.assert_array_equal(copied(output), shown)
    functions.step(own, gradients, 0.5)
    for name, value in before.items():
        np.testing.assert_allclose(copied(own[name]), value - 0.5 * copied(gradients[name]), rtol=1e-12, atol=1e-12)


@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    activation=st.sampled_from(ACTIVATIONS),
    loss=st.sampled_from(LOSSES),
    target=st.sampled_from(TARGETS),
    rows=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25, deadline=None)
def test_the_step_of_an_mlp_is_that_of_autograd(
    sizes: list[int], activation: str, loss: str, target: str, rows: int, seed: int
) -> None:
    hold(mlp(sizes, activation, loss), activation, target, rows, seed)


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
    assert not re.search(r"autograd|\.backward\(|\bgrad\(|requires_grad|import_module|numpy\(\)", text)
    compile(text, "text", "exec")
    assert max(map(len, text.splitlines())) <= 100


def test_logits_far_out_give_a_finite_loss() -> None:
    network = mlp((2, 3))
    functions = load_network(network, "torch")
    parameters = {"W1": torch.tensor([[4e4, 0.0], [0.0, 1.0], [-4e4, 0.0]]), "b1": torch.zeros(3)}
    _, saved = functions.forward(parameters, torch.tensor([[1.0, 0.0]]))
    loss, gradients = functions.backward(parameters, saved, torch.tensor([2]))
    assert float(loss) == 8e4
    assert gradients["b1"].tolist() == [1.0, 0.0, -1.0]


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_refused(label: int) -> None:
    network = mlp((2, 3))
    functions = load_network(network, "torch")
    parameters, x, _ = numbers(network, 1, 0)
    _, saved = functions.forward(parameters, x)
    with pytest.raises(RuntimeError, match="out of bounds"):
        functions.backward(parameters, saved, torch.tensor([label]))


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
