"""Equations (4) to (7) of the course sheet come out of the engine, and hold on numbers."""

from __future__ import annotations

import pytest

from derive.answers import plain
from derive.checks.index_steps import run_gradients, run_steps, with_adjoints
from derive.integers import Size
from derive.subjects import mlp


def test_equations_4_to_7_as_the_sheet_prints_them() -> None:
    """z_bar is the sheet's delta; d_2 e is the derivative of e by its second argument, the prediction."""
    made = mlp.backpropagation()
    assert plain(made.weights) == "w_bar[l, i, j] = z_bar[l, i]*a[l - 1, j]"
    assert plain(made.last) == "z_bar[L, i] = d_2 e[i](y[i], a[L, i])*f'[L](z[L, i])"
    body = "(sum(k) [0 <= k < n[l + 1]]*z_bar[l + 1, k]*w[l + 1, k, i])*f'[l](z[l, i])"
    assert plain(made.hidden) == f"z_bar[l, i] = {body}"
    assert plain(made.biases) == "b_bar[l, i] = z_bar[l, i]"


def test_the_cases_are_the_layers() -> None:
    """(6) is for the hidden layers 1 to L-1, the weights for all of 1 to L."""
    made = mlp.backpropagation()
    hidden, weights = made.hidden.indices[0], made.weights.indices[0]
    last = mlp.LAST
    assert (hidden.lower, hidden.stop) == (1, last)
    assert (weights.lower, weights.stop) == (1, last + 1)
    assert Size("L") in last.atoms()


@pytest.mark.parametrize("options", [{}, {"weights_first": False}, {"skip": 2}])
def test_every_step_holds_on_networks_of_other_sizes(options: dict[str, int]) -> None:
    made = mlp.backpropagation(mlp.symbolic(**options))  # type: ignore[arg-type]
    samples = with_adjoints(made.gradients)
    checked = run_gradients(made.gradients)
    cases = (*made.delta_steps, *made.last_steps, *made.hidden_steps)
    checked |= run_steps(cases, made.gradients.primal, samples=samples)
    assert len(checked) > 30
    assert all(each.holds for each in checked.values())
    assert all(each.points for each in checked.values())


def test_a_planted_slip_is_found() -> None:
    """The steps are held against numbers: with w^[l] in place of w^[l+1] the recursion fails."""
    from dataclasses import replace

    from derive import terms
    from derive.program import Equation

    made = mlp.backpropagation()
    step = made.hidden_steps[-1]

    def slip(node: terms.Entry) -> terms.Term:
        if node.array != "w":
            return node
        return terms.Entry("w", (node.indices[0] - 1, *node.indices[1:]))

    wrong = replace(step, after=Equation(step.after.left, terms.replace_entries(step.after.term, slip)))
    samples = with_adjoints(made.gradients)
    (checked,) = run_steps([wrong], made.gradients.primal, samples=samples).values()
    assert not checked.holds
