"""Sample functions for names such as f^[l]: smooth, of any number of arguments, with derivatives of every order.

f(u_1, ..., u_n) = sum over two r of c_r * sin(sum over k of a_rk*u_k + b_r), whose constants are scrambled from the
name and the parameters' values. A derivative by u_k is a factor a_rk and a quarter of a turn.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from derive.evaluation.duals import Array, Dual, Number, Scaled, lifted

_WAVES = 2


def sample(name: str, parameters: Sequence[Any], orders: Sequence[int], *arguments: Number) -> Any:
    """The value of the sample function `name`, differentiated `orders[k]` times by argument k.

    parameters : whole numbers or arrays of them; other values, another function.
    """
    if any(isinstance(each, (Dual, Scaled)) for each in arguments):

        def partial(slot: int, value: Number, *operands: Number) -> Any:
            raised = [order + (place == slot) for place, order in enumerate(orders)]
            return sample(name, parameters, raised, *operands)

        return lifted(lambda *values: sample(name, parameters, orders, *values), partial, *arguments)
    total: Any = 0.0
    turn = sum(orders) * (math.pi / 2)
    for wave in range(_WAVES):
        angle: Any = turn + 2.0 * _between(name, parameters, wave, 0)
        factor: Any = _between(name, parameters, wave, 1)
        for slot, (argument, order) in enumerate(zip(arguments, orders, strict=True)):
            speed = _between(name, parameters, wave, 2 + slot)
            angle = angle + speed * argument
            factor = factor * speed**order
        total = total + factor * np.sin(angle)
    return total


def _between(name: str, parameters: Sequence[Any], *place: int) -> Any:
    """A number in 1/2..3/2 for each value of the parameters."""
    with np.errstate(over="ignore"):
        state: Any = np.array([zlib.crc32(repr((name, *place)).encode())], dtype=np.uint64)
        for parameter in parameters:
            state = _scrambled(state ^ _scrambled(np.atleast_1d(np.asarray(parameter)).astype(np.uint64)))
        numbers: Array = 0.5 + (_scrambled(state) >> np.uint64(11)) / 2.0**53
    return float(numbers.reshape(-1)[0]) if numbers.size == 1 else numbers


def _scrambled(state: Array) -> Array:
    """One step of splitmix64 (Steele, Lea, Flood, 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scrambled: Array = state ^ (state >> np.uint64(31))
    return scrambled
