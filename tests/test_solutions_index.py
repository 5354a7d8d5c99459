"""Worked solutions on index equations: what they print is what the engine derived, and all of it was run."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from derive.cli.render import rendered
from derive.document import Bullets, Document, Figure
from derive.latex.formulas import formula
from derive.solutions import by_hand, optimisers, softmax
from derive.solutions.mlp import NOTATION
from derive.subjects import mlp
from derive.subjects.catalogue import find
from derive.writing import shapes_of, tree_of_equation


def built(name: str, **options: int) -> Document:
    import importlib

    entry = find(name)
    document: Document = importlib.import_module(entry.module).solution(entry, **options)
    return document


def counts(document: Document) -> list[tuple[int, int]]:
    """Every `n of m steps hold` of a document."""
    text = rendered(document, "text").decode()
    return [(int(held), int(all_)) for held, all_ in re.findall(r"(\d+) of (\d+)\s+steps\s+hold", text)]


@pytest.mark.parametrize(
    "options", [{"stride": 2}, {"stride": 3, "padding": 1}, {"dilation": 2}, {"stride": 2, "dilation": 3, "image": 11}]
)
def test_convolutions_of_other_kinds_hold_as_well(options: dict[str, int]) -> None:
    document = built("convolution", **options)
    ((held, run),) = counts(document)
    assert held == run > 10
    (report,) = [block for block in document.blocks if isinstance(block, Bullets)]
    assert "The claims for K and V were carried out" in str(report.items)


@pytest.mark.parametrize("kernel", range(2))
@pytest.mark.parametrize("flipped", [False, True])
def test_convolution_by_hand_is_the_sum_over_the_window(kernel: int, flipped: bool) -> None:
    _, taps, stride = by_hand.KERNELS[kernel]
    image, weights = np.array(by_hand.IMAGE), np.array(taps)
    if flipped:
        weights = weights[::-1, ::-1]
    size = (len(image) - len(weights)) // stride + 1
    window = len(weights)
    expected = [
        [
            int((image[stride * i : stride * i + window, stride * j : stride * j + window] * weights).sum())
            for j in range(size)
        ]
        for i in range(size)
    ]
    assert [list(row) for row in by_hand.result(taps, stride, flipped=flipped)] == expected


#: The right-hand sides of the sheet, its delta for our error signal; ∂_2 e is its e' by the prediction.
SHEET = {
    "weights": r"\frac{\partial\mathcal{L}}{\partial w_{i,j}^{[l]}}=\delta_i^{[l]}\,a_j^{[l-1]}",
    "last": r"\delta_i^{[L]}=\partial_2e_i(y_i,a_i^{[L]})\,f^{[L]\prime}(z_i^{[L]})",
    "hidden": r"\delta_i^{[l]}=\left(\sum_{k=1}^{n^{[l+1]}}\delta_k^{[l+1]}\,w_{k,i}^{[l+1]}\right)"
    r"\,f^{[l]\prime}(z_i^{[l]})",
    "biases": r"\frac{\partial\mathcal{L}}{\partial b_i^{[l]}}=\delta_i^{[l]}",
}


def without_spaces(latex: str) -> str:
    plain = re.sub(r"\s|\\[,;:! ]|\\left|\\right|\\displaystyle|\\limits|\{\}", "", latex)
    return re.sub(r"([_^])\{(\w)\}", r"\1\2", plain)


@pytest.mark.parametrize("name", SHEET)
def test_the_printed_equations_are_those_of_the_sheet(name: str) -> None:
    made = mlp.backpropagation()
    equation = getattr(made, name)
    tree = tree_of_equation(equation, NOTATION, shapes=shapes_of(made.gradients.around))
    assert without_spaces(formula(tree)) == without_spaces(SHEET[name])


def test_the_networks_in_torch_are_those_that_the_pages_count() -> None:
    torch = pytest.importorskip("torch")
    from derive.solutions.descent import MY_MLP
    from derive.solutions.vgg_network import TORCH

    names: dict[str, Any] = {}
    exec(MY_MLP + TORCH, names)  # noqa: S102 - our own pages
    images = torch.zeros(2, 3, 32, 32)

    def size(model: Any) -> str:
        return f"{sum(parameter.numel() for parameter in model.parameters()):,}"

    mlp_page, vgg_page = (rendered(built(name), "text").decode() for name in ("gradient-descent", "vgg16"))
    assert f"With {size(names['MyMLP']())} parameters" in " ".join(mlp_page.split())
    assert f"{size(names['VGG16']())} parameters in all" in " ".join(vgg_page.split())
    more = names["VGG16"](batchnorm=True, dropout=True)
    assert more(images).shape == names["VGG16"]()(images).shape == (2, 10)
    assert sum(isinstance(layer, torch.nn.Dropout) for layer in more.layers) == 2
    assert sum(isinstance(layer, torch.nn.BatchNorm2d) for layer in more.layers) == 13


def test_the_sum_of_the_targets_is_used_in_one_step_only() -> None:
    general, after, steps = softmax.collapse()
    from derive.answers import plain

    assert plain(general) == "z_bar[m] = p[m]*sum(i) y[i] - y[m]"
    assert plain(after) == "z_bar[m] = p[m] - y[m]"
    assert [step.rule.name for step in steps].count("y adds up to 1") == 1
    assert softmax._last_holds(steps[-1])


def test_two_steps_of_momentum() -> None:
    """The two conventions agree for one rate, and differ by mu (r2 - r1) g1 for two."""
    from derive.evaluation import values

    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=3) for name in ("w", "g1", "g2")}
    ends = {}
    for rates in ((0.1, 0.1), (0.1, 0.02)):
        for name in ("torch", "textbook"):
            program, equation = optimisers.unrolled(name)
            scalars = {"r1": rates[0], "r2": rates[1], "mu": 0.9}
            ends[name] = values(program, {**arrays, **scalars}, {"n": 3})["w2"]
            assert equation.name == "w2"
        gap = ends["textbook"] - ends["torch"]
        np.testing.assert_allclose(gap, 0.9 * (rates[1] - rates[0]) * arrays["g1"], atol=1e-15)


def test_grad_cam_of_global_average_pooling_is_cam_on_another_scale() -> None:
    from derive.answers import plain
    from derive.subjects.gradcam import gradcam as made

    assert plain(made("gap").weights) == "alpha[c, k] = w[c, k]/(H*W)"


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 0, 2), (4, 2, 1)])
def test_the_figures_of_a_convolution_show_its_reads(stride: int, padding: int, dilation: int) -> None:
    """Every edge is a read s*i + d*k - p of the row, and all reads of the output, and of the entry, are there."""
    document = built("convolution", stride=stride, padding=padding, dilation=dilation, image=9, kernel=3)
    window, gathered = (block.picture for block in document.blocks if isinstance(block, Figure))
    for picture, forward in ((window, True), (gathered, False)):
        ends = [(edge.target, edge.source) if forward else (edge.source, edge.target) for edge in picture.edges]
        pairs = [(int(z[1:]), int(v[1:])) for z, v in ends]
        outputs = sum(node.key.startswith("Z") for node in picture.nodes)
        wanted = {
            (i, stride * i + dilation * k - padding)
            for i in range(outputs)
            for k in range(3)
            if 0 <= stride * i + dilation * k - padding < 9
        }
        shared = pairs[0][0] if forward else pairs[0][1]
        assert set(pairs) == {pair for pair in wanted if pair[0 if forward else 1] == shared}
