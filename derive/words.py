"""The words of the plain notation that are no names: functions, reductions, and what is refused as a name."""

from __future__ import annotations

import difflib
import keyword
from collections.abc import Iterable

from derive.functions import ALIASES, CALLABLE

#: Words that take bound indices, `sum(i,j) body`; without a body they are functions of their arguments.
REDUCERS = ("sum", "mean", "max", "min", "prod")

#: Functions of whole arrays: name -> (fewest, most) arguments.
_OF_ARRAYS = {
    **dict.fromkeys(("norm", "tr", "diag", "softmax", "logsoftmax", "sum", "mean", "prod"), (1, 1)),
    "max": (1, 2), "min": (1, 2), "ones": (1, 2),
    "floor": (1, 1), "mod": (2, 2),  # of whole numbers, in subscripts and indicators
}  # fmt: skip

#: Every function that may be called, under all its spellings: name -> (fewest, most) arguments.
FUNCTIONS: dict[str, tuple[int, int]] = {
    **{name: (row.arity, row.arity) for name, row in CALLABLE.items()},
    **{alias: (CALLABLE[name].arity, CALLABLE[name].arity) for alias, name in ALIASES.items()},
    **_OF_ARRAYS,
}

#: Functions that have no name here: name -> what to write, {0} being the argument with its brackets.
INSTEAD = {
    "log10": "(log{0}/log(10))", "lg": "(log{0}/log(10))", "log2": "(log{0}/log(2))", "lb": "(log{0}/log(2))",
    "log1p": "log(1 + {0})", "expm1": "(exp{0} - 1)", "exp2": "2^{0}", "exp10": "10^{0}", "square": "{0}^2",
    "sec": "(1/cos{0})", "csc": "(1/sin{0})", "cot": "(1/tan{0})", "sech": "(1/cosh{0})", "csch": "(1/sinh{0})",
    "coth": "(1/tanh{0})",
}  # fmt: skip

#: Constants, where nobody declared a variable of that name.
CONSTANTS = ("pi", "e")

#: Words of Python that are refused as names even where they are declared; `lambda` is an ordinary name here.
REFUSED = frozenset(keyword.kwlist) - {"lambda"}

#: No numbers: refused unless declared as names. Compared in lower case.
NOT_NUMBERS = frozenset({"nan", "inf", "infinity"})


def canonical(function: str) -> str:
    """The first spelling of a function: ln -> log."""
    return ALIASES.get(function, function)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` was probably meant to be, or None: for "did you mean ...?"."""
    candidates = list(dict.fromkeys(names))
    if close := difflib.get_close_matches(name, candidates, n=1, cutoff=0.6):
        return close[0]
    return next((other for other in candidates if other.lower() == name.lower()), None)
