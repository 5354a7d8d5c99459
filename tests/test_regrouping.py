"""Shared runs: what is computed in another grouping or order than it was written has a step that tells so."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import derive
from derive import regrouping
from derive import tree as t
from derive.checks.steps import check_steps
from derive.evaluate import evaluate
from derive.functions import OPERATIONS
from derive.plain import formula
from derive.program import Program
from derive.tape import Slot, Tape
from derive.tracing import trace_tree
from tests.expressions import rational_expressions
from tests.thorough import examples


def spellings(program: Program) -> dict[str, set[str]]:
    """For each node all ways in which its value was written, as the program says: its line, and the steps that name it.

    Every operation stands in brackets: the order of operands and the grouping both show.
    """
    found = {name: {program.label(name)} for name in program.input_names}

    for line in program:
        operation, operands = line.source
        names = [[*found[k]] if isinstance(k, str) else [formula(k)] for k in operands]
        found[line.name] = {f"{operation.name}({','.join(parts)})" for parts in product(*names)}
        for step in program.steps:
            if step.after.name == line.name:
                match step.before.tree:
                    case t.Sum(terms=terms) | t.Product(factors=terms):
                        signs = [{"+": "add", "-": "sub", "*": "mul", "/": "div"}[sign] for sign, _ in terms]
                names = [[*found[k.text]] if isinstance(k, t.Name) else [formula(k)] for _, k in terms]
                for parts in product(*names):
                    total = parts[0]
                    for sign, part in zip(signs[1:], parts[1:], strict=True):
                        total = f"{sign}({total},{part})"
                    found[line.name].add(total)
        assume(len(found[line.name]) < 3000)
    return found


@given(rational_expressions())
@settings(max_examples=examples(300), deadline=None)
def test_lines_and_steps_together_tell_what_the_author_wrote(tree: t.Tree) -> None:
    tape = Tape(merge=False)
    names: dict[str, Slot] = {name: tape.input() for name in t.names_in(tree)}
    output = tape.add_tree(tree, names)
    assume(isinstance(output, int))
    written = list(names)
    for operation, operands in tape.rows[len(names) :]:
        parts = [written[k] if isinstance(k, int) else formula(k) for k in operands]
        written.append(f"{operation.name}({','.join(parts)})")  # type: ignore[union-attr]
    program = trace_tree(tree)
    assert written[output] in spellings(program)[program.outputs[0]]  # type: ignore[index]


@given(rational_expressions(20))
@settings(max_examples=examples(300), deadline=None)
def test_every_regrouping_is_its_rule_applied_and_keeps_the_value(tree: t.Tree) -> None:
    program = trace_tree(tree)
    for step in program.steps:
        assert step.before.tree != step.after.tree
        assert step.rule.rewrite(step.before, program) == step.after
    if program.steps:
        checked = check_steps(derive.reverse(program), points=1)
        assert all(checked[step].holds for step in program.steps)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(a+b+c)*(c+b+a)", ["v_2 = c + b + a -> a + b + c"]),
        ("a*b*c + c*b*a", ["v_2 = c*b*a -> a*b*c"]),
        ("(x+y)*(y+x)", ["v_1 = y + x -> x + y"]),
        ("sin(x*y)*cos(y*x)", ["v_1 = y*x -> x*y"]),
        # the sum with the shared run written in another order, and the run itself when it is shared once more
        ("(x-a+b)*(y+b-a)", ["v_2 = x - a + b -> x + v_1", "v_3 = y + b - a -> y + v_1"]),
        ("x/a/b + y/a/b", ["v_2 = x/a/b -> x/v_1", "v_3 = y/a/b -> y/v_1"]),
        # what is computed as it reads from left to right needs no step
        ("(a+b+c)*(a+b+d)", []),
        ("(x+y)*(x-y)", []),
    ],
)
def test_whatever_is_computed_in_another_grouping_or_order_is_told(text: str, expected: list[str]) -> None:
    program = derive.trace(text)
    names = {node: t.Name(program.label(node)) for node in program.input_names}

    def shown(tree: t.Tree) -> str:
        return formula(t.substituted(tree, names))

    assert [f"{s.after.name} = {shown(s.before.tree)} -> {shown(s.after.tree)}" for s in program.steps] == expected


def test_a_small_budget_shares_long_runs_in_pieces_and_no_fewer_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    run = "+".join(f"sin({k}*q)" for k in range(2, 60))
    text = f"(x+{run})*(y+{run})"
    whole = derive.trace(text)
    monkeypatch.setattr(regrouping, "WINDOW_BUDGET", 1)
    pieces = derive.trace(text)
    assert len(pieces) == len(whole)

    def in_pieces(program: Program) -> bool:
        sums = {line.name for line in program if line.source.operation.name == "add"}
        return any(sums.issuperset(line.source.operands) for line in program if line.name in sums)

    assert in_pieces(pieces) and not in_pieces(whole)
    point = {"q": 0.5, "x": 0.25, "y": 2.0}
    values = [
        evaluate(program, {node: point[program.label(node)] for node in program.input_names})[program.outputs[0]]
        for program in (whole, pieces)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-13)


def test_thousands_of_terms_are_searched_at_once() -> None:
    draw = random.Random(1)
    text = "".join(draw.choice("+-") + draw.choice("xyzw") for _ in range(2400)).lstrip("+-")
    assert len(derive.trace(text)) < 600

    def running(*x: Any) -> Any:
        total = x[0]
        for k in range(6000):
            total = total + x[k % 10]
        return total

    assert len(derive.record(running, inputs=10)) < 40


@given(st.sampled_from(sorted(OPERATIONS)), st.permutations([0, 1, t.Number("2")]))
def test_only_sums_and_products_are_the_same_in_both_orders(name: str, operands: list[Slot]) -> None:
    operation, (left, right, _) = OPERATIONS[name], operands
    tape = Tape()
    tape.input(), tape.input()
    if operation.arity == 1:
        assert tape.push(operation, left) == tape.push(operation, left)
        return
    number = tape.push(operation, left, right)
    numbers = isinstance(left, int) and isinstance(right, int)
    assert (tape.push(operation, right, left) == number) == (name in ("add", "mul") and numbers)
    assert tape.push(operation, left, right) == number
    assert tape.rows[number] == (operation, (left, right))
    assert tape.reordered == ({number: (right, left)} if name in ("add", "mul") and numbers else {})


def test_what_the_output_does_not_need_has_no_step() -> None:
    def function(x: Any, y: Any) -> Any:
        (x + y) * (y + x)  # recorded, and not used
        return x * y + x

    assert derive.record(function).steps == ()
