"""The first project's deliverables: backpropagation is autograd's gradient, the manual update torch.optim's bits."""

from __future__ import annotations

import os

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.answers import plain
from derive.codegen.updates import UpdateSource
from derive.errors import DomainError, UsageError
from derive.evaluation import values
from derive.experiments.data import load
from derive.experiments.manual import backpropagation, batches, perceptron, train, train_manual_update
from derive.experiments.optimisers import Optimiser, update_program
from derive.reading.equations import read_equations
from derive.subjects import mlp
from tests.thorough import examples

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
torch.set_num_threads(1)
DOUBLE = {"dtype": torch.float64}


class MyNet(torch.nn.Module):
    """As the sheet's notebook has it: activations, their derivatives and all layers by their numbers, from 1."""

    F = (torch.tanh, torch.sigmoid, torch.relu, lambda z: z)
    DF = (
        lambda z: 1 - torch.tanh(z) ** 2,
        lambda z: torch.sigmoid(z) * (1 - torch.sigmoid(z)),
        lambda z: (z > 0).to(z),
        torch.ones_like,
    )

    def __init__(self, sizes, kinds):
        super().__init__()
        self.L = len(sizes) - 1
        layers = range(1, self.L + 1)
        self.fc = torch.nn.ModuleDict({str(n): torch.nn.Linear(*sizes[n - 1 : n + 1], **DOUBLE) for n in layers})
        self.f = {n: self.F[kinds[n - 1]] for n in layers}
        self.df = {n: self.DF[kinds[n - 1]] for n in layers}
        self.z, self.a, self.dL_dw, self.dL_db = {}, {}, {}, {}

    def forward(self, x):
        self.a[0] = x
        for n in range(1, self.L + 1):
            self.z[n] = self.fc[str(n)](self.a[n - 1])
            self.a[n] = self.f[n](self.z[n])
        return self.a[self.L]


def loss_of(y, y_hat):
    return ((y - y_hat) ** 2).sum() / len(y)


networks = st.lists(st.integers(1, 5), min_size=2, max_size=5).flatmap(
    lambda sizes: st.tuples(
        st.just(sizes),
        st.lists(st.integers(0, 3), min_size=len(sizes) - 1, max_size=len(sizes) - 1),
        st.integers(1, 4),
        st.integers(0, 10**6),
    )
)


def backpropagated(network):
    sizes, kinds, samples, seed = network
    torch.manual_seed(seed)
    model = MyNet(sizes, kinds)
    x, y = torch.randn(samples, sizes[0], **DOUBLE), torch.randn(samples, sizes[-1], **DOUBLE)
    y_hat = model(x)
    backpropagation(model, y, y_hat)
    return model, x, y, y_hat


@settings(max_examples=examples(60), deadline=None)
@given(networks)
def test_backpropagation_is_the_gradient_of_autograd(network):
    model, _, y, y_hat = backpropagated(network)
    loss_of(y, y_hat).backward()
    for n in range(1, model.L + 1):
        layer = model.fc[str(n)]
        for ours, parameter in ((model.dL_dw[n], layer.weight), (model.dL_db[n], layer.bias)):
            assert ours.shape == parameter.shape and not ours.requires_grad
            torch.testing.assert_close(ours, parameter.grad, rtol=1e-12, atol=1e-13)


@settings(max_examples=10, deadline=None)
@given(networks.filter(lambda network: 2 not in network[1]))  # a difference across relu's kink is no derivative
def test_backpropagation_is_the_limit_of_differences(network):
    model, x, y, _ = backpropagated(network)
    step = 1e-5
    with torch.no_grad():
        for n in range(1, model.L + 1):
            layer = model.fc[str(n)]
            for parameter, gradient in ((layer.weight, model.dL_dw[n]), (layer.bias, model.dL_db[n])):
                for at in numpy.ndindex(*parameter.shape):
                    kept = parameter[at].item()
                    sides = []
                    for value in (kept + step, kept - step):
                        parameter[at] = value
                        sides.append(loss_of(y, model(x)).item())
                    parameter[at] = kept
                    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(gradient[at].item(), rel=1e-6, abs=1e-8)


def test_the_formulas_are_those_that_the_engine_derives():
    derived = mlp.backpropagation()
    for equation in (derived.weights, derived.last, derived.hidden, derived.biases):
        assert f"            {plain(equation)}\n" in backpropagation.__doc__


CONSTANTS = [(0.1, 0.0, 0.0), (0.1, 0.01, 0.0), (0.05, 0.0, 0.9), (0.01, 0.001, 0.8), (0.003, 0.5, 0.37)]


def bit_equal(split, sizes, lr, decay, momentum, epochs):
    """Whether both trainings have the same losses and end at the same weights."""
    first, second = perceptron(sizes), perceptron(sizes)
    start = [p.clone() for p in first.parameters()]
    optimiser = torch.optim.SGD(first.parameters(), lr=lr, weight_decay=decay, momentum=momentum)
    loss_fn = torch.nn.CrossEntropyLoss()
    theirs = train(epochs, optimiser, first, loss_fn, batches(split))
    ours = train_manual_update(epochs, lr, second, loss_fn, batches(split), weight_decay=decay, momentum=momentum)
    assert len(ours.steps) == epochs * -(-len(split) // 64) and len(ours.epochs) == epochs
    assert not any(map(torch.equal, first.parameters(), start))
    same = all(map(torch.equal, first.parameters(), second.parameters()))
    return ours.steps == theirs.steps and ours.epochs == theirs.epochs and same


@pytest.mark.parametrize(("lr", "decay", "momentum"), CONSTANTS)
def test_the_manual_update_is_sgd_to_the_last_bit(lr, decay, momentum):
    assert bit_equal(load("digits", dtype="float64").train, [64, 33, 17, 10], lr, decay, momentum, 4)


def test_another_rounding_would_be_seen():
    """The test above can fail: a rate that differs by 1e-14 of it."""
    split = load("digits", dtype="float64", limit=256).train
    first, second = perceptron([64, 33, 10]), perceptron([64, 33, 10])
    loss_fn = torch.nn.CrossEntropyLoss()
    ours = train_manual_update(2, 0.1, first, loss_fn, batches(split))
    other = train_manual_update(2, 0.1 * (1 + 1e-14), second, loss_fn, batches(split))
    assert ours.steps != other.steps


@pytest.mark.skipif(not os.environ.get("DERIVE_DATA"), reason="DERIVE_DATA names no folder of real data")
def test_the_manual_update_is_sgd_on_cifar():
    split = load("cifar10:cat,automobile", dtype="float64", limit=1024).train
    assert split.images.shape[1:] == (3, 16, 16)
    assert bit_equal(split, [768, 128, 32, 2], 0.01, 0.001, 0.9, 2)


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam"])
def test_every_optimiser_takes_the_steps_of_torch_to_the_last_bit(kind, decay):
    """On shapes whose ends do not fill a vector register, for many steps."""
    torch.manual_seed(1)
    start = {f"w{number}": torch.randn(*shape, **DOUBLE) for number, shape in enumerate([(7,), (13, 5), (3, 2, 3, 3)])}
    theirs = {name: torch.nn.Parameter(w.clone()) for name, w in start.items()}
    ours = {name: w.clone() for name, w in start.items()}
    momentum = 0.9 if kind == "momentum" else 0.0
    if kind == "adam":
        peer = torch.optim.Adam(theirs.values(), lr=0.01, weight_decay=decay)
    else:
        peer = torch.optim.SGD(theirs.values(), lr=0.01, weight_decay=decay, momentum=momentum)
    optimiser = Optimiser("adam" if kind == "adam" else "sgd", lr=0.01, momentum=momentum, weight_decay=decay)
    for _ in range(50):
        gradients = {name: torch.randn_like(w) for name, w in start.items()}
        for name, parameter in theirs.items():
            parameter.grad = gradients[name].clone()
        peer.step()
        optimiser.step(ours, gradients)
        assert all(torch.equal(ours[name], theirs[name]) for name in start)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["sgd", "momentum", "adam"]), st.booleans())
def test_the_emitted_update_is_the_value_of_its_equations(seed, kind, decay):
    generator = numpy.random.default_rng(seed)
    arrays = {name: generator.standard_normal(5) for name in "wgvm"} | {"s": generator.random(5) + 0.1}
    optimiser = Optimiser(
        kind if kind == "adam" else "sgd",
        lr=0.1,
        momentum=0.6 if kind == "momentum" else 0,
        weight_decay=0.2 if decay else 0,
    )
    program = update_program(kind, decay)
    optimiser.steps = 2
    optimiser.state = {name: {"w": torch.from_numpy(arrays[name].copy())} for name in optimiser.state}
    given_arrays = {**arrays, **optimiser.constants, "t": 3}
    expected = values(program, {name: given_arrays[name] for name in program.input_names}, {"n": 5})
    w = torch.from_numpy(arrays["w"].copy())
    optimiser.step({"w": w}, {"w": torch.from_numpy(arrays["g"])})
    numpy.testing.assert_allclose(w.numpy(), expected["w_next"], rtol=1e-13, atol=1e-15)
    for name, tensors in optimiser.state.items():
        numpy.testing.assert_allclose(tensors["w"].numpy(), expected[f"{name}_next"], rtol=1e-13, atol=1e-15)


def test_the_update_is_readable_code():
    source = Optimiser("sgd", lr=0.1, momentum=0.9, weight_decay=0.1).source
    assert "    d = torch.add(g, w, alpha=decay)\n" in source
    assert "    # w_next[i] = w[i] - lr*v_next[i]\n    w_next = torch.add(w, v_next, alpha=-lr)\n" in source
    assert "autograd" not in source and "backward" not in source


def test_a_loss_that_is_no_number_stops_and_names_the_step():
    split = load("digits", dtype="float64", limit=256).train
    with pytest.raises(DomainError, match=r"the loss of step [1-9]"):
        train_manual_update(20, 1e6, perceptron([64, 10]), torch.nn.CrossEntropyLoss(), batches(split), 1e6)


@pytest.mark.parametrize(
    ("kind", "constants", "message"),
    [
        ("sgd", {"lr": -0.1}, "learning rate is -0.1"),
        ("sgd", {"lr": float("nan")}, "learning rate is nan"),
        ("sgd", {"lr": 0.1, "momentum": 1.0}, "momentum is 1"),
        ("sgd", {"lr": 0.1, "weight_decay": -1}, "weight decay is -1"),
        ("adam", {"lr": 0.1, "momentum": 0.9}, "belongs to sgd"),
        ("rmsprop", {"lr": 0.1}, "no optimiser 'rmsprop'"),
    ],
)
def test_constants_out_of_range_are_refused(kind, constants, message):
    with pytest.raises(UsageError, match=message):
        Optimiser(kind, **constants)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("w_next[i] = w[n - 1 - i]", "w is read at another entry"),
        ("w_next[i] = sum(j) w[j]", "w_next holds what an update has no code for"),
        ("w_next[i] = 2*w[i]\nlambda[i] = w[i]", "lambda cannot be a name"),
    ],
)
def test_what_is_not_entry_by_entry_is_refused(line, message):
    with pytest.raises(UsageError, match=message):
        UpdateSource(read_equations(f"w : n\nw_next : n\n{line}"), ("w_next",)).text  # noqa: B018
