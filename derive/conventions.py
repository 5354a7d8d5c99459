"""Conventions of a course as one value, given to derivation, printer and code; and the Notation that follows from them.

    --convention weights=xW --convention index=1 --convention error=delta

Some change the mathematics (a layer is x W instead of W x), some only how formulas look; `KEYS` says which.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from derive.errors import UsageError
from derive.names import anatomy
from derive.words import nearest

#: The symbol of the loss. No name of the plain notation has it, so the loss never looks like the last layer L.
LOSS = "ℒ"


@dataclass(frozen=True)
class Notation:
    """How formulas other than plain text are printed, beyond what a tree says. Plain text with PLAIN reads back.

    layered : arrays, sizes and functions whose first index is the layer; it stands above, in brackets.
    layer : these brackets, "[]" or "()".
    base : 0, or 1 where indices are printed as if they counted from 1; indices of layers stay as they are.
    tight : single letters in a subscript stand without commas, Z_ij.
    limits : every reduction shows its limits; else only where the arrays that it reads do not imply them.
    symbols : names that formulas show as other names, such as {"z_bar": "delta", "loss": LOSS}.
    adjoints : name of an adjoint -> (the loss, whose adjoint it is): printed as a partial derivative.
    first : names whose entries stand first in a product, behind the number.
    kronecker : Kronecker's delta is printed as a delta; else as an indicator, and always so beside another delta.
    """

    layered: frozenset[str] = frozenset()
    layer: str = "[]"
    base: int = 0
    tight: bool = False
    limits: bool = False
    symbols: Mapping[str, str] = field(default_factory=dict)
    adjoints: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    first: frozenset[str] = frozenset()
    kronecker: bool = True

    def beside(self, names: Iterable[str]) -> Notation:
        """The same for a page on which these names occur: beside an array called delta, Kronecker's is [m = k]."""
        return replace(self, kronecker=False) if self.kronecker and self._has_delta(names) else self

    def _has_delta(self, names: Iterable[str]) -> bool:
        shown = {*self.symbols.values(), *(self.symbols.get(name, name) for name in names)}
        return any(anatomy(name).base == "delta" for name in shown if name != LOSS)


PLAIN = Notation()


@dataclass(frozen=True)
class Conventions:
    """What a course has agreed on. The fields and their values are those of KEYS."""

    weights: str = "Wx"
    layout: str = "column"
    kernel: str = "correlation"
    reduction: str = "mean"
    half: bool = False
    index: int = 0
    layer: str = "[]"
    commas: bool = True
    limits: bool = False
    error: str = "bar"

    def notation(
        self,
        *,
        names: Iterable[str] = (),
        layered: Collection[str] = (),
        loss: str = "",
        adjoints: Mapping[str, str] | None = None,
        signals: Collection[str] = (),
    ) -> Notation:
        """The notation of a page.

        names : of all that occurs on it.  layered : what has a layer.  loss : name of the loss, a script L on paper.
        adjoints : array -> name of its adjoint.  signals : the arrays whose adjoint a course calls the error signal.
        """
        given = dict(adjoints or {})
        symbols = {loss: LOSS} if loss else {}
        partials: dict[str, tuple[str, str]] = {}
        if self.error == "delta":
            symbols |= {given[array]: _delta(array, alone=len(signals) == 1) for array in signals if array in given}
        if self.error != "bar" and loss:
            partials = {each: (loss, array) for array, each in given.items() if array != loss and each not in symbols}
        notation = Notation(
            frozenset(layered), self.layer, self.index, not self.commas, self.limits, symbols, partials,
            frozenset(given.values()),
        )  # fmt: skip
        return notation.beside([*names, *given, *given.values()])


def _delta(array: str, alone: bool) -> str:
    """The error signal of z_3 is delta_3; of z it is delta, or delta_z where there are several."""
    parts = anatomy(array)
    own = parts.subscripts or (() if alone else (parts.base,))
    return "_".join(("delta", *own))


# --- from the command line --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """name : of the field.  values : as typed -> as kept, the default first; sentences : what each means.

    mathematics : whether it chooses among equations (of a layer by name, whose option has the same name), or only how
    formulas are printed.
    """

    name: str
    values: Mapping[str, Any]
    sentences: tuple[str, ...]
    mathematics: bool = True


KEYS = (
    Key("weights", {"Wx": "Wx", "xW": "xW"}, ("a layer computes W x + b", "a layer computes x W + b")),
    Key("layout", {"column": "column", "row": "row"}, ("samples are columns of X", "samples are rows of X")),
    Key("kernel", {"correlation": "correlation", "convolution": "convolution"},
        ("a convolutional layer reads V[i+k]", "it reads V[i-k], a true convolution")),
    Key("reduction", {"mean": "mean", "sum": "sum"}, ("losses of samples are averaged", "they are added up")),
    Key("half", {"false": False, "true": True},
        ("the squared error is (y - t)^2", "it is 1/2*(y - t)^2")),
    Key("index", {"0": 0, "1": 1}, ("indices count from 0", "indices are printed from 1"), mathematics=False),
    Key("layer", {"[l]": "[]", "(l)": "()"}, ("the layer stands above as [l]", "as (l)"), mathematics=False),
    Key("commas", {"true": True, "false": False}, ("subscripts are i,j", "single letters are ij"), mathematics=False),
    Key("limits", {"implied": False, "always": True},
        ("a sum over a whole axis shows no limits", "every sum shows its limits"), mathematics=False),
    Key("error", {"bar": "bar", "delta": "delta", "partial": "partial"},
        ("the adjoint of z is z with a bar", "it is a delta, that of w is dL/dw", "it is dL/dz"), mathematics=False),
)  # fmt: skip


def read_conventions(settings: Iterable[str]) -> Conventions:
    """The conventions that differ from the usual ones, each as `key=value`. Raises UsageError."""
    return conventions_of(chosen_settings(settings))


def conventions_of(chosen: Mapping[str, str]) -> Conventions:
    """The conventions for settings that `chosen_settings` has read."""
    known = {key.name: key for key in KEYS}
    return Conventions(**{name: known[name].values[value] for name, value in chosen.items()})


def chosen_settings(settings: Iterable[str]) -> dict[str, str]:
    """Key -> value as typed, of settings `key=value`. Raises UsageError for what is not in KEYS, or given twice."""
    known = {key.name: key for key in KEYS}
    chosen: dict[str, str] = {}
    for setting in settings:
        name, equals, value = ("".join(part.split()) for part in setting.partition("="))
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close}?" if close else f"there are {', '.join(known)}"
            raise UsageError(f"no convention is called {name!r}; {hint}")
        ways = " or ".join(f"{name}={each}" for each in known[name].values)
        if not equals or value not in known[name].values:
            told = f"{name}={value} is not known" if equals else f"{name} has no value"
            raise UsageError(f"the convention {told}; write {ways}")
        if chosen.setdefault(name, value) != value:
            raise UsageError(f"the convention {name} is given as {chosen[name]} and as {value}; give it once")
    return chosen


def conventions_help() -> list[tuple[str, str]]:
    """Each `key=value` with what it means; the default of a key stands first."""
    return [
        (f"{key.name}={value}", sentence)
        for key in KEYS
        for value, sentence in zip(key.values, key.sentences, strict=True)
    ]
