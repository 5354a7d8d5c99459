"""An Answer as data for programs: equations, steps, kinds, values and code of every gradient, in JSON's types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from derive.answers import Answer, Gradient, plain
from derive.arraydata import as_lists
from derive.latex.formulas import formula as latex
from derive.program import Equation
from derive.seconds import Second
from derive.step import Step
from derive.writing import tree_of_equation

if TYPE_CHECKING:
    from derive.checks.findings import AnswerReport


def as_data(answer: Answer, report: AnswerReport | None = None) -> dict[str, Any]:
    """The JSON object of `derive grad --json`.

    report : what was found when the answer was checked; a step that was not run has "checked": null.
    """
    checked = {} if report is None else report.checked
    return {
        "equations": [plain(line, answer.shapes) for line in answer.program.equations],
        "loss": answer.derivation.loss,
        "upstream": dict(answer.program.upstream),
        "gradients": {name: _gradient(answer[name], checked) for name in answer.wrt},
        "adjoints": {
            line.of: {
                "name": line.name,
                "equation": plain(line.equation, answer.shapes),
                "latex": _latex(answer, line.equation),
            }
            for line in answer.derivation.lines
        },
        "second": [_second(answer, second, checked) for second in answer.seconds],
        "forward": {} if answer.given is None else {name: as_lists(v) for name, v in answer.forward.items()},
        "checks": None if report is None else report.as_data(),
    }


def _gradient(gradient: Gradient, checked: Mapping[int, bool]) -> dict[str, Any]:
    adjoint = gradient.adjoint
    answer = gradient.answer
    return {
        "name": adjoint.name,
        "equation": gradient.text,
        "latex": _latex(answer, adjoint.equation),
        "ranged": None if adjoint.ranged is None else plain(adjoint.ranged, answer.shapes),
        "delta": plain(adjoint.delta, answer.shapes),
        "matrix": gradient.matrix_text,
        "kind": gradient.kind,
        "sentence": gradient.sentence,
        "steps": [_step(step, answer, checked) for step in adjoint.steps],
        "value": None if answer.given is None else as_lists(gradient.value),
        "numpy": gradient.source("numpy"),
        "torch": gradient.source("torch"),
    }


def _second(answer: Answer, second: Second, checked: Mapping[int, bool]) -> dict[str, Any]:
    return {
        "of": second.of,
        "by": second.by,
        "equation": plain(second.equation, answer.shapes),
        "latex": _latex(answer, second.equation),
        "steps": [_step(step, answer, checked) for step in second.steps],
        "value": None if answer.given is None else as_lists(answer.second_value(second)),
    }


def _step(step: Step, answer: Answer, checked: Mapping[int, bool]) -> dict[str, Any]:
    return {
        "rule": step.rule.name,
        "statement": step.rule.statement,
        "reason": step.reason,
        "conditions": list(step.conditions),
        "before": plain(step.before, answer.shapes),
        "after": plain(step.after, answer.shapes),
        "checked": checked.get(id(step)),
    }


def _latex(answer: Answer, equation: Equation) -> str:
    return latex(tree_of_equation(equation, answer.notation, shapes=answer.shapes))
