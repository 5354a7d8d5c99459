"""The point of evaluation: exact constants, kept as they were written."""

import pytest

from derive.errors import ReadingError
from derive.plain import formula
from derive.reading.points import read_point


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x1=1.5,x2=0.5", {"x1": "1.5", "x2": "0.5"}),
        ("x1=1.5,x2=1/3,z=pi/4", {"x1": "1.5", "x2": "1/3", "z": "pi/4"}),
        (" x = -1 , y = 1e-3 ", {"x": "-1", "y": "1e-3"}),
        ("x=max(1, 2), y=sqrt(2)*e^-1", {"x": "max(1, 2)", "y": "sqrt(2)*e^-1"}),
        ("v_-1=2,lambda=.5,pi=3", {"v_-1": "2", "lambda": ".5", "pi": "3"}),
        ("x=2pi", {"x": "2 pi"}),
    ],
)
def test_values_are_kept_exact_and_in_order(text, values):
    point = read_point(text)
    assert list(point) == list(values)
    assert {name: formula(value) for name, value in point.items()} == values


@pytest.mark.parametrize(
    ("text", "column", "piece"),
    [
        ("x1 1.5", 1, "= is missing behind x1"),
        ("x1", 1, "= is missing behind x1"),
        ("x=1,x=2", 5, "x is given twice"),
        ("", 1, "empty"),
        ("x=", 2, "x has no value"),
        ("x=1,,y=2", 5, "nothing stands before this comma"),
        ("x=1,", 4, "delete it"),
        ("x=y", 3, "y is no number"),
        ("x=1+[1 = 1]", 5, "not constant"),
        ("x=sum(i) 2", 3, "not constant"),
        ("x=1=2", 4, "second ="),
        ("1=x", 1, "a name is expected"),
        ("x=1,5", 5, "decimal point"),
        ("x=1\ny=2", 1, "one line"),
        ("x=nan", 3, "no number"),
        ("x=1e99999", 3, "exponent of ten"),
        ("x=2 3", 5, "2*3"),
        ("x=(1", 3, "never closed"),
        ("None=3", 1, "word of Python"),
        ("x=foo(1)", 3, "foo is unknown"),
        ("x='1'", 3, "quote"),
    ],
)
def test_what_is_no_point_is_refused_where_it_goes_wrong(text, column, piece):
    with pytest.raises(ReadingError) as caught:
        read_point(text)
    assert piece in caught.value.message
    assert caught.value.column == column


def test_a_name_that_is_no_input_is_refused_and_the_nearest_offered():
    with pytest.raises(ReadingError, match="wieght is no input; did you mean weight"):
        read_point("x1=1,wieght=2", names=("x1", "weight"))
    with pytest.raises(ReadingError, match="the inputs are x1, x2"):
        read_point("w=1", names=("x1", "x2"))
    assert list(read_point("x2=1", names=("x1", "x2"))) == ["x2"]
