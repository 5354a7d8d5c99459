"""Equation and Program: lazy, immutable, and checked with messages that name equation and name."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

import derive
from derive import tree as t
from derive.errors import ProgramError
from derive.functions import OPERATIONS
from derive.program import Accumulation, Elementary, Equation, Program, Term


def line(name: str, operation: str, *operands: str) -> Equation:
    return Equation(name, Elementary(OPERATIONS[operation], operands))


def test_an_equation_makes_its_sympy_side_only_when_asked() -> None:
    import sympy

    equation = line("v_1", "mul", "x", "y")
    x, y = sympy.symbols("x y", real=True)
    assert equation.rhs == x * y
    assert equation.lhs == sympy.Symbol("v_1", real=True)


def test_an_equation_given_in_sympy_objects_is_the_same_equation() -> None:
    import sympy

    x, y, q = sympy.symbols("x y q", real=True)
    equation = Equation(q, x * y)
    assert equation.name == "q" and set(equation.reads) == {"x", "y"}
    assert equation == line("q", "mul", "x", "y")


def test_equations_and_programs_are_immutable() -> None:
    equation = line("v_1", "mul", "x", "y")
    with pytest.raises(AttributeError, match="immutable"):
        equation.written = t.Name("x")
    with pytest.raises(dataclasses.FrozenInstanceError):
        Program(("x",), (), ()).inputs = ()  # type: ignore[misc]


def test_an_adjoint_line_prints_a_positive_term_first() -> None:
    from derive.plain import formula

    quotient, exponential = line("v_1", "div", "x", "y"), line("v_3", "exp", "y")
    adjoint = Equation("ybar", Accumulation((Term("vbar_1", quotient, 1), Term("vbar_3", exponential, 0))))
    assert formula(adjoint.tree) == "vbar_3*v_3 - vbar_1*(x/y^2)"


@pytest.mark.parametrize(
    ("inputs", "equations", "outputs", "message"),
    [
        (("x",), [line("v_4", "sin", "x"), line("v_4", "cos", "x")], ("v_4",),
         "v_4 is given two values, by equations 1 and 2; rename one of them"),
        (("x", "x"), [], ("x",), "x is declared twice as an input; rename one of them"),
        (("x",), [line("x", "sin", "x")], ("x",),
         "x is given two values, as an input and by equation 1; rename one of them"),
        (("x",), [line("a", "add", "x", "w")], ("a",), "equation 1 (a) reads w, which has no value"),
        (("x",), [line("a", "add", "x", "b"), line("b", "sin", "x")], ("a",),
         "equation 1 (a) reads b before equation 2 gives it a value"),
        (("x",), [line("a", "add", "x", "a")], ("a",), "equation 1 gives a a value from a itself"),
        (("x",), [line("a", "sin", "x")], ("b",), "the output b is given no value by any equation"),
    ],
)  # fmt: skip
def test_what_is_no_program_is_refused_in_words(inputs, equations, outputs, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ProgramError) as caught:
        Program(inputs, tuple(equations), outputs).check()
    assert caught.value.message == message


def test_every_transform_gives_a_program_that_checks() -> None:
    program = derive.trace("tanh(w*x + b)^2 / (1 + x)")
    for derivation in (derive.reverse(program), derive.forward(program)):
        derivation.adjoint.check()


def test_tracing_and_sweeping_import_no_sympy() -> None:
    code = (
        "import sys, derive; d = derive.reverse(derive.trace('sin(x/y)*x')); [str(l) for l in d.adjoint]; "
        "sys.exit('sympy' in sys.modules or 'numpy' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
