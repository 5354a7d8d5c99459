"""Every public object shows itself in a notebook; the public functions take text, programs and derivations."""

from __future__ import annotations

import math

import pytest

import derive
from derive.display import document_of
from derive.errors import DeriveError, DomainError
from derive.reading.equations import read_equations
from derive.worked import work_out

TEXT = "sin(x*y) + x/y"
POINT = "x=1.5,y=1/2"


def test_every_public_name_is_there_and_documented() -> None:
    for name in derive.__all__:
        thing = getattr(derive, name)
        assert thing is not None
        assert name.startswith("__") or (thing.__doc__ and len(thing.__doc__) > 30), name


def test_objects_show_themselves_as_latex_or_html() -> None:
    tree = derive.read(TEXT)
    program = derive.trace(TEXT)
    derivation = derive.reverse(program)
    assert r"\frac{x}{y}" in tree._repr_latex_()
    for thing in (program, derivation, derive.forward(program)):
        assert thing._repr_latex_().startswith("$$\\begin{aligned}")
        assert "<math" in thing._repr_html_() and "<html" not in thing._repr_html_()
    worked = work_out(program, derive.display.point_of(POINT))
    for thing in (worked, document_of(worked), derive.check(program, POINT), derive.to_numpy(derivation)):
        assert "<" in thing._repr_html_() and "<html" not in thing._repr_html_()


def test_what_a_public_function_answers_is_shown_by_a_notebook_and_is_short_in_a_terminal() -> None:
    answer = derive.grad("Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]", ["K", "V"], upstream={"Z": "G"})
    for thing, says in (
        (answer, "<math"),
        (answer["V"], "is the full convolution of"),
        (answer.check(), "gather = scatter"),
        (answer.code("numpy"), "def gradients"),
        (derive.grad_layer("linear"), "<math"),
        (derive.verify("v_1 = v_-1/v_0", "griewank"), "correct"),
        (derive.watch(TEXT, POINT), 'type="radio"'),
    ):
        assert says in thing._repr_html_(), says
        assert "<script" not in thing._repr_html_()
    assert answer["V"]._repr_latex_().count(r"\bar{V}") == 1
    assert repr(answer["K"]) == "<Gradient: K_bar[k, l] = sum(i, j) G[i, j]*V[i + k, j + l]>"
    assert repr(answer).startswith("<Answer: K_bar[k, l] =") and str(answer["K"]) == answer["K"].text
    assert repr(answer.code("numpy")) == answer.code("numpy").text
    assert repr(derive.read_program("q = x + y\nf = q*z\n")) == "q = x + y\nf = q*z"


def test_index_equations_show_themselves_with_their_indices() -> None:
    program = read_equations("Z[i] = sum(k) V[i+k]*K[k]")
    assert r"Z_i &= \sum_k V_{i + k} \, K_k" in program._repr_latex_()
    assert program._repr_html_().count("<math") == 2  # one for each side
    assert derive.to_text(program) == "  Z[i] = sum(k) V[i + k]*K[k]\n"
    with pytest.raises(DeriveError, match="not at a point"):
        derive.to_text(program, "V=1")


@pytest.mark.parametrize("write", [derive.to_text, derive.to_latex, derive.to_html])
def test_text_program_derivation_and_worked_are_all_written_out(write) -> None:  # type: ignore[no-untyped-def]
    program = derive.trace(TEXT)
    for target in (TEXT, program, derive.reverse(program), work_out(program)):
        written = write(target, POINT) if target is not None else ""
        assert "v_3" in written or "v_{3}" in written or "<msub>" in written


def test_a_point_is_text_or_a_mapping_of_numbers() -> None:
    as_text = derive.to_text(TEXT, POINT)
    assert derive.to_text(TEXT, {"x": 1.5, "y": "1/2"}) == as_text
    other = derive.to_text(TEXT, {"x": "3/2", "y": 0.5})
    assert other.replace("x = 3/2", "x = 1.5").replace("y = 0.5", "y = 1/2") == as_text


def test_the_drawing_is_a_figure() -> None:
    from matplotlib.figure import Figure

    assert isinstance(derive.draw(TEXT), Figure)
    assert isinstance(derive.draw(derive.reverse(derive.trace(TEXT)), POINT), Figure)


def test_text_trees_and_sympy_are_taken_wherever_a_program_is() -> None:
    import sympy

    x, y = sympy.symbols("x y")
    program = derive.trace(TEXT, order=("x", "y"))
    for target in (TEXT, derive.read(TEXT), sympy.sin(x * y) + x / y):
        assert derive.reverse(target).adjoint.outputs == derive.reverse(program).adjoint.outputs
        assert len(derive.forward(target).adjoint) == len(program)
        assert derive.jacobian(target, POINT)["f"] == pytest.approx(derive.jacobian(program, {"x": 1.5, "y": 0.5})["f"])
        expected = derive.hessian(program, {"v_-1": 1.5, "v_0": "1/2"})
        for name, row in derive.hessian(target, POINT).items():
            assert row == pytest.approx(expected[name], rel=1e-14)  # SymPy has terms of its own order
        for vector in ("x=2,y=-1", {"y": -1.0, "x": 2.0}, (2.0, -1.0)):
            product = derive.hessian_vector_product(target, POINT, vector)
            rows = derive.hessian(program, POINT)
            assert product == pytest.approx({name: 2 * row["x"] - row["y"] for name, row in rows.items()})
        value, gradient = derive.to_numpy(target)(1.5, 0.5)
        assert {"x": gradient[0], "y": gradient[1]} == pytest.approx(derive.jacobian(program, POINT)["f"])
        assert value == pytest.approx(math.sin(0.75) + 3)
    assert derive.to_numpy(derive.reverse(program)).source == derive.to_numpy(program).source


def test_text_is_taken_for_torch_too() -> None:
    pytest.importorskip("torch")
    value, (by_x, by_y) = derive.to_torch("x*y")(2.0, 3.0)
    assert (float(value), float(by_x), float(by_y)) == (6.0, 3.0, 2.0)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("x=1", "y has no value"),
        ("x=1,y=2,z=3", "z is no input; the inputs are x, y"),
        ({"x": 1.0, "y": 2.0, "q": 0.0}, "q is no input"),
        ({"x": 1.0, "v_-1": 2.0, "y": 1.0}, "given two values"),
        ({}, "x has no value"),
    ],
)
def test_a_point_that_does_not_fit_is_refused(at, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DeriveError, match=message):
        derive.hessian(TEXT, at)


def test_second_derivatives_of_a_recorded_function_are_not_given_on_another_branch() -> None:
    program = derive.record(lambda a: a**3 if a > 0 else a, at={"a": 1.0})
    assert derive.hessian(program, "a=2") == {"a": {"a": 12.0}}
    with pytest.raises(DomainError, match="record it again"):
        derive.hessian(program, "a=-2")
