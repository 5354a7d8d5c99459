"""Activation functions, entry by entry, on arrays of any rank. At a kink the derivative is torch's: relu'(0) = 0."""

from __future__ import annotations

from functools import partial

from derive.subjects.layers.elementwise import entry_by_entry, line_by_entry
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting
from derive.subjects.layers.options import Option

_X = entry_by_entry(Operand("X", ("...",)))


def _activation(
    name: str, title: str, formula: str, sentence: str, torch: str, *options: Option, source: str = ""
) -> Layer:
    return Layer(name, title, sentence, _X, partial(line_by_entry, formula), options, torch=torch, source=source)


def _gelu(setting: Setting) -> Equations:
    if setting["approximate"] == "tanh":
        return line_by_entry("{x}*(1 + tanh(sqrt(2/pi)*({x} + 0.044715*{x}^3)))/2", setting)
    return line_by_entry("{x}*(1 + erf({x}/sqrt(2)))/2", setting)


LAYERS = (
    _activation("linear_activation", "no activation", "{x}", "the output is the input", "torch.nn.Identity"),
    _activation(
        "sigmoid", "logistic function", "sigmoid({x})", "squeezes each entry into (0, 1)", "torch.nn.functional.sigmoid"
    ),
    _activation("tanh", "hyperbolic tangent", "tanh({x})", "squeezes entries into (-1, 1)", "torch.nn.functional.tanh"),
    _activation(
        "relu",
        "rectified linear unit",
        "relu({x})",
        "positive entries stay, others become 0; relu'(0) = 0",
        "torch.nn.functional.relu",
        source="V. Nair, G. Hinton, Rectified linear units improve restricted Boltzmann machines (2010)",
    ),
    _activation(
        "leaky_relu",
        "leaky rectified linear unit",
        "[{x} > 0]*{x} + {slope}[{x} <= 0]*{x}",
        "positive entries stay, others are multiplied by the slope, which is also the derivative at 0",
        "torch.nn.functional.leaky_relu",
        Option("slope", "number", "0.01", "factor of entries that are not positive"),
    ),
    _activation(
        "elu",
        "exponential linear unit",
        "[{x} > 0]*{x} + {alpha}[{x} <= 0]*(exp({x}) - 1)",
        "positive entries stay, others tend to -alpha",
        "torch.nn.functional.elu",
        Option("alpha", "number", "1", "how far below 0 the outputs reach"),
        source="D. Clevert, T. Unterthiner, S. Hochreiter (2016), arXiv:1511.07289",
    ),
    Layer(
        "gelu",
        "Gaussian error linear unit",
        "each entry times the probability that a standard normal number lies below it",
        _X,
        _gelu,
        (Option("approximate", "choice", "none", "none: with erf; tanh: the approximation", choices=("none", "tanh")),),
        torch="torch.nn.functional.gelu",
        source="D. Hendrycks, K. Gimpel (2016), arXiv:1606.08415",
    ),
    _activation("softplus", "softplus", "softplus({x})", "ln(1 + exp(x))", "torch.nn.functional.softplus"),
    _activation(
        "silu",
        "sigmoid linear unit (swish)",
        "{x}*sigmoid({x})",
        "each entry times its logistic function",
        "torch.nn.functional.silu",
        source="S. Elfwing, E. Uchibe, K. Doya (2017), arXiv:1702.03118",
    ),
    _activation(
        "mish",
        "mish",
        "{x}*tanh(softplus({x}))",
        "each entry times tanh(ln(1 + exp(x)))",
        "torch.nn.functional.mish",
        source="D. Misra (2019), arXiv:1908.08681",
    ),
    _activation(
        "log_sigmoid", "logarithm of the logistic function", "-softplus(-{x})", "ln(sigmoid(x))",
        "torch.nn.functional.logsigmoid",
    ),
    _activation(
        "hardtanh",
        "hard tanh",
        "[-1 < {x} < 1]*{x} + [{x} >= 1] - [{x} <= -1]",
        "entries are cut off at -1 and 1, where the derivative is 0",
        "torch.nn.functional.hardtanh",
    ),
)  # fmt: skip
