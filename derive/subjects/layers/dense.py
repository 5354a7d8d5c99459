"""Layers without a window: linear, bilinear, embedding, dropout, flatten, softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.errors import UsageError
from derive.subjects.layers.elementwise import INDICES, axes_of_rank, entry_by_entry, indices_of
from derive.subjects.layers.layer import Equations, Layer, Operand, Setting
from derive.subjects.layers.options import Option

BIAS = Option("bias", "flag", False, "with a bias b")
_SPATIAL = ("C", "H", "Wd", "D", "E")


def with_bias(options: Mapping[str, Any], axis: str) -> tuple[Operand, ...]:
    return (Operand("b", (axis,)),) if options["bias"] else ()


WEIGHTS = Option("weights", "choice", "Wx", "Wx: outputs x inputs; xW: inputs x outputs", choices=("Wx", "xW"))
LAYOUT = Option("layout", "choice", "row", "samples are rows of X, or its columns", choices=("row", "column"))


def _of_sample(options: Mapping[str, Any], sample: str, entry: str) -> tuple[str, ...]:
    """The axes or indices of a batch: the sample first where samples are rows."""
    return (sample, entry) if options["layout"] == "row" else (entry, sample)


def _linear_operands(options: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    """x is one vector (rank 1) or a batch of rows or columns."""
    inputs = _of_sample(options, "N", "D") if rank != 1 else ("D",)
    weights = ("O", "D") if options["weights"] == "Wx" else ("D", "O")
    return (Operand("X", inputs), Operand("W", weights), *with_bias(options, "O"))


def _linear(setting: Setting) -> Equations:
    several = len(setting.axes("X")) == 2

    def at(entry: str) -> str:
        return f"[{', '.join(_of_sample(setting.options, 'n', entry) if several else (entry,))}]"

    product = f"W[o, d]*X{at('d')}" if setting["weights"] == "Wx" else f"X{at('d')}*W[d, o]"
    bias = " + b[o]" if setting["bias"] else ""
    return Equations((f"Y{at('o')} = sum(d) {product}{bias}",))


def _bilinear_operands(options: Mapping[str, Any], _: int | None) -> tuple[Operand, ...]:
    return (
        Operand("U", ("N", "I")),
        Operand("V", ("N", "J")),
        Operand("W", ("O", "I", "J")),
        *with_bias(options, "O"),
    )


def _bilinear(setting: Setting) -> Equations:
    bias = " + b[o]" if setting["bias"] else ""
    return Equations((f"Y[n, o] = sum(i, j) U[n, i]*W[o, i, j]*V[n, j]{bias}",))


def _embedding_operands(_: Mapping[str, Any], __: int | None) -> tuple[Operand, ...]:
    return (Operand("X", ("N",), "classes of K", wrt=False), Operand("W", ("K", "D")))


def _dropout(setting: Setting) -> Equations:
    at = indices_of(setting)
    return Equations((f"p = {setting['p']}", f"Y{at} = M{at}*X{at}/(1 - p)"))


def _flatten_operands(_: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    count = 4 if rank is None else rank
    if not 2 <= count <= 6:
        raise UsageError(f"flatten reads X with 2 to 6 axes, N first, and the one given has {count}")
    return (Operand("X", ("N", *_SPATIAL[: count - 1])),)


def _flatten(setting: Setting) -> Equations:
    """Entry f of a row is the entry at f in row-major order."""
    letters = setting.axes("X")[1:]
    extents = [setting.size(str(letter)) for letter in letters]
    indices = ("c", "i", "j", "k", "l")[: len(letters)]
    places = []
    for axis, index in enumerate(indices):
        numbers = [extent for extent in extents[axis + 1 :] if isinstance(extent, int)]
        names = [extent for extent in extents[axis + 1 :] if isinstance(extent, str)]
        factor = _product(numbers)
        places.append("*".join([index, *names] if factor == 1 else [index, str(factor), *names]))
    known = all(isinstance(extent, int) for extent in extents)
    total = _product([extent for extent in extents if isinstance(extent, int)])
    remarks = () if known else (f"# F = {'*'.join(map(str, extents))}",)
    line = f"Y[n, f] = sum({', '.join(indices)}) [f = {' + '.join(places)}]*X[n, {', '.join(indices)}]"
    return Equations((*remarks, line), {"Y": (setting.size("N"), total if known else "F")})


def _product(numbers: list[int]) -> int:
    result = 1
    for number in numbers:
        result *= number
    return result


def _rows_operands(_: Mapping[str, Any], rank: int | None) -> tuple[Operand, ...]:
    """Any number of axes, the last of which holds the classes."""
    return (Operand("X", (*axes_of_rank((rank or 2) - 1), "K")),)


def _along_last(setting: Setting) -> tuple[str, str]:
    """X at c, and X at another class of the same row."""
    row = "".join(f"{index}, " for index in INDICES[: len(setting.axes("X")) - 1])
    return f"[{row}c]", f"[{row}o]"


def _softmax(setting: Setting) -> Equations:
    own, other = _along_last(setting)
    return Equations((f"Y{own} = exp(X{own})/(sum(o) exp(X{other}))",))


def _log_softmax(setting: Setting) -> Equations:
    own, other = _along_last(setting)
    return Equations((f"Y{own} = X{own} - log(sum(o) exp(X{other}))",))


LAYERS = (
    Layer(
        "linear",
        "linear layer",
        "each output is a weighted sum of the inputs; W x, or x W with the weights transposed",
        _linear_operands,
        _linear,
        (BIAS, WEIGHTS, LAYOUT),
        torch="torch.nn.functional.linear",
    ),
    Layer(
        "bilinear",
        "bilinear layer",
        "each output is a form u^T W v of two inputs",
        _bilinear_operands,
        _bilinear,
        (BIAS,),
        torch="torch.nn.functional.bilinear",
    ),
    Layer(
        "embedding",
        "embedding",
        "each whole number picks its row of W",
        _embedding_operands,
        lambda setting: Equations(("Y[n, d] = W[X[n], d]",)),
        torch="torch.nn.functional.embedding",
    ),
    Layer(
        "dropout",
        "dropout with a given mask",
        "entries are dropped where the mask M is 0, the others divided by the probability of being kept",
        entry_by_entry(Operand("X", ("...",)), Operand("M", ("...",), "{0, 1}", wrt=False)),
        _dropout,
        (Option("p", "number", "0.5", "probability of being dropped"),),
        torch="torch.nn.functional.dropout",
        source="N. Srivastava et al., Dropout, JMLR 15 (2014)",
    ),
    Layer(
        "flatten",
        "flatten",
        "all axes behind the batch become one, in row-major order",
        _flatten_operands,
        _flatten,
        torch="torch.nn.Flatten",
    ),
    Layer(
        "softmax",
        "softmax",
        "exponentials divided by their sum, along the last axis",
        _rows_operands,
        _softmax,
        torch="torch.nn.functional.softmax",
    ),
    Layer(
        "log_softmax",
        "logarithm of softmax",
        "each entry less the logarithm of the sum of all exponentials of its row",
        _rows_operands,
        _log_softmax,
        torch="torch.nn.functional.log_softmax",
    ),
)  # fmt: skip
