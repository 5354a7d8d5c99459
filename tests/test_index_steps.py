"""Steps of index equations are run: right ones hold, planted slips are found; the sizes and arrays they run on."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import terms
from derive.checks import index_numbers, index_steps
from derive.checks.index_steps import environments, gathered_is_scattered, result_of, run_gradients, run_step, run_steps
from derive.checks.steps import CheckedStep
from derive.errors import ProgramError
from derive.evaluation import values
from derive.gradients import Gradients, gradients
from derive.integers import Index, IntegerEntry, Size, integer
from derive.program import Equation, Program
from derive.reading.equations import read_equations
from derive.samples import sample_arrays
from derive.sizes import free_sizes, sample_sizes, shapes_of
from derive.step import Rule, Step
from derive.subjects import mlp
from derive.terms import Chain, Guard, Reduce, Term, entry, multiply, total

TEXTS = {
    "correlation": "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]",
    "strided convolution": "Z[n,o,i] = sum(c,k) V[n,c,2*i+k]*K[o,c,k] + b[o]",
    "padded": "V : n\nZ : n\nZ[i] = sum(k) [0 <= i+k-1 < n]*V[i+k-1]*K[k]\nK : 3",
    "softmax": "X : n x m\nY = softmax(X)",
    "normalised": "mu = mean(x)\nv = mean(i) (x[i]-mu)^2\ny[i] = (x[i]-mu)/sqrt(v + 1e-5)",
    "pooling": "V : 5 x 6\nZ : 2 x 3\nZ[i,j] = max(k,l) V[2*i+k,2*j+l]",
    "product": "L = prod(i) x[i]",
    "recurrence": "s[t] = [t >= 1]*c*s[t-1] + u[t]\nL = sum(t) s[t]^2",
    "embedding": "T : v x d\ny : b\nZ[i,j] = T[y[i],j]",
    "entropy": "Z = sum(i) x[i]*ln(x[i])",
}
RULE = Rule("planted", "one side in place of the other", lambda equation, program: None)


def made(name: str) -> Gradients:
    return gradients(mlp.symbolic() if name == "symbolic layer" else read_equations(TEXTS[name]))


def planted(step: Step, change: Callable[[Term], Term]) -> Step:
    return dataclasses.replace(step, after=Equation(step.after.left, change(step.after.term)))


# --- steps ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*TEXTS, "symbolic layer"])
def test_every_step_is_run_and_holds_and_the_result_is_what_scattering_gives(name: str) -> None:
    derivation = made(name)
    checked = run_gradients(derivation)
    assert all(found.points for found in checked.values())
    result = result_of(checked)
    assert result.passed and result.run == result.held == len(set(derivation.steps))
    for adjoint, found in gathered_is_scattered(derivation).items():
        assert found.holds and found.points, (adjoint, found)


def _without_guards(term: Term) -> Term:
    return terms.transformed(term, lambda node: terms.UNIT if isinstance(node, Guard) else node)


def _shifted_subscripts(term: Term) -> Term:
    """The last subscript of every read one further."""
    return terms.replace_entries(
        term,
        lambda node: node if not node.indices else terms.Entry(node.array, (*node.indices[:-1], node.indices[-1] + 1)),
    )


def _shorter_sums(term: Term) -> Term:
    """The first index of every sum ends one earlier."""

    def change(node: Term) -> Term:
        if not isinstance(node, Reduce):
            return node
        first, *rest = node.indices
        short = Index(first.name, first.stop - 1, first.lower)
        return total((short, *rest), terms.substitute(node.body, {first: integer(short)}), node.operator)

    return terms.transformed(term, change)


def _doubled(term: Term) -> Term:
    return multiply(2, term)


def _swapped_axes(term: Term) -> Term:
    return terms.replace_entries(term, lambda node: terms.Entry(node.array, node.indices[::-1]))


def _other_delta(term: Term) -> Term:
    return terms.transformed(
        term, lambda node: terms.delta(node.left, node.right + 1) if isinstance(node, terms.Delta) else node
    )


def _barely_off(term: Term) -> Term:
    return multiply(terms.Number(1 + Fraction(1, 10**11)), term)


SLIPS = (_without_guards, _shifted_subscripts, _shorter_sums, _doubled, _swapped_axes, _other_delta, _barely_off)


@pytest.mark.parametrize("slip", SLIPS)
def test_a_planted_slip_is_found_wherever_it_changes_the_step(slip: Callable[[Term], Term]) -> None:
    found: list[CheckedStep] = []
    for name in ("correlation", "strided convolution", "padded"):
        derivation = made(name)
        samples = index_steps.with_adjoints(derivation)
        for step in derivation.steps:
            wrong = planted(step, slip)
            if not terms.same(wrong.after.term, step.after.term):
                found.append(run_step(wrong, derivation.primal, samples=samples))
    assert len(found) >= 8
    undetected = [each for each in found if each.holds]
    # a guard that the domains imply may go, and the derivative by a bias has a sum that does not count
    harmless = {_without_guards: len(found) // 3, _shorter_sums: 1}
    assert len(undetected) <= harmless.get(slip, 0), undetected[:1]


def test_a_lost_guard_is_found_by_the_read_outside() -> None:
    i, k = Index("i", Size("n")), Index("k", 3)
    inside = Guard((terms.within(integer(i) - k, Size("n")),))
    v = entry("V", integer(i) - k)
    line = Equation(entry("Z", i), total((k,), multiply(inside, v)))
    program = Program((entry("V", Index("i", Size("n"))),), (line,), ("Z",))
    step = Step(RULE, "", (), line, Equation(entry("Z", i), total((k,), v)))
    found = run_step(step, program)
    assert not found.holds and found.reason.startswith("V[i - k] is read outside V: i - k = -1 at i = 0, k = 1")
    assert result_of({step: found}).text == "0 of 1 steps hold; wrong: planted at Z"


@pytest.mark.parametrize("seed", range(6))
def test_what_holds_for_one_sign_only_is_found_with_a_single_number(seed: int) -> None:
    """|x| x^2 is x^3 for every x that one draw may give."""
    program = read_equations("y = abs(x)*x^2")
    line = program.equations[0]
    wrong = Equation(line.left, read_equations("y = x^3").equations[0].term)
    step = Step(RULE, "", (), line, wrong)
    assert not run_step(step, program, seed=seed).holds


def test_a_side_without_a_value_is_not_compared() -> None:
    i = Index("i", 3)
    program = Program((entry("x", Index("i", 3)),), (Equation(entry("Z", i), entry("x", i)),), ("Z",))
    undefined = Equation(entry("Z", i), terms.power(terms.add(entry("x", i), multiply(-1, entry("x", i))), -1))
    found = run_steps([Step(RULE, "", (), undefined, program.equations[0])], program)
    assert [(each.holds, each.points) for each in found.values()] == [(True, 0)]
    assert result_of(found).passed is None and "division by zero" in result_of(found).reason
    other_way = run_step(Step(RULE, "", (), program.equations[0], undefined), program)
    assert not other_way.holds


def test_single_entries_of_a_large_grid_find_a_slip_at_its_edge() -> None:
    """One that changes the last row alone, in a grid that is too large to be looked at whole."""
    indices = [Index(name, 40) for name in "abcd"]
    program = Program((entry("x", Index("a", 40)),), (Equation(entry("Z", *indices), entry("x", indices[0])),), ("Z",))
    last = Guard((Chain((integer(indices[2]), integer(39)), ("=",)),))
    wrong = Equation(entry("Z", *indices), terms.add(entry("x", indices[0]), multiply(last, entry("x", 0))))
    step = Step(RULE, "", (), program.equations[0], wrong)
    samples = environments(Program(program.inputs, (), ()))
    found = run_step(step, program, samples=samples)
    assert not found.holds and 0 < found.points <= index_numbers.ENTRIES
    assert run_step(dataclasses.replace(step, after=step.before), program, samples=samples).holds


def test_known_arrays_have_the_shape_of_their_heads() -> None:
    program = read_equations("Z[i] = sum(j) A[i,j]*x[j]")
    i, j = Index("i", program.heads["Z"].indices[0].index.stop), Index("j", 2)  # type: ignore[union-attr]
    left = entry("S", j)
    one = Equation(left, total((i,), multiply(entry("G", i), j)))
    two = Equation(left, multiply(j, total((i,), entry("G", i))))
    found = run_step(Step(RULE, "", (), one, two), program, known={"G": program.heads["Z"]})
    assert found.holds and found.points
    with pytest.raises(Exception, match="G has no value"):
        run_step(Step(RULE, "", (), one, two), program)


# --- sizes and arrays -------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_sizes_differ_fit_and_are_once_1(seed: int) -> None:
    program = read_equations(TEXTS["correlation"])
    found = sample_sizes(program, seed)
    assert len(found) == 3 and found == sample_sizes(program, seed)
    assert all(set(sizes) == set(free_sizes(program)) for sizes in found)
    assert all(min(shape) >= 1 for sizes in found for shape in shapes_of(program, sizes).values())
    for sizes in found[:2]:
        assert len(set(sizes.values())) == len(sizes) and 1 not in sizes.values()
    assert 1 in found[2].values()


def test_many_sizes_are_told_apart_by_two_assignments() -> None:
    program = read_equations("Z[n,o,i,j,h] = sum(c,k,l,p) V[n,c,i+k,j+l,h+p]*K[o,c,k,l,p]")
    one, two, _ = sample_sizes(program)
    assert len(one) > 5
    for first, second in itertools.combinations(one, 2):
        assert one[first] != one[second] or two[first] != two[second]


def test_facts_about_sizes_hold() -> None:
    n, m = Size("n"), Size("m", least=3)
    i, j = Index("i", n), Index("j", m)
    program = Program((entry("A", i, j),), (Equation(entry("Z"), total((i, j), entry("A", i, j))),), ("Z",))
    even = Chain((integer(n), integer(m)), (">",))
    for sizes in sample_sizes(program, facts=[even]):
        assert sizes["n"] > sizes["m"] >= 3
    with pytest.raises(ProgramError, match="no numbers for n, m were found"):
        sample_sizes(program, facts=[Chain((integer(n), integer(0)), ("<",))])


def test_a_program_of_numbers_has_no_sizes_to_draw() -> None:
    assert sample_sizes(read_equations(TEXTS["pooling"])) == [{}]


@pytest.mark.parametrize("name", TEXTS)
def test_arrays_have_both_signs_where_the_equations_allow_it_and_stay_away_from_0(name: str) -> None:
    program = read_equations(TEXTS[name])
    for sizes in sample_sizes(program):
        arrays = sample_arrays(program, sizes, np.random.default_rng(1))
        real = np.concatenate([array.reshape(-1) for array in arrays.values() if array.dtype == np.float64])
        assert np.all(np.abs(real) >= 0.1)
        assert np.isfinite([np.sum(each) for each in values(program, arrays, sizes).values()]).all()
        if name == "entropy":
            assert np.all(real > 0)
        elif real.size > 8:
            assert real.min() < 0 < real.max()


def test_labels_are_in_the_range_of_what_they_index() -> None:
    program = read_equations(TEXTS["embedding"])
    seen: set[int] = set()
    for seed in range(30):
        sizes = sample_sizes(program, seed)[0]
        labels: Any = sample_arrays(program, sizes, np.random.default_rng(seed))["y"]
        rows = shapes_of(program, sizes)["T"][0]
        assert labels.dtype == np.int64 and labels.min() >= 0 and labels.max() < rows
        seen.update(labels - rows)
    assert -1 in seen


def test_extents_are_small_different_and_as_many_as_are_read() -> None:
    layers = Size("L")
    sizes = {"L": 3}
    n = sample_arrays(mlp.symbolic(), sizes, np.random.default_rng(0))["n"]
    assert n.shape == (4,) and len(set(n.tolist())) == 4 and n.min() >= 1
    ragged = Index("l", layers)
    head = entry("R", ragged, Index("i", IntegerEntry("n", (integer(ragged),), 2)))
    program = Program((head, entry("n", Index("l", layers))), (), (), integers=frozenset({"n"}))
    arrays = sample_arrays(program, sizes, np.random.default_rng(0))
    assert arrays["n"].min() >= 2 and arrays["R"].shape == (3, arrays["n"].max())
    assert all(np.count_nonzero(row) == units for row, units in zip(arrays["R"], arrays["n"], strict=True))
