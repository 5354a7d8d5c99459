"""An Answer as data for programs: equations, steps, kinds, values and code of every gradient, in JSON's types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.answers import Answer, Gradient, plain
from derive.arraydata import as_lists
from derive.latex.formulas import formula as latex
from derive.plain import formula
from derive.program import Equation
from derive.step import Step
from derive.tree import Relation
from derive.writing import tree_of_term


def as_data(answer: Answer, checked: Mapping[int, bool] | None = None) -> dict[str, Any]:
    """The JSON object of `derive grad --json`.

    checked : id of a step -> whether it was run and held; a step that is not in it was not run (null).
    """
    names = answer.wrt
    return {
        "equations": [plain(line) for line in answer.program.equations],
        "loss": answer.derivation.loss,
        "upstream": dict(answer.program.upstream),
        "gradients": {name: _gradient(answer[name], checked or {}) for name in names},
        "adjoints": {
            line.of: {"name": line.name, "equation": plain(line.equation), "latex": _latex(line.equation)}
            for line in answer.derivation.lines
        },
        "forward": {} if answer.given is None else {name: as_lists(v) for name, v in answer.forward.items()},
    }


def _gradient(gradient: Gradient, checked: Mapping[int, bool]) -> dict[str, Any]:
    from derive.codegen.arrays import gradient_source

    adjoint = gradient.adjoint
    answer = gradient.answer
    return {
        "name": adjoint.name,
        "equation": gradient.text,
        "latex": _latex(adjoint.equation),
        "ranged": None if adjoint.ranged is None else _latex(adjoint.ranged),
        "delta": plain(adjoint.delta),
        "matrix": None if gradient.matrix is None else f"{adjoint.name} = {formula(gradient.matrix)}",
        "kind": gradient.kind,
        "sentence": gradient.sentence,
        "steps": [step_data(step, checked) for step in adjoint.steps],
        "value": None if answer.given is None else as_lists(gradient.value),
        "numpy": gradient_source(answer.derivation, gradient.name, "numpy"),
        "torch": gradient_source(answer.derivation, gradient.name, "torch"),
    }


def step_data(step: Step, checked: Mapping[int, bool]) -> dict[str, Any]:
    return {
        "rule": step.rule.name,
        "statement": step.rule.statement,
        "reason": step.reason,
        "conditions": list(step.conditions),
        "before": plain(step.before),
        "after": plain(step.after),
        "checked": checked.get(id(step)),
    }


def _latex(equation: Equation) -> str:
    return latex(Relation((tree_of_term(equation.left), tree_of_term(equation.term))))
