"""`derive grad` as a student and a program use it: what it promises in JSON, its options, its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from derive import answers
from derive import tree as t
from derive.cli.main import run
from derive.conventions import KEYS
from derive.subjects.layers.catalogue import LAYERS

CONVOLUTION = "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]"
NUMBERS = {
    "V": [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12.5]],
    "K": [[1, 0], [2, -1]],
    "G": [[1, 2, 3], [4, 5, 6]],
}
LINEAR = ("y = W x", "--shape", "W=3x4", "--shape", "x=4")

Captured = pytest.CaptureFixture[str]


def data_of(capfd: Captured, *arguments: str, code: int = 0) -> dict[str, Any]:
    assert run(["grad", *arguments, "--json"]) == code
    data: dict[str, Any] = json.loads(capfd.readouterr().out)
    return data


def saved(folder: Path, values: dict[str, Any]) -> str:
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    return str(file)


def by_torch(values: dict[str, Any], wrt: list[str], formula: Any, upstream: str = "G") -> dict[str, np.ndarray]:
    """Gradients of sum(G * formula) by autograd."""
    tensors = {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=name in wrt) for name, value in values.items()
    }
    seed = tensors.pop(upstream, torch.tensor(1.0, dtype=torch.float64))
    found = torch.autograd.grad((formula(**tensors) * seed).sum(), [tensors[name] for name in wrt])
    return {name: gradient.numpy() for name, gradient in zip(wrt, found, strict=True)}


# --- what a program reads ---------------------------------------------------------------------------------------------


def test_the_json_has_the_promised_shape(capfd: Captured, tmp_path: Path) -> None:
    arguments = (CONVOLUTION, "--wrt", "K", "--wrt", "V", "--upstream", "Z=G", "--values", saved(tmp_path, NUMBERS))
    data = data_of(capfd, *arguments)
    assert set(data["gradients"]) == {"K", "V"} and data["upstream"] == {"Z": "G"} and data["loss"] is None
    for gradient in data["gradients"].values():
        assert {"equation", "latex", "matrix", "kind", "steps", "value", "numpy", "torch"} <= set(gradient)
        for step in gradient["steps"]:
            assert {"rule", "reason", "conditions", "before", "after", "checked"} <= set(step)
            assert step["checked"] is True and step["rule"] != "differentiate" and isinstance(step["conditions"], list)
    rules = {step["rule"] for step in data["gradients"]["K"]["steps"]}
    assert {"partial of an entry", "contract the delta", "range"} <= rules
    kind = data["gradients"]["V"]["kind"]
    expected = {"name": "convolution", "image": "G", "kernel": "K", "flipped": True, "stride": 1, "kernel_dilation": 1,
                "input_dilation": 1, "padding": [[1, 1], [1, 1]], "mode": "full"}  # fmt: skip
    assert kind.items() >= expected.items() and data["gradients"]["V"]["matrix"] is None
    assert data["forward"]["Z"][0] == [5.0, 7.0, 9.0]
    found = by_torch(NUMBERS, ["K", "V"], lambda V, K: torch.nn.functional.conv2d(V[None, None], K[None, None])[0, 0])
    for name, value in found.items():
        np.testing.assert_allclose(data["gradients"][name]["value"], value, rtol=1e-13, atol=0)


def test_without_values_there_are_formulas_and_no_numbers(capfd: Captured) -> None:
    data = data_of(capfd, *LINEAR)
    assert data["forward"] == {} and data["gradients"]["W"]["value"] is None
    assert data["gradients"]["W"]["matrix"] == "W_bar = y_bar x^T"
    assert data["gradients"]["x"]["kind"] == {"name": "matrix product", "factors": ["W^T", "y_bar"]}
    assert all(finding["passed"] for finding in data["checks"])


def test_without_checks_no_step_is_called_checked(capfd: Captured) -> None:
    data = data_of(capfd, *LINEAR, "--no-check")
    assert data["checks"] is None
    assert {step["checked"] for step in data["gradients"]["W"]["steps"]} == {None}


def test_numbers_of_rank_0_are_numbers(capfd: Captured) -> None:
    data = data_of(capfd, "y = a*exp(-b*x)", "--values", '{"a": 2, "b": 1, "x": 0}')
    assert data["forward"] == {"y": 2.0} and {n: g["value"] for n, g in data["gradients"].items()} == {
        "a": 1.0, "b": 0.0, "x": -2.0
    }  # fmt: skip


def test_a_wrong_form_fails_the_command(capfd: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "matrix_form", lambda equation, heads: t.Name("W"))
    data = data_of(capfd, *LINEAR, code=1)
    assert [f["check"] for f in data["checks"] if f["passed"] is False] == ["matrix form = index form"]
    assert run(["grad", *LINEAR]) == 1 and "FAILS" in capfd.readouterr().out


# --- what a student types ---------------------------------------------------------------------------------------------

TYPED = {
    "row vectors": ("Y = X W + c", {"X": (5, 4), "W": (4, 3), "c": (3,), "G": (5, 3)}, lambda X, W, c: X @ W + c),
    "trace": ("L = tr(A X B)", {"A": (3, 4), "X": (4, 5), "B": (5, 3)}, lambda A, X, B: torch.trace(A @ X @ B)),
    "least squares": ("L = norm(X w - y)^2", {"X": (5, 3), "w": (3,), "y": (5,)},
                      lambda X, w, y: ((X @ w - y) ** 2).sum()),
    "congruence": ("Y = X^T A X", {"X": (3, 2), "A": (3, 3), "G": (2, 2)}, lambda X, A: X.T @ A @ X),
    "softmax of rows": ("P = softmax(Z)", {"Z": (2, 4), "G": (2, 4)}, lambda Z: torch.softmax(Z, -1)),
    "batch norm": ("m[j] = mean(i) X[i,j]\nv[j] = mean(i) (X[i,j]-m[j])^2\neps = 1e-5\n"
                   "Y[i,j] = (X[i,j]-m[j])/sqrt(v[j]+eps)*g[j] + b[j]",
                   {"X": (5, 3), "g": (3,), "b": (3,), "G": (5, 3)},
                   lambda X, g, b: torch.nn.functional.batch_norm(X, None, None, g, b, training=True)),
    "skip connection": ("z1 = W1 x\na1 = tanh(z1)\nz2 = W2 a1 + x\nL = sum(z2 .^ 2)/2",
                        {"W1": (4, 4), "W2": (4, 4), "x": (4,)},
                        lambda W1, W2, x: ((W2 @ torch.tanh(W1 @ x) + x) ** 2).sum() / 2),
    "recurrence": ("s[t] = [t >= 1]*c*s[t-1] + u[t]", {"c": (), "u": (4,), "G": (4,)},
                   lambda c, u: torch.stack([sum(c ** (k - j) * u[j] for j in range(k + 1)) for k in range(4)])),
    "diagonal": ("L = sum(i) A[i,i]*v[i]", {"A": (3, 3), "v": (3,)}, lambda A, v: (torch.diagonal(A) * v).sum()),
}  # fmt: skip


@pytest.mark.parametrize("name", TYPED)
def test_what_a_student_types_gives_the_gradients_of_autograd(name: str, capfd: Captured, tmp_path: Path) -> None:
    text, shapes, formula = TYPED[name]
    rng = np.random.default_rng(2)
    values = {array: rng.normal(size=shape).tolist() for array, shape in shapes.items()}
    wrt = [array for array in shapes if array != "G"]
    output = text.splitlines()[-1].partition("=")[0].partition("[")[0].strip()
    arguments = ["--upstream", f"{output}=G"] if "G" in shapes else []
    data = data_of(capfd, text, *arguments, "--values", saved(tmp_path, values), "--wrt", ",".join(wrt))
    for array, expected in by_torch(values, wrt, formula).items():
        np.testing.assert_allclose(data["gradients"][array]["value"], expected, rtol=1e-11, atol=1e-12)
    assert all(step["checked"] for gradient in data["gradients"].values() for step in gradient["steps"])


def test_a_file_with_comments_shapes_and_both_notations(capfd: Captured, tmp_path: Path) -> None:
    file = tmp_path / "layer.txt"
    file.write_text("# a layer\nW : m x n\nb : m\nx : n\nz = W x + b\na[i] = relu(z[i])\nupstream a = g\n")
    data = data_of(capfd, "--file", str(file), "--wrt", "W,b")
    assert data["equations"][0] == "z[i] = sum(j) W[i, j]*x[j] + b[i]"
    assert data["gradients"]["b"]["equation"] == "b_bar[i] = z_bar[i]" and list(data["gradients"]) == ["W", "b"]


def test_an_expression_may_begin_with_a_minus_sign(capfd: Captured) -> None:
    assert run(["grad", "-x = y"]) == 2
    assert "expression:1:1: a line gives a name its value" in capfd.readouterr().err


def test_second_derivatives_are_derived_by_doing_it_again(capfd: Captured) -> None:
    data = data_of(capfd, "L = x^T A x", "--shape", "A=n,n", "--shape", "x=n", "--second", "x", "--second", "x,A")
    first, mixed = data["second"]
    assert (first["of"], first["by"], first["equation"]) == ("x", "x", "d(x_bar[m])/d(x[q]) = A[m, q] + A[q, m]")
    assert mixed["by"] == "A" and all(step["checked"] for step in (*first["steps"], *mixed["steps"]))


# --- layers by name ---------------------------------------------------------------------------------------------------


def test_every_option_of_every_layer_is_an_option_of_the_command(capfd: Captured) -> None:
    assert run(["grad", "--help"]) == 0
    shown = capfd.readouterr().out
    for layer in LAYERS.values():
        assert layer.name in shown
        assert all(f"--{option.name} " in shown for option in layer.options)


def test_a_layer_takes_its_shapes_from_the_values_and_a_bias_where_there_is_one(
    capfd: Captured, tmp_path: Path
) -> None:
    rng = np.random.default_rng(3)
    shapes = {"X": (2, 4, 7, 6), "W": (6, 2, 3, 2), "b": (6,), "G": (2, 6, 4, 3)}
    values = {name: rng.normal(size=shape).tolist() for name, shape in shapes.items()}
    options = ("--stride", "2", "--padding", "1,0", "--groups", "2")
    data = data_of(capfd, "--layer", "conv2d", *options, "--values", saved(tmp_path, values))

    def layer(X: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.conv2d(X, W, b, stride=2, padding=(1, 0), groups=2)

    for name, expected in by_torch(values, ["X", "W", "b"], layer).items():
        np.testing.assert_allclose(data["gradients"][name]["value"], expected, rtol=1e-12, atol=1e-12)
    assert data["gradients"]["X"]["kind"]["name"] == "transposed convolution"
    without = {name: value for name, value in values.items() if name != "b"}
    assert "b" not in data_of(capfd, "--layer", "conv2d", *options, "--values", saved(tmp_path, without))["gradients"]


def test_flags_of_layers_stand_alone_or_have_a_value(capfd: Captured) -> None:
    shape = ("--shape", "X=1x1x5", "--kernel-size", "2", "--stride", "2", "--no-check")
    small = data_of(capfd, "--layer", "max_pool1d", *shape)
    large = data_of(capfd, "--layer", "max_pool1d", "--ceil-mode", *shape)
    said = data_of(capfd, "--layer", "max_pool1d", "--ceil-mode", "true", *shape)
    not_said = data_of(capfd, "--layer", "max_pool1d", "--ceil-mode=false", *shape)
    assert large["equations"] == said["equations"] != small["equations"] == not_said["equations"]


def test_the_kernel_is_a_convention(capfd: Captured) -> None:
    sizes = ("--shape", "X=1x1x6", "--shape", "W=1x1x3", "--no-check")
    by_convention = data_of(capfd, "--layer", "conv1d", "--convention", "kernel=convolution", *sizes)
    assert by_convention == data_of(capfd, "--layer", "conv1d", "--kernel", "convolution", *sizes)
    assert by_convention["equations"] != data_of(capfd, "--layer", "conv1d", *sizes)["equations"]


# --- pages ------------------------------------------------------------------------------------------------------------


def test_help_lists_every_convention(capfd: Captured) -> None:
    assert run(["grad", "-h"]) == 0
    shown = capfd.readouterr().out
    for key in KEYS:
        assert all(f"{key.name}={value}" in shown for value in key.values)


def test_conventions_reach_the_page(capfd: Captured) -> None:
    assert run(["grad", *LINEAR, "--no-check", "--format", "tex"]) == 0
    usual = capfd.readouterr().out
    assert run(["grad", *LINEAR, "--no-check", "--format", "tex", "--convention", "commas=false"]) == 0
    assert "W_{ij}" in capfd.readouterr().out and "W_{ij}" not in usual and "W_{i,j}" in usual


@pytest.mark.parametrize("detail", ["low", "medium", "high"])
def test_every_detail_fits_a_terminal(detail: str, capfd: Captured) -> None:
    assert run(["grad", CONVOLUTION, "--wrt", "K", "--wrt", "V", "--upstream", "Z=G", "--detail", detail]) == 0
    lines = capfd.readouterr().out.splitlines()
    code = lines.index("Code") if "Code" in lines else len(lines)  # code is not wrapped
    assert max(map(len, lines[:code])) <= 100 and lines[0] == "Gradients through Z by K and V"
    assert ("contract the delta" in "\n".join(lines)) == (detail != "low")


def test_the_ending_of_the_output_file_chooses_the_format(tmp_path: Path) -> None:
    for ending, begins in (("html", b"<!"), ("json", b"{"), ("ipynb", b"{"), ("tex", b"\\"), ("txt", b"Grad")):
        file = tmp_path / f"out.{ending}"
        assert run(["grad", *LINEAR, "--no-check", "-o", str(file)]) == 0
        assert file.read_bytes().lstrip(b"% \n").startswith((begins, b"Gradients")), ending
        assert run(["grad", *LINEAR, "--no-check", "-o", str(file)]) == 2


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSED = [
    # H055 to H064, and what the issue lists
    (("y[i] = W[i,j]*x[j]",), 2, "expression:1:12: index j on the right of y[i] is neither on the left nor bound"),
    (("y[i] = sum(i) W[i,i]",), 2, "index i is bound already"),
    (("y[i,i] = x[i]",), 2, "index i stands twice on the left of y[i, i]"),
    (("y = W x", "--shape", "W=3x4", "--shape", "x=5"), 2, "W is 3 x 4 and x is 5 (4 is not 5)"),
    (("y[i] = sum(j) W[i,j]*x[j]", "--shape", "W=3x4", "--shape", "x=5"), 2,
     "index j has two extents: 4 on axis 2 of W (3 x 4) and 5 on axis 1 of x (5)"),
    (("y = W x", "--shape", "W=0x3"), 2, "an extent lies between 1 and 1000000, and 0 does not"),
    (("y = W x", "--shape", "W=-1x3"), 2, "and -1 does not"),
    (("y = W x", "--shape", "W=1000000000x3"), 2, "and 1000000000 does not"),
    (("y = W x", "--shape", "W=2.5x3"), 2, "'2.5' is neither a whole number nor a name"),
    (("Z : n\nV : n\nK : 3\nZ[m] = sum(k) V[m-k]*K[k]",), 2, "where 0 is meant there, write [m - k >= 0]*V[m - k]"),
    (("Z[i] = sum(k) V[i+k]*K[k]", "--shape", "V=3", "--shape", "K=5"), 2,
     "Z would be empty: V has 3 entries, k runs over 5"),
    (("--layer", "conv2d", "--stride", "0"), 2, "conv2d: --stride is 0; it is a whole number from 1"),
    (("--layer", "conv2d", "--dilation", "0"), 2, "--dilation is 0"),
    (("--layer", "conv2d", "--padding", "-1"), 2, "conv2d: --padding is -1; it is a whole number from 0"),
    (("--layer", "conv1d", "--shape", "X=1x1x3", "--shape", "W=1x1x5"), 2, "the kernel of 5 reaches over 5 cells"),
    (("Z[i] = sum(a,b,c,d,e,f,g) A[a]*B[b]*C[c]*D[d]*E[e]*F[f]*G[g]*x[i]",), 2, "7 sums of symbolic sizes"),
    # the command line
    ((), 2, "give equations, --file or --layer"),
    (("y = x", "--layer", "relu"), 2, "give equations, --file or --layer"),
    (("--file", "missing.txt"), 2, "missing.txt does not exist"),
    (("y = x", "--values", "missing.json"), 2, "missing.json does not exist"),
    (("--file", "-", "--values", "-"), 2, "cannot both come from standard input"),
    (("y = x", "--stride", "2"), 2, "--stride is an option of layers; name one with --layer"),
    (("--layer", "conv2dd"), 2, "no layer is called conv2dd; did you mean conv2d?"),
    (("--layer", "conv2d", "--ceil-mode"), 2, "conv2d has no option --ceil-mode"),
    (("y = x", "--fromat", "json"), 2, "no such option '--fromat'"),
    (("y = x", "--wrt", "z"), 2, "z is not in the equations, which have x, y"),
    (("y = x", "--wrt", "2"), 2, "--wrt takes names of arrays, as in --wrt W,b; '2' is none"),
    (("y = x", "--upstream", "z=G"), 2, "z has an upstream gradient, and no line gives z a value; the lines define y"),
    (("y = x", "--upstream", "y"), 2, "--upstream takes an output and a name, as in Z=G"),
    (("y = x", "--upstream", "y=G", "--upstream", "y=H"), 2, "--upstream names y twice"),
    (("y = x", "--shape", "y"), 2, "--shape takes a name and extents, as in V=8x9 or V=H,W; 'y' is not like that"),
    (("y = x", "--shape", "z=3"), 2, "no line mentions z"),
    (("y = x", "--second", "x,x,x"), 2, "--second takes one array or two"),
    (("y = x", "--second", "z"), 2, "z is not in the equations, which have x, y"),
    (("y = x", "--convention", "kernal=convolution"), 2, "no convention is called 'kernal'; did you mean kernel?"),
    (("y = x", "--convention", "index=2"), 2, "the convention index=2 is not known; write index=0 or index=1"),
    (("y = x", "--convention", "kernel=convolution"), 2, "chooses among layers by name; write it into the equations"),
    (("L = sum(i) T[y[i],i]", "--wrt", "y"), 2, "y holds whole numbers, which have no gradient"),
    (("L = sum(i) T[y[i],i]", "--values", '{"T": [[1, 2]], "y": [0, 5]}'), 2, "y[i] = 5 at i = 1, and T has 0..0"),
    (("L = 1/x", "--values", '{"x": 0}'), 3, "1/x has no value: x = 0 (division by zero)"),
    (("y = median(x)",), 2, "the function median is unknown"),
    (("",), 2, "there is nothing to read"),
    (("__import__('os').system('touch X')",), 2, "a name begins with a letter"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "says"), REFUSED, ids=[says[:30] for _, _, says in REFUSED])
def test_what_cannot_be_served_is_one_clear_line(
    arguments: tuple[str, ...], code: int, says: str, capfd: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["grad", *arguments]) == code
    shown = capfd.readouterr()
    assert says in shown.err and "Traceback" not in shown.err and shown.out == ""
    first, *rest = shown.err.splitlines()
    assert len(rest) in (0, 2) and says in first and list(tmp_path.iterdir()) == []
    assert run(["grad", *arguments, "--json"]) == code
    error = json.loads(capfd.readouterr().out)["error"]
    assert says.split(": ", 1)[-1] in error["message"] or says in error["message"]
