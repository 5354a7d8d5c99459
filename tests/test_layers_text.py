"""The texts of the catalogue: named sizes as numbers, options as values or as text, and one clear line otherwise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from derive.errors import UsageError
from derive.evaluation import values
from derive.gradients import gradients
from derive.integers import Size
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import ALIASES, LAYERS, find_layer
from derive.subjects.layers.options import read_options
from tests.layer_cases import cases
from tests.thorough import examples


@pytest.mark.parametrize("name", LAYERS)
def test_named_sizes_mean_what_numbers_mean(name):
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(LAYERS[name]))
    def check(case):
        try:
            text = case.layer.text(case.options, case.shapes)
        except UsageError:
            assume(False)
        arrays = case.arrays()
        concrete, symbolic = read_equations(text), read_equations(case.symbolic())
        sizes = {}
        for array in symbolic.heads.keys() & concrete.heads:
            head = symbolic.heads[array]
            for index, number in zip(head.indices, concrete.heads[array].indices, strict=True):
                extent = index.index.extent.alone
                if isinstance(extent, Size):
                    assert sizes.setdefault(extent.name, number.index.extent.value) == number.index.extent.value
        expected, found = values(concrete, arrays, {}), values(symbolic, arrays, sizes)
        for array in concrete.outputs:
            np.testing.assert_allclose(found[array], expected[array], rtol=1e-13, atol=1e-14)

    check()


@pytest.mark.parametrize("name", LAYERS)
def test_a_gradient_is_derived_for_named_sizes(name):
    written = LAYERS[name].write()
    wrt = [operand.name for operand in written.operands if operand.wrt]
    assert gradients(read_equations(written.text), wrt).wrt == tuple(wrt)


@given(st.data())
@settings(max_examples=examples(60), deadline=None)
def test_options_are_read_from_text_as_from_values(data):
    case = data.draw(cases(LAYERS[data.draw(st.sampled_from(sorted(LAYERS)))]))
    written = {}
    for name, value in case.options.items():
        if isinstance(value, bool):
            written[name.replace("-", "_")] = str(value).lower()
        elif isinstance(value, tuple):
            written[name] = ",".join(f"{p[0]}:{p[1]}" if isinstance(p, tuple) else str(p) for p in value)
        else:
            written[name] = value if value is None else str(value)
    assert read_options(case.name, case.layer.options, written) == case.chosen


def test_one_value_holds_for_all_axes():
    layer = LAYERS["conv3d"]
    assert layer.text({"stride": 2, "padding": "1"}) == layer.text({"stride": (2, 2, 2), "padding": "1:1,1,1:1"})


def test_names_and_titles_are_told_apart():
    assert find_layer("Conv2d") is find_layer("conv2d") is find_layer("conv")
    assert find_layer("batch-norm" if "batch_norm" in LAYERS else "batchnorm").name == "batchnorm"
    assert all(target in LAYERS and alias not in LAYERS for alias, target in ALIASES.items())
    titles = [layer.title for layer in LAYERS.values()]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("name", "options", "shapes", "message"),
    [
        ("conv2d", {"stride": 0}, {}, "conv2d: --stride is 0; it is a whole number from 1 to 1000000"),
        ("conv2d", {"stride": "2,0"}, {}, "conv2d: --stride is 0; it is a whole number from 1 to 1000000"),
        ("conv2d", {"dilation": "0"}, {}, "conv2d: --dilation is 0; it is a whole number from 1 to 1000000"),
        ("conv2d", {"padding": "1:-1"}, {}, "conv2d: --padding is -1; it is a whole number from 0 to 1000000"),
        ("conv2d", {"padding": "one"}, {}, "conv2d: --padding is 'one'; it is a whole number"),
        (
            "conv2d", {"padding": "1:2:3"}, {},
            "conv2d: --padding is 1:2:3; write 1, or 1:2 for one cell before and two after",
        ),
        ("conv2d", {"stride": "1,2,3"}, {}, "conv2d: --stride has 3 values; give one, or one for each of the 2 axes"),
        ("conv2d", {"strid": 2}, {}, "conv2d has no option --strid; did you mean --stride?"),
        (
            "conv2d", {"dilation": 2, "padding": 1}, {"X": (1, 1, 9, 4), "W": (1, 1, 3, 4)},
            "conv2d: the kernel of 4 at dilation 2 reaches over 7 cells along axis 3 of X, which has 4 + 1 + 1 of "
            "padding; there is no output",
        ),
        (
            "conv2d", {"groups": 2}, {"X": (1, 3, 9, 9), "W": (2, 1, 3, 3)},
            "conv2d: 3 input channels cannot be split into 2 groups of one size",
        ),
        (
            "conv2d", {"groups": 2}, {"X": (1, 4, 9, 9), "W": (3, 2, 3, 3)},
            "conv2d: 3 output channels cannot be split into 2 groups of one size",
        ),
        (
            "conv2d", {"groups": 2}, {"X": (1, 4, 9, 9), "W": (2, 4, 3, 3)},
            "conv2d: X has 4 channels in 2 groups, so W reads 2 of them, not 4",
        ),
        ("conv2d", {}, {"X": (1, 4, 9, 9), "W": (4, 3, 1, 1)}, "conv2d: C is 4 in axis 1 of X and 3 in axis 1 of W"),
        (
            "conv2d", {}, {"X": (1, 2, 3)},
            "conv2d reads X as N x C x H x Wd, and the one given is 1 x 2 x 3: 3 axes, not 4 axes",
        ),
        ("conv2d", {}, {"X": (0, 1, 2, 2)}, "conv2d: axis 0 of X has 0 entries; it has at least 1"),
        (
            "conv2d", {}, {"X": ("N", "C", "H", "W")},
            "conv2d: axis 3 of X is called W, which is an array or an index of its equations; give it another name",
        ),
        ("conv2d", {}, {"x": (1, 1, 2, 2)}, "conv2d has no array x; did you mean X?"),
        (
            "conv2d", {}, {"X": (1, 1, 4, 4), "W": (1, 1, 2, 2), "G": (1, 1, 3, 4)},
            "conv2d: Y is 1 x 1 x 3 x 3, and the G given is 1 x 1 x 3 x 4",
        ),
        (
            "conv_transpose1d", {"padding": "3:4"}, {"X": (1, 1, 3), "W": (1, 1, 3)},
            "conv_transpose1d: 3 cells spread to 5 along axis 2, and padding 3 and 4 leaves -2: there is no output",
        ),
        (
            "conv_transpose1d", {"stride": 2, "output-padding": 2}, {},
            "conv_transpose1d: --output-padding 2 of axis 2 is not below stride 2 or dilation 1",
        ),
        (
            "max_pool1d", {"padding": 2}, {},
            "max_pool1d: a padding of 2 along axis 2 of X is more than half of the kernel's 2 cells",
        ),
        (
            "max_pool1d", {"padding": 1, "dilation": 2}, {"X": (1, 1, 1)},
            "max_pool1d: window 0 along axis 2 of X reads none of its 1 cells",
        ),
        (
            "groupnorm", {"groups": 2}, {"X": (2, 3, 4)},
            "groupnorm: 3 channels cannot be split into 2 groups of one size",
        ),
        ("adam", {"eps": "-1"}, {}, "adam: --eps is -1; it is a number such as 0.5 or 1e-5"),
        ("huber", {"reduction": "avg"}, {}, "huber: --reduction is 'avg'; it is mean or sum or batch-mean"),
        ("avg_pool2d", {"ceil-mode": "yes"}, {}, "avg_pool2d: --ceil-mode is 'yes'; it is true or false"),
        ("lstm", {}, {"W": (3, 2, 2)}, "lstm: axis 0 of W has 4 entries, and the one given has 3"),
        ("flatten", {}, {"X": (2,)}, "flatten reads X with 2 to 6 axes, N first, and the one given has 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_line_with_its_numbers(name, options, shapes, message):
    with pytest.raises(UsageError) as caught:
        LAYERS[name].text(options, shapes)
    assert caught.value.message == message


def test_an_unknown_layer_is_told_its_neighbour():
    with pytest.raises(UsageError, match=r"no layer is called conv2; did you mean conv2d\?"):
        find_layer("conv2")


def test_a_size_never_takes_the_name_of_another():
    text = LAYERS["conv2d"].text({}, {"X": ("P", "C", "H", "O")})
    assert "W : O1 x C x P1 x Q" in text


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_the_kernel_s_size_may_be_said_without_w(name):
    layer = find_layer(name)
    said = layer.write({"kernel-size": "3,2"}, {"X": (1, 2, 7, 8)})
    channels = ("O", 2) if name == "conv2d" else (2, "O")
    shown = layer.write({}, {"X": (1, 2, 7, 8), "W": (*channels, 3, 2)})
    assert [operand.axes for operand in said.operands] == [operand.axes for operand in shown.operands]
    assert said.text == shown.text
    with pytest.raises(UsageError, match="--kernel-size is 0"):
        layer.write({"kernel-size": 0})
