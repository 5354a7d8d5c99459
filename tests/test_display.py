"""Every public object shows itself in a notebook; the public functions take text, programs and derivations."""

from __future__ import annotations

import pytest

import derive
from derive.display import document_of
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
