"""Recurrences: the order of work never reads what has no value yet, and other cycles are refused."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import ProgramError, ReadingError
from derive.program import Program
from derive.reading.equations import read_equations
from derive.recurrence import in_order, recurrences
from tests.thorough import examples

LENGTH = 4


def text_of(offsets):
    """h0, h1, ... each reading others at t + offset, under guards; offsets: (reader, read) -> a shift."""
    names = sorted({name for pair in offsets for name in pair})
    lines = ["u : 4"]
    for name in names:
        terms = [
            f"[0 <= t + {shift} < {LENGTH}]*{other}[t + {shift}]".replace("+ -", "- ")
            for (reader, other), shift in offsets.items()
            if reader == name
        ]
        lines.append(f"{name}[t] = " + " + ".join([f"tanh({term})" for term in terms] + ["u[t]"]))
    return "\n".join(lines)


pairs = st.sampled_from([(f"h{a}", f"h{b}") for a, b in itertools.product(range(3), repeat=2)])


def can_be_worked_out(offsets):
    """Whether some order of the entries reads only what has a value, by brute force."""
    names = {name for pair in offsets for name in pair}
    done: set[tuple[str, int]] = set()
    needs = {
        (name, t): {(other, t + shift) for (reader, other), shift in offsets.items()
                    if reader == name and 0 <= t + shift < LENGTH}
        for name in names for t in range(LENGTH)
    }  # fmt: skip
    while ready := [entry for entry in needs if entry not in done and needs[entry] <= done]:
        done.update(ready)
    return len(done) == len(needs)


@settings(max_examples=examples(200), deadline=None)
@given(st.dictionaries(pairs, st.integers(-2, 2), min_size=1, max_size=5))
def test_the_order_of_work_never_reads_what_has_no_value_yet(offsets):
    try:
        program = read_equations(text_of(offsets))
    except ReadingError as error:
        assert "earlier entries of one index" in error.message
        signs = {(shift > 0) - (shift < 0) for shift in offsets.values()}
        assert len(signs) > 1 or 0 in signs
        return
    assert can_be_worked_out(offsets)
    group_of = {name: each for each in recurrences(program.equations) for name in each.names}
    done: set[tuple[str, int]] = set()
    lines = list(program.equations)
    while lines:
        group = group_of.get(lines[0].name)
        names = group.names if group else (lines[0].name,)
        assert tuple(line.name for line in lines[: len(names)]) == names  # side by side, in the order of work
        del lines[: len(names)]
        places = range(LENGTH) if group is None or group.step == 1 else reversed(range(LENGTH))
        for t in places:
            for name in names:
                for (reader, other), shift in offsets.items():
                    if reader == name and 0 <= t + shift < LENGTH:
                        assert (other, t + shift) in done
                done.add((name, t))


def test_the_index_and_its_direction_are_found():
    program = read_equations("x : n x d\nh[t,i] = tanh(sum(j) W[i,j]*g[t,j] + x[t,i])\ng[t,i] = [t >= 1]*h[t-1,i]")
    (found,) = recurrences(program.equations)
    assert (found.names, dict(found.axes), found.step) == (("g", "h"), {"g": 0, "h": 0}, 1)
    program = read_equations("u : n\ns[i,t] = [t + 1 < n]*c[i]*s[i,t+1] + u[t]")
    (found,) = recurrences(program.equations)
    assert (dict(found.axes), found.step) == ({"s": 1}, -1)


def test_a_guard_may_say_that_an_entry_is_earlier():
    (found,) = recurrences(read_equations("s[t] = sum(k) [k < t]*w[k]*s[k] + u[t]").equations)
    assert found.step == 1
    with pytest.raises(ReadingError, match="earlier entries"):
        read_equations("s[t] = sum(k) [k <= t]*w[k]*s[k] + u[t]")


@pytest.mark.parametrize(
    "text",
    [
        "s[t] = c*s[t] + u[t]",
        "h[t] = g[t] + u[t]\ng[t] = h[t]",
        "u : 4 x 4\nD[i,j] = [i >= 1]*D[i-1,j] + [j >= 1]*D[i,j-1] + u[i,j]",
        "u : 4\ns[t] = [t >= 1]*s[t-1] + [t + 1 < 4]*s[t+1] + u[t]",
        "u : 4\ns[t] = s[3-t] + u[t]",
    ],
)
def test_any_other_cycle_is_refused(text):
    with pytest.raises(ReadingError, match="earlier entries of one index alone"):
        read_equations(text)


def test_a_program_checks_the_order_of_its_equations():
    program = read_equations("h[t] = tanh(g[t] + x[t])\ng[t] = [t>=1]*h[t-1]\ny[t] = 2*h[t]")
    turned = tuple(reversed(program.equations))
    assert [line.name for line in in_order(program.equations)] == ["g", "h", "y"]
    with pytest.raises(ProgramError, match="reads h before"):
        Program(program.inputs, turned, program.outputs).check()
    program.check()
