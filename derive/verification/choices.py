"""[conventions] of a problem: what a course has agreed on where notation alone does not say what is meant."""

from __future__ import annotations

from collections.abc import Mapping

from derive.errors import ReadingError
from derive.words import nearest

#: Convention -> its values, the default first.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "layout": ("denominator", "numerator"),
    "vectors": ("column", "row"),
    "index_from": ("0", "1"),
    "overline": ("name", "mean", "adjoint"),
    "prime": ("derivative", "transpose", "name"),
    "delta": ("name", "Kronecker"),
    "boundary": ("ask", "zero outside", "interior"),
    "star": ("cross-correlation",),
    "asterisk": ("ask", "convolution"),
    "jacobian": ("full", "elementwise"),
    "nabla_squared": ("ask", "Hessian", "Laplacian"),
}

#: Convention -> value -> what it means, for those who write a problem.
SENTENCES: Mapping[str, Mapping[str, str]] = {
    "layout": {
        "denominator": "dL/dX has the shape of X; dy/dx has the index of x first",
        "numerator": "a scalar by a vector is a row; dy/dx has the index of y first",
    },
    "vectors": {"column": "a vector is a column in matrix formulas", "row": "it is a row"},
    "index_from": {"0": "entries and layers of arrays are counted from 0", "1": "from 1"},
    "overline": {
        "name": "a bar belongs to the name",
        "mean": "a bar is the mean over the first axis",
        "adjoint": "a bar is the derivative of the loss by what stands below it",
    },
    "prime": {
        "derivative": "f' is the derivative of f",
        "transpose": "X' is the transpose of X",
        "name": "a prime belongs to the name",
    },
    "delta": {"name": "delta is a name", "Kronecker": "delta with two indices is 1 where they agree, else 0"},
    "boundary": {
        "ask": "a formula that reads outside an array is not judged, and the convention asked for",
        "zero outside": "entries outside an array are 0",
        "interior": "formulas are judged where every read is inside",
    },
    "star": {"cross-correlation": "A \\star B slides B over A without turning it"},
    "asterisk": {
        "ask": "a * between arrays is not judged, and the convention asked for",
        "convolution": "A * B turns B by half a turn before it slides; _{valid}, _{full}, _{same} as in signal theory",
    },
    "jacobian": {
        "full": "da/dz of an elementwise map is a diagonal matrix",
        "elementwise": "it is the vector of that matrix's diagonal",
    },
    "nabla_squared": {
        "ask": "a \\nabla^2 is not judged, and the convention asked for",
        "Hessian": "\\nabla^2 f is the matrix of second derivatives",
        "Laplacian": "\\nabla^2 f is the sum of the unmixed second derivatives",
    },
}


def read_choice(key: str, value: str) -> str:
    """The value as CHOICES spells it. Raises ReadingError with the nearest one."""
    known = CHOICES[key]
    plain = " ".join(value.split())
    for one in known:
        if plain.lower() == one.lower():
            return one
    close = nearest(plain, known)
    hint = f"did you mean {close}?" if close else f"choose from {', '.join(known)}"
    raise ReadingError(f"the convention {key} is never {value!r}; {hint}")


def defaults() -> dict[str, str]:
    return {key: values[0] for key, values in CHOICES.items()}
