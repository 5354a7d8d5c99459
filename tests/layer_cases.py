"""Random settings of any layer of the catalogue: options, shapes, and arrays of the domain that each operand has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from derive.errors import UsageError
from derive.subjects.layers.catalogue import LAYERS
from derive.subjects.layers.layer import Layer
from derive.subjects.layers.options import read_options

#: Letters of the extents of images; every other axis has 1 to 3 entries. Three spatial axes are kept small.
IMAGE = ("H", "Wd", "D")


@dataclass(frozen=True)
class Case:
    """options : as given.  chosen : as the layer reads them.  seed : of the arrays."""

    name: str
    options: dict[str, Any]
    chosen: dict[str, Any]
    shapes: dict[str, tuple[int, ...]]
    seed: int

    @property
    def layer(self) -> Layer:
        return LAYERS[self.name]

    def arrays(self) -> dict[str, np.ndarray]:
        written = self.layer.write(self.options, self.shapes)
        generator = np.random.default_rng(self.seed)
        return {operand.name: entries(operand.domain, operand.axes, generator) for operand in written.operands}

    def symbolic(self) -> str:
        """The text for the same options and ranks, with sizes that are only named."""
        first = self.layer.operands(self.chosen, None)[0].name
        return self.layer.text(self.options, {first: [f"n_{axis}" for axis in range(len(self.shapes[first]))]})


def entries(domain: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Random entries of a domain; labels and steps are whole numbers."""
    match domain.split():
        case ["real"]:
            return generator.normal(size=shape)
        case ["positive"]:
            return generator.uniform(0.1, 2.0, size=shape)
        case ["(0,", "1)"]:
            return generator.uniform(0.05, 0.95, size=shape)
        case ["simplex"]:
            return generator.dirichlet(np.ones(shape[-1]), size=shape[:-1]) * 0.98 + 0.02 / shape[-1]
        case ["{0,", "1}"]:
            return generator.integers(0, 2, size=shape).astype(float)
        case ["{-1,", "1}"]:
            return generator.integers(0, 2, size=shape) * 2.0 - 1
        case ["classes", "of", count]:
            return generator.integers(0, int(count), size=shape)
        case ["1..100"]:
            return generator.integers(1, 101, size=shape)
    raise AssertionError(domain)


NUMBERS = {"eps": ("1e-5", "0.1"), "p": ("0.5", "0.25", "0")}


@st.composite
def cases(draw, layer: Layer) -> Case:
    """A setting; whether the layer accepts it is the test's affair."""
    options: dict[str, Any] = {}
    for option in layer.options:
        if option.name == "kernel-size" and layer.name.startswith("conv"):
            continue  # the shape of W says it; test_the_kernel_s_size_may_be_said_without_w
        match option.kind:
            case "extents":
                one = st.integers(option.least, 3 if option.least else 2)
                options[option.name] = draw(st.tuples(*[one] * option.axes))
                if option.default is None and draw(st.booleans()):
                    options[option.name] = None
            case "padding":
                same = st.integers(0, 2).map(lambda cells: (cells, cells))
                sides = st.one_of(same, st.tuples(st.integers(0, 2), st.integers(0, 2)))
                options[option.name] = draw(st.tuples(*[sides] * option.axes))
            case "count":
                options[option.name] = draw(st.integers(1, 3))
            case "flag":
                options[option.name] = draw(st.booleans())
            case "choice":
                options[option.name] = draw(st.sampled_from(option.choices))
            case "number":
                options[option.name] = draw(st.sampled_from(NUMBERS.get(option.name, ("1", "0.5", "2"))))
    fitting = draw(st.integers(0, 4)) > 0  # most settings are legal ones
    if fitting:
        _fit_options(options)
    chosen = read_options(layer.name, layer.options, options)
    operands = layer.operands(chosen, draw(st.sampled_from(ranks(layer, chosen))))
    letters = {axis for operand in operands for axis in operand.axes if isinstance(axis, str)}
    most = 4 if {"D", "H", "Wd"} <= letters else 7
    sizes = {
        letter: draw(st.integers(1, most if letter in IMAGE else 3))
        for letter in sorted(letters | ({"Cg", "Og"} if "groups" in chosen else set()))
    }
    if fitting and "padding" in chosen:
        _fit_image(chosen, sizes)
    if "groups" in chosen:  # the channels are so many times those of a group
        sizes["C"] = chosen["groups"] * (sizes["Cg"] if chosen["groups"] > 1 else sizes.get("C", 1))
        sizes["O"] = chosen["groups"] * (sizes["Og"] if chosen["groups"] > 1 else sizes.get("O", 1))
    shapes = {
        operand.name: tuple(sizes[axis] if isinstance(axis, str) else axis for axis in operand.axes)
        for operand in operands
    }
    return Case(layer.name, options, chosen, shapes, draw(st.integers(0, 2**32 - 1)))


def _fit_options(options: dict[str, Any]) -> None:
    """Padding of a pool is at most half its window, output padding below the stride."""
    if options.get("kernel-size"):
        pairs = zip(options["padding"], options["kernel-size"], strict=True)
        options["padding"] = tuple(tuple(min(cells, kernel // 2) for cells in pair) for pair, kernel in pairs)
    if "output-padding" in options:
        below = zip(options["output-padding"], options["stride"], options["dilation"], strict=True)
        options["output-padding"] = tuple(min(extra, max(step, gap) - 1) for extra, step, gap in below)


def _fit_image(chosen: dict[str, Any], sizes: dict[str, int]) -> None:
    """Images as large as the kernel at least, or, spread, as what the padding takes away."""
    axes = len(chosen["padding"])
    kernel = chosen.get("kernel-size") or [sizes[letter] for letter in ("P", "Q", "R")[:axes]]
    dilation = chosen.get("dilation", (1,) * axes)
    letters = IMAGE[:axes] if axes < 3 else ("D", "H", "Wd")
    for letter, size, gap, pair in zip(letters, kernel, dilation, chosen["padding"], strict=True):
        missing = sum(pair) + 1 - gap * (size - 1) if "output-padding" in chosen else gap * (size - 1) + 1 - sum(pair)
        sizes[letter] = max(sizes[letter], missing)


def ranks(layer: Layer, chosen: dict[str, Any]) -> list[int]:
    """The ranks that the first operand may have."""
    found = []
    for rank in range(6):
        try:
            operands = layer.operands(chosen, rank)
        except UsageError:
            continue
        if len(operands[0].axes) == rank:
            found.append(rank)
    return found
