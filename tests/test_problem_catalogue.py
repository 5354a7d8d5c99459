"""The problems of the catalogue are the same functions as the layers and subjects that `derive` differentiates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from derive.evaluation import values
from derive.reading.equations import read_equations
from derive.subjects.gradcam import HEADS
from derive.subjects.griewank import FUNCTION
from derive.subjects.layers.catalogue import LAYERS
from derive.verification.choosing import models
from derive.verification.model import Model
from derive.verification.problems import load_problem


@lru_cache
def model_of(name: str) -> Model:
    return models(load_problem(name))[0]


class Numbers(Mapping[str, Any]):
    """The arrays of a problem at one point; of a family all members, the start value first: w[0], w[1], ..."""

    def __init__(self, name: str) -> None:
        self.model = model_of(name)
        self.doubles = self.model.judge.doubles(0)

    def _array(self, shaped: Any) -> Any:
        return np.array([self.doubles[node] for node in shaped.nodes]).reshape(shaped.shape)

    def __getitem__(self, name: str) -> Any:
        if name in self.model.sizes:
            return self.model.sizes[name]
        if self.model.is_family(name):
            members = [self.model.member(name, index) for index in range(self.model.sizes["T"] + 1)]
            return [None if each is None else self._array(each) for each in members]
        return self._array(self.model.array(name))

    def __iter__(self) -> Any:
        return iter(self.model.arrays)

    def __len__(self) -> int:
        return len(self.model.arrays)


def layer(name: str, inputs: Mapping[str, Any], **options: Any) -> dict[str, Any]:
    arrays = {key: np.asarray(value) for key, value in inputs.items()}
    settings = {key: "true" if value is True else str(value) for key, value in options.items()}
    program = read_equations(LAYERS[name].text(settings, {key: value.shape for key, value in arrays.items()}))
    return dict(values(program, arrays, {}))


def batch(*entries: Any) -> Any:
    """Steps or rows with an axis for one example behind the first."""
    return np.stack(entries)[:, None]


def batchnorm(a: Any) -> tuple[Any, Any]:
    found = layer("batchnorm", {"X": a["x"][:, None], "gamma": [a["gamma"]], "beta": [a["beta"]]}, eps=a["epsilon"])
    return a["y"], found["Y"][:, 0]


def layernorm(a: Any) -> tuple[Any, Any]:
    found = layer("layernorm", {"X": a["x"][None], "gamma": a["gamma"], "beta": a["beta"]}, eps=a["epsilon"])
    return a["y"], found["Y"][0]


def softmax(a: Any) -> tuple[Any, Any]:
    found = layer("softmax_cross_entropy", {"X": a["z"][None], "y": a["y"][None]}, reduction="sum")
    return np.append(a["p"], a["L"]), np.append(found["p"][0], found["L"])


def two_layers(a: Any) -> tuple[Any, Any]:
    hidden = layer("linear", {"X": a["X"], "W": a["W_1"], "b": a["b_1"]}, weights="xW", bias=True)["Y"]
    active = layer("relu", {"X": hidden})["Y"]
    scores = layer("linear", {"X": active, "W": a["W_2"], "b": a["b_2"]}, weights="xW", bias=True)["Y"]
    return a["L"], layer("softmax_cross_entropy", {"X": scores, "y": a["Y"]})["L"]


def attention(a: Any) -> tuple[Any, Any]:
    return a["O"], layer("attention", {name: a[name][None, None] for name in "QKV"})["Y"][0, 0]


def rnn(a: Any) -> tuple[Any, Any]:
    inputs = {"X": batch(*a["x"][1:]), "W": a["U"], "U": a["W"], "b": a["b"], "h0": a["h"][0][None]}
    return np.stack(a["h"][1:]), layer("rnn", inputs, bias=True)["Y"][:, 0]


def lstm(a: Any) -> tuple[Any, Any]:
    gates = {name: np.stack([a[f"{name}_{gate}"] for gate in "ifgo"]) for name in "WUb"}
    inputs = {"X": batch(*a["x"][1:]), **gates, "h0": a["h"][0][None], "c0": a["c"][0][None]}
    return np.stack(a["h"][1:]), layer("lstm", inputs, bias=True)["Y"][:, 0]


def gru(a: Any) -> tuple[Any, Any]:
    gates = {name: np.stack([a[f"{name}_{gate}"] for gate in "rzn"]) for name in "WUb"}
    inputs = {"X": batch(*a["x"][1:]), **gates, "a": a["b_h"], "h0": a["h"][0][None]}
    return np.stack(a["h"][1:]), layer("gru", inputs, bias=True)["Y"][:, 0]


def convolution(**options: int) -> Callable[[Any], tuple[Any, Any]]:
    def compared(a: Any) -> tuple[Any, Any]:
        found = layer("conv2d", {"X": a["V"][None, None], "W": a["K"][None, None]}, **options)["Y"][0, 0]
        rows, columns = min(found.shape[0], a["Z"].shape[0]), min(found.shape[1], a["Z"].shape[1])
        assert rows and columns
        return a["Z"][:rows, :columns], found[:rows, :columns]

    return compared


def pooling(name: str) -> Callable[[Any], tuple[Any, Any]]:
    return lambda a: (a["Y"], layer(name, {"X": a["X"][None, None]})["Y"][0, 0])


def logistic(a: Any) -> tuple[Any, Any]:
    scores = layer("linear", {"X": a["X"], "W": a["w"][None], "b": [a["b"]]}, bias=True)["Y"]
    return a["L"], layer("bce_with_logits", {"X": scores[:, 0], "y": a["y"]})["L"]


def linear(a: Any) -> tuple[Any, Any]:
    scores = layer("linear", {"X": a["X"], "W": a["w"][None], "b": [a["b"]]}, bias=True)["Y"]
    return a["L"], layer("squared_error", {"X": scores[:, 0], "y": a["y"]})["L"]


def griewank(a: Any) -> tuple[Any, Any]:
    program = read_equations(f"x1 : scalar\nx2 : scalar\ny = {FUNCTION}")
    return a["y"], values(program, {"x1": a["x_1"], "x2": a["x_2"]}, {})["y"]


def gradcam(a: Any) -> tuple[Any, Any]:
    found = values(
        read_equations(HEADS["gap"][1]), {name: a[name] for name in "Awb"}, {size: a[size] for size in "KHWC"}
    )
    return a["y"], found["y"]


def norm(a: Any) -> tuple[Any, Any]:
    return a["r"], layer("norm", {"X": a["x"]} if "X" in LAYERS["norm"].text() else {"x": a["x"]})["L"]


def optimisers(a: Any) -> tuple[Any, Any]:
    """The second step of every rule from the states after the first."""
    rate, g = a["eta"], a["g"][2]
    decayed = layer("weight_decay", {"w": a["w"][1], "g": g, "lr": rate, "decay": a["lambda"]})["w_next"]
    heavy = layer("momentum", {"w": a["u"][1], "g": g, "v": a["v"][1], "lr": rate, "mu": a["rho"]})
    adam = layer("adam", {"w": a["theta"][1], "g": g, "m": a["m"][1], "s": a["s"][1], "lr": rate, "beta1": a["beta_1"],
                          "beta2": a["beta_2"], "t": 2}, eps=a["epsilon"])  # fmt: skip
    ours = (a["w"][2], a["v"][2], a["u"][2], a["m"][2], a["s"][2], a["theta"][2])
    theirs = (decayed, heavy["v_next"], heavy["w_next"], adam["m_next"], adam["s_next"], adam["w_next"])
    return np.array(ours), np.array(theirs)


SAME: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "attention": attention, "average-pooling": pooling("avg_pool2d"), "batchnorm": batchnorm,
    "convolution": convolution(), "convolution-stride": convolution(stride=2),
    "convolution-padding": convolution(padding=1), "convolution-dilation": convolution(dilation=2),
    "convolution-general": convolution(stride=2, padding=1, dilation=3), "gradcam": gradcam, "griewank": griewank,
    "gru": gru, "l2-norm": norm, "layernorm": layernorm, "linear-regression": linear, "logistic-regression": logistic,
    "lstm": lstm, "max-pooling": pooling("max_pool2d"), "optimisers": optimisers, "rnn": rnn,
    "softmax-cross-entropy": softmax, "two-layer-softmax": two_layers,
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_a_problem_is_the_function_that_the_program_differentiates(name: str) -> None:
    ours, theirs = SAME[name](Numbers(name))
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs, float), rtol=1e-9)
