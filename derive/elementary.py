"""The elementary functions, for Python functions that are to be recorded: `derive.sin(x)`.

On a recording variable they add a line to its tape; on a number they give its value.
"""

from __future__ import annotations

from typing import Any

from derive.arithmetic import FLOATS
from derive.functions import CALLABLE
from derive.variables import Variable, recorded


def _function(name: str) -> Any:
    row = CALLABLE[name]

    def function(*operands: Any) -> Any:
        if len(operands) != row.arity:
            raise TypeError(f"{name} takes {row.arity} operand{'s' * (row.arity > 1)}, not {len(operands)}")
        if any(isinstance(operand, Variable) for operand in operands):
            return recorded(row, *operands)
        return row.value(FLOATS, *map(float, operands))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name} of {'a number' if row.arity == 1 else 'two numbers'} or of recording variables."
    return function


sin = _function("sin")
cos = _function("cos")
tan = _function("tan")
asin = _function("asin")
acos = _function("acos")
atan = _function("atan")
sinh = _function("sinh")
cosh = _function("cosh")
tanh = _function("tanh")
exp = _function("exp")
log = _function("log")
sqrt = _function("sqrt")
abs = _function("abs")
sign = _function("sign")
max = _function("max")
min = _function("min")
relu = _function("relu")
sigmoid = _function("sigmoid")
softplus = _function("softplus")
erf = _function("erf")
