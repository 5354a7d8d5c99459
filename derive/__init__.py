"""Derive gradients on paper, and prove the paper right on numbers.

    import derive
    program = derive.trace("sin(x1/x2) + x1/x2 - exp(x2)")
    derivation = derive.reverse(program)
    print(derive.to_latex(derivation))
    print(derive.hessian("x*y + sin(x)", "x=1,y=2"))
    answer = derive.grad("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]", ["K", "V"], upstream={"Z": "G"})
    print(answer["V"].text, answer["V"].sentence)

Every name below is loaded when it is first used. What takes a Program also takes text, a tree or a SymPy expression.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

#: Public name -> the module that holds it. No submodule bears the name of a public function.
_PUBLIC = {
    "read": "derive.reading.reader",
    "read_program": "derive.reading.programs",
    "trace": "derive.tracing",
    "record": "derive.recording",
    "forward": "derive.public",
    "reverse": "derive.public",
    "jacobian": "derive.public",
    "hessian": "derive.public",
    "hessian_vector_product": "derive.public",
    "grad": "derive.answers",
    "grad_layer": "derive.subjects.layers.gradients",
    "layers": "derive.public",
    "to_text": "derive.display",
    "to_latex": "derive.display",
    "to_html": "derive.display",
    "to_numpy": "derive.public",
    "to_torch": "derive.public",
    "check": "derive.checks.report",
    "verify": "derive.verification.checking",
    "load_fixtures": "derive.fixtures.loading",
    "draw": "derive.display",
    "watch": "derive.display",
}

#: derive.sin and the other elementary functions, for Python functions that are to be recorded.
_ELEMENTARY = frozenset(
    "sin cos tan asin acos atan sinh cosh tanh exp log sqrt abs sign max min relu sigmoid softplus erf".split()
)

if TYPE_CHECKING:
    from derive.answers import grad as grad
    from derive.checks.report import check as check
    from derive.display import draw as draw
    from derive.display import to_html as to_html
    from derive.display import to_latex as to_latex
    from derive.display import to_text as to_text
    from derive.display import watch as watch
    from derive.fixtures.loading import load_fixtures as load_fixtures
    from derive.public import forward as forward
    from derive.public import hessian as hessian
    from derive.public import hessian_vector_product as hessian_vector_product
    from derive.public import jacobian as jacobian
    from derive.public import layers as layers
    from derive.public import reverse as reverse
    from derive.public import to_numpy as to_numpy
    from derive.public import to_torch as to_torch
    from derive.reading.programs import read_program as read_program
    from derive.reading.reader import read as read
    from derive.recording import record as record
    from derive.subjects.layers.gradients import grad_layer as grad_layer
    from derive.tracing import trace as trace
    from derive.verification.checking import verify as verify

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    import importlib

    if name in _PUBLIC:
        return getattr(importlib.import_module(_PUBLIC[name]), name)
    if name in _ELEMENTARY:
        return getattr(importlib.import_module("derive.elementary"), name)
    raise AttributeError(f"module 'derive' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
