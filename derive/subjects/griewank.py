"""Griewank & Walther's function as course sheet 003 asks for it, and what the sheet's answer key prints.

Source: A. Griewank, A. Walther, Evaluating Derivatives, 2nd ed. (SIAM, 2008); the key is the published solution of
exercise 1. It is not trusted: the engine derives every line, and the key is held against it.
"""

from __future__ import annotations

from dataclasses import dataclass

FUNCTION = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"
POINT = "x1=1.5,x2=0.5"


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line of the key: the name it gives a value, its formula in the plain notation, and the number it prints."""

    name: str
    formula: str
    number: str


KEY = (
    PrintedLine("v_1", "v_-1/v_0", "3"),
    PrintedLine("v_2", "sin(v_1)", "0.1411"),
    PrintedLine("v_3", "exp(v_0)", "1.6487"),
    PrintedLine("v_4", "v_1 - v_3", "1.3513"),
    PrintedLine("v_5", "v_2 + v_4", "1.4924"),
    PrintedLine("v_6", "v_5*v_4", "2.0167"),
    PrintedLine("vbar_5", "vbar_6*v_4", "1.3513"),
    PrintedLine("vbar_4", "vbar_5*1 + vbar_6*v_5", "2.8437"),
    PrintedLine("vbar_3", "-vbar_4", "-2.8437"),
    PrintedLine("vbar_2", "vbar_5", "1.3513"),
    PrintedLine("vbar_1", "vbar_2*cos(v_1) + vbar_4", "1.5059"),
    PrintedLine("vbar_0", "vbar_3*v_3 - vbar_1*(v_0/v_-1^2)", "-13.7239"),
    PrintedLine("vbar_-1", "vbar_1/v_0", "3.0118"),
)
