"""Losses: X is the prediction (or the logits), y the target, over a batch of N rows of K entries.

`reduction` is mean (torch's: over all entries, or over the rows where a row has one loss), sum, or batch-mean (the sum
of each row, averaged over the batch). The 1/2 of the squared error is an option.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from derive.errors import UsageError
from derive.subjects.layers.elementwise import factor, indices_of
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting
from derive.subjects.layers.options import Option

REDUCTION = Option(
    "reduction", "choice", "mean", "over all entries; batch-mean: each row summed, then the mean over the batch",
    choices=("mean", "sum", "batch-mean"),
)  # fmt: skip
_AXES = ("N", "K", "H", "Wd", "D")
ROWS = Option("reduction", "choice", "mean", "over the rows of the batch", choices=("mean", "sum"))


def _entries(target: str, prediction: str = "real") -> Callable[[Mapping[str, Any], int | None], tuple[Operand, ...]]:
    """A prediction and a target of one shape, of any rank; the first axis is the batch."""

    def of(_: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
        count = 2 if rank is None else rank
        if count > len(_AXES):
            raise UsageError(f"a loss has at most {len(_AXES)} axes here, and the prediction given has {count}")
        axes = _AXES[:count]
        return (Operand("X", axes, prediction), Operand("y", axes, target, wrt=False))

    return of


def _reduced(setting: Setting, body: str) -> str:
    """The loss from the loss of one entry."""
    letters = indices_of(setting)[1:-1]
    if not letters:
        return f"L = {body}"
    if setting["reduction"] == "mean":
        return f"L = mean({letters}) {body}"
    share = f"/{setting.size('N')}" if setting["reduction"] == "batch-mean" else ""
    return f"L = sum({letters}) {body}{share}"


def _each(formula: str, setting: Setting) -> Equations:
    """The loss of one entry as a formula of {x} and {y}; options by name."""
    at = indices_of(setting)
    return Equations((_reduced(setting, formula.format(x=f"X{at}", y=f"y{at}", **setting.options)),))


def _squared(setting: Setting) -> Equations:
    return _each("({x} - {y})^2" + ("/2" if setting["half"] else ""), setting)


def _huber(setting: Setting) -> Equations:
    at, delta = indices_of(setting), setting["delta"]
    small = f"[abs(r{at}) <= {delta}]*r{at}^2/2"
    large = f"[abs(r{at}) > {delta}]*{factor(delta)}(abs(r{at}) - {delta}/2)"
    return Equations((f"r{at} = X{at} - y{at}", _reduced(setting, f"({small} + {large})")))


# --- of rows ----------------------------------------------------------------------------------------------------------


def _classes(options: Mapping[str, Any], _: int | None) -> tuple[Operand, ...]:
    """Logits, and per row a label or the probability of each class."""
    if options["targets"] == "labels":
        return (Operand("X", ("N", "K")), Operand("y", ("N",), "classes of K", wrt=False))
    return (Operand("X", ("N", "K")), Operand("y", ("N", "K"), "simplex", wrt=False))


def _share(setting: Setting) -> str:
    return f"/{setting.size('N')}" if setting["reduction"] == "mean" else ""


def _cross_entropy(setting: Setting) -> Equations:
    """p = softmax(X), and the loss is -sum y ln p."""
    loss = "sum(n) log(p[n, y[n]])" if setting["targets"] == "labels" else "sum(n, i) y[n, i]*log(p[n, i])"
    return Equations(("p[n, i] = exp(X[n, i])/(sum(j) exp(X[n, j]))", f"L = -({loss}{_share(setting)})"))


def _rows(prediction: str) -> Callable[[Mapping[str, Any], int | None], tuple[Operand, ...]]:
    return lambda _, __: (Operand("X", ("N", "K"), prediction), Operand("y", ("N", "K"), "simplex", wrt=False))


def _kl(setting: Setting) -> Equations:
    return Equations((f"L = sum(n, i) y[n, i]*(log(y[n, i]) - log(X[n, i])){_share(setting)}",))


TARGETS = Option(
    "targets", "choice", "probabilities", "a probability for each class (one-hot too), or the number of a class",
    choices=("probabilities", "labels"),
)  # fmt: skip
_loss = partial(Layer, outputs=("L",), loss=True)

LAYERS = (
    _loss(
        "squared_error",
        "squared error",
        "the squares of the differences, with or without the 1/2",
        _entries("real"),
        _squared,
        (REDUCTION, Option("half", "flag", False, "with the factor 1/2")),
        torch="torch.nn.functional.mse_loss",
    ),
    _loss(
        "absolute_error",
        "absolute error",
        "the absolute values of the differences; abs'(0) = 0",
        _entries("real"),
        partial(_each, "abs({x} - {y})"),
        (REDUCTION,),
        torch="torch.nn.functional.l1_loss",
    ),
    _loss(
        "huber",
        "Huber loss",
        "squared where the difference is at most delta, linear beyond it",
        _entries("real"),
        _huber,
        (REDUCTION, Option("delta", "number", "1", "where the square turns into a line")),
        torch="torch.nn.functional.huber_loss",
        source="P. Huber, Robust estimation of a location parameter, Ann. Math. Statist. 35 (1964)",
    ),
    _loss(
        "hinge",
        "hinge loss",
        "how much y*x falls short of 1, for targets -1 and 1; its derivative at 1 is 0",
        _entries("{-1, 1}"),
        partial(_each, "relu(1 - {y}*{x})"),
        (REDUCTION,),
        source="C. Cortes, V. Vapnik, Support-vector networks, Machine Learning 20 (1995)",
    ),
    _loss(
        "bce",
        "binary cross-entropy",
        "of probabilities X and targets between 0 and 1",
        _entries("(0, 1)", "(0, 1)"),
        partial(_each, "(-{y}*log({x}) - (1 - {y})*log(1 - {x}))"),
        (REDUCTION,),
        torch="torch.nn.functional.binary_cross_entropy",
    ),
    _loss(
        "bce_with_logits",
        "binary cross-entropy of logits",
        "softplus(x) - y*x, which is the binary cross-entropy of sigmoid(x)",
        _entries("(0, 1)"),
        partial(_each, "(softplus({x}) - {y}*{x})"),
        (REDUCTION,),
        torch="torch.nn.functional.binary_cross_entropy_with_logits",
    ),
    _loss(
        "softmax_cross_entropy",
        "softmax and cross-entropy",
        "minus the logarithm of the probability that softmax gives the target",
        _classes,
        _cross_entropy,
        (ROWS, TARGETS),
        torch="torch.nn.functional.cross_entropy",
    ),
    _loss(
        "kl_divergence",
        "Kullback-Leibler divergence",
        "sum y ln(y/x) of the target y from the prediction x, both probabilities",
        _rows("simplex"),
        _kl,
        (ROWS,),
        torch="torch.nn.functional.kl_div",
        source="S. Kullback, R. Leibler, Ann. Math. Statist. 22 (1951)",
    ),
)
