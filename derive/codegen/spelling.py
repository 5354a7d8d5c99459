"""An operation and a number as Python spells them, with the brackets that are needed and the spaces of a formatter."""

from __future__ import annotations

import re
from collections.abc import Sequence

from derive.functions import Operation

#: How tightly Python binds, loosest first.
COMPARISON, EITHER, BOTH, SUM, PRODUCT, UNARY, POWER, ATOM = range(8)
LEVELS = {"|": EITHER, "&": BOTH, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT}
#: A whole number beyond this is written as the double it becomes.
LARGEST = 2**53


def literal(text: str, *, whole: bool = False) -> str:
    """A number of the plain notation as a number of Python, spelled as a formatter spells it.

    It is a float, since integers have rules of their own: those of NumPy wrap around, and take no negative power.
    whole : where that cannot matter, as in x**2 and 1 / 3, a whole number is written as the author wrote it.
    """
    if whole and text.isdigit() and len(text) <= 16 and int(text) < LARGEST:
        return str(int(text))
    value = float(text)
    return repr(value) if value < float("inf") else "1e999"


def applied(template: str, operation: Operation, parts: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """The template with its operands in the brackets that they need."""
    if operation.infix == "^":
        (base, left), (exponent, right) = parts
        base = base if left == ATOM else f"({base})"
        exponent = exponent if right == ATOM or re.fullmatch(r"-[\d.e]+", exponent) else f"({exponent})"
        return raised(base, exponent), POWER
    if operation.name == "neg":
        text, level = parts[0]
        return "-" + (text if level == ATOM else f"({text})"), UNARY
    if operation.name == "copy":
        return parts[0]
    if operation.infix in LEVELS:
        level = LEVELS[operation.infix]
        (left_text, left), (right_text, right) = parts
        left_text = left_text if left >= level else f"({left_text})"
        right_text = right_text if right > level else f"({right_text})"
        return template.format(left_text, right_text), level
    if operation.name == "holds":
        return template.format(parts[0][0]), COMPARISON
    if operation.infix:  # a comparison, times 1.0 or as doubles
        return template.format(*(text for text, _ in parts)), PRODUCT if template.endswith("1.0") else ATOM
    # a function: an operand stands between brackets and commas, or behind a minus sign
    texts = []
    for k, (text, bound) in enumerate(parts):
        signed = f"-{{{k}}}" in template
        texts.append(f"({text})" if signed and bound < ATOM else text)
    return template.format(*texts), ATOM


def raised(base: str, exponent: str) -> str:
    """A power of operands that need no more brackets; close together where both are plain, as formatters have it."""
    tight = _simple(base) and _simple(exponent.removeprefix("-"))
    return f"{base}**{exponent}" if tight else f"{base} ** {exponent}"


def _simple(text: str) -> bool:
    return re.fullmatch(r"[\w.]+", text) is not None
