"""Files of equations: order, declarations, and errors that name both lines."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ReadingError
from derive.plain import formula
from derive.reading.programs import read_program
from tests.thorough import examples

GRIEWANK = """
# the sheet's function
v_1 = x1/x2
v_2 = sin(v_1)
v_3 = exp(x2)
v_4 = v_1 - v_3
v_5 = v_2 + v_4
y = v_5*v_4
"""


def test_a_file_is_read_line_by_line_with_its_own_names():
    program = read_program(GRIEWANK)
    assert [line.name for line in program.lines] == ["v_1", "v_2", "v_3", "v_4", "v_5", "y"]
    assert [line.number for line in program.lines] == [3, 4, 5, 6, 7, 8]
    assert program.inputs == ("x1", "x2")
    assert program.remarks == ()
    assert formula(program.lines[3].right) == "v_1 - v_3"


def test_H052_lines_in_reverse_order_are_accepted_and_the_order_is_noted():
    backwards = "\n".join(reversed(GRIEWANK.strip().split("\n")))
    program = read_program(backwards)
    assert program.lines[0].name in ("v_1", "v_3")
    assert program.lines[-1].name == "y"
    assert "order" in program.remarks[0]


@settings(max_examples=examples(60), deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12))
def test_every_line_stands_behind_what_it_needs(seed, count):
    source = random.Random(seed)
    lines = [f"a{k} = x" + "".join(f" + a{m}" for m in range(k) if source.random() < 0.4) for k in range(count)]
    source.shuffle(lines)
    done = {"x"}
    for line in read_program("\n".join(lines)).lines:
        assert set(line.needs) <= done
        done.add(line.name)


@settings(max_examples=examples(40), deadline=None)
@given(st.permutations(["b = x", "c = y", "d = x*y", "f = 2"]))
def test_lines_that_do_not_need_each_other_keep_the_author_s_order(lines):
    program = read_program("\n".join(lines))
    assert [line.number for line in program.lines] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("text", "place", "pieces"),
    [
        ("b = x\na = b + c\nc = 2*a", (2, 9), ("line 2 needs c", "line 3 needs a")),
        ("a = b\nb = c\nc = a", (1, 5), ("line 1 needs b", "line 2 needs c", "line 3 needs a")),
        ("a = a + 1", (1, 5), ("from a itself",)),
    ],
)
def test_H051_a_cycle_is_refused_with_its_lines(text, place, pieces):
    with pytest.raises(ReadingError) as caught:
        read_program(text)
    assert (caught.value.line, caught.value.column) == place
    assert all(piece in caught.value.message for piece in pieces)


def test_a_recurrence_is_no_cycle():
    program = read_program("s[t] = [t >= 1]*c*s[t-1] + u[t]\nh[t] = g[t-1]\ng[t] = tanh(h[t])")
    assert {line.name for line in program.lines} == {"s", "h", "g"}
    assert program.inputs == ("c", "u")


def test_declarations_give_shapes_and_sizes():
    program = read_program(
        "W : m x n\nb : m\nc : scalar\nK : 2x3x4\nZ[i] = c*sum(j) W[i,j]*x[j]/n + b[i]\n"
        "upstream Z = G\nw[q] = [q < 2]*K[q,q,q]"
    )
    assert program.shapes == {"W": ("m", "n"), "b": ("m",), "c": (), "K": (2, 3, 4)}
    assert program.sizes == ("m", "n")
    assert program.upstream == {"Z": "G"}
    assert program.inputs == ("c", "W", "x", "b", "K")


def test_the_loss_is_named():
    assert read_program("q = x*y\nL = q^2\nloss L").loss == "L"
    assert read_program("loss = q*2\nq = x").loss is None


def test_chains_keep_what_the_author_claims():
    line = read_program("v_1 = x1/x2 = 1.5/0.5 = 3").lines[0]
    assert formula(line.right) == "x1/x2"
    assert [formula(claim) for claim in line.claims] == ["1.5/0.5", "3"]


def test_a_name_defined_or_declared_anywhere_is_a_factor_before_a_bracket():
    assert formula(read_program("y = q(1 - q)\nq = x").lines[-1].right) == "q (1 - q)"
    assert formula(read_program("c : scalar\ny = c(1 - x)").lines[-1].right) == "c (1 - x)"
    with pytest.raises(ReadingError, match="two readings"):
        read_program("y = x(1 - x)")


def test_an_open_bracket_continues_a_line():
    program = read_program("y = (a +\n  b)\nz = y\n")
    assert [line.number for line in program.lines] == [1, 3]


@pytest.mark.parametrize(
    ("text", "place", "piece"),
    [
        ("a = 1\nb = 2\na = 3", (3, 1), "a is given two values, in lines 1 and 3"),
        ("W : m\n\nW : n", (3, 1), "W is declared twice, in lines 1 and 3"),
        ("x + 1", (1, 1), "write q = x*y"),
        ("2 = x", (1, 1), "write q = x*y"),
        ("Z[i+1] = x", (1, 3), "one index"),
        ("W : 0", (1, 5), "from 1 to 1000000"),
        ("W : m x -1", (1, 5), "whole number"),
        ("W : 10000000", (1, 5), "whole number"),
        ("W : 2.5", (1, 5), "whole number"),
        ("W :", (1, 3), "write W : m x n"),
        ("q = x\nloss p", (2, 6), "no line gives p a value"),
        ("qq = x\nupstream qqq = G", (2, 10), "did you mean qq"),
        ("q = x\nupstream q", (2, 10), "write upstream Z = G"),
        ("q = x\nloss q\nloss q", (3, 1), "second loss"),
        ("", (1, 1), "nothing to read"),
        ("# c\n", (1, 1), "nothing to read"),
        ("q = x\nf = q*", (2, 7), "the line ends"),
        ("sin = 3\ny = sin + foo(2)", (2, 11), "foo is unknown"),
    ],
)
def test_what_is_no_program_is_refused_with_file_line_and_column(text, place, piece):
    with pytest.raises(ReadingError) as caught:
        read_program(text, file="task.txt")
    assert piece in caught.value.message
    assert (caught.value.line, caught.value.column, caught.value.file) == (*place, "task.txt")


def test_H029_a_name_declared_twice_is_refused():
    with pytest.raises(ReadingError, match="declared twice"):
        read_program("c : scalar\nc : scalar\ny = c")
