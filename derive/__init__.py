"""Derive gradients on paper, and prove the paper right on numbers.

    import derive
    program = derive.trace("sin(x1/x2) + x1/x2 - exp(x2)")
    derivation = derive.reverse(program)
    print(derive.to_latex(derivation))

Every name below is loaded when it is first used.
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
    "forward": "derive.tangents",
    "reverse": "derive.adjoints",
    "jacobian": "derive.jacobians",
    "hessian": "derive.jacobians",
    "hessian_vector_product": "derive.jacobians",
    "to_text": "derive.display",
    "to_latex": "derive.display",
    "to_html": "derive.display",
    "to_numpy": "derive.codegen.to_numpy",
    "to_torch": "derive.codegen.to_torch",
    "check": "derive.checks.report",
    "draw": "derive.display",
}

#: derive.sin and the other elementary functions, for Python functions that are to be recorded.
_ELEMENTARY = frozenset(
    "sin cos tan asin acos atan sinh cosh tanh exp log sqrt abs sign max min relu sigmoid softplus erf".split()
)

if TYPE_CHECKING:
    from derive.adjoints import reverse as reverse
    from derive.checks.report import check as check
    from derive.codegen.to_numpy import to_numpy as to_numpy
    from derive.codegen.to_torch import to_torch as to_torch
    from derive.display import draw as draw
    from derive.display import to_html as to_html
    from derive.display import to_latex as to_latex
    from derive.display import to_text as to_text
    from derive.jacobians import hessian as hessian
    from derive.jacobians import hessian_vector_product as hessian_vector_product
    from derive.jacobians import jacobian as jacobian
    from derive.reading.programs import read_program as read_program
    from derive.reading.reader import read as read
    from derive.recording import record as record
    from derive.tangents import forward as forward
    from derive.tracing import trace as trace

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
