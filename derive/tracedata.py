"""A worked trace as plain data, for JSON: the format that `derive trace --json` promises.

{"inputs": [{name, node, value}], "nodes": [{node, expression, value, local_partials, adjoint, tangents}], "value",
"gradient", "outputs" (only for several), "checks", "operations"}. Values are the doubles nearest to the true values;
null without a point; non-finite numbers are strings. Without a forward sweep "tangents" is {}: a null for every input
at every node would be quadratic.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, isnan
from typing import Any

from derive.adjoints import reverse
from derive.checks.steps import MOST_LINES, CheckedStep, check_steps
from derive.codegen.lowering import operation_counts
from derive.graph import local_partials
from derive.plain import formula
from derive.program import Equation
from derive.step import Step
from derive.worked import Worked

NO_CHECKS: dict[str, Any] = {
    "torch": None,
    "central_difference": None,
    "complex_step": None,
    "certified_digits": None,
}


def as_data(worked: Worked, checks: Mapping[str, Any] | None = None, *, steps: bool = False) -> dict[str, Any]:
    """The trace, its derivatives and the checks as dictionaries and lists.

    checks : what `CheckReport.as_data` gives; a check that was not run is null.
    steps : also the steps behind each derivative line, with their sub-steps; each of them is run.
    """
    program = worked.program
    single = len(worked.adjoints) == 1
    answer: dict[str, Any] = {
        "inputs": [
            {"name": program.label(node), "node": node, "value": plain(worked.number(worked.values.get(node)))}
            for node in program.input_names
        ],
        "nodes": _nodes(worked),
        "value": plain(worked.number(worked.values.get(worked.output))) if single else None,
        "gradient": _gradient(worked, worked.output) if single else None,
    }
    if not single:
        answer["outputs"] = {
            program.label(output): {
                "value": plain(worked.number(worked.values.get(output))),
                "gradient": _gradient(worked, output),
            }
            for output in worked.adjoints
        }
    answer["checks"] = {**NO_CHECKS, **(checks or {})}
    counts = operation_counts(worked.derivation if single else reverse(program))
    answer["operations"] = {"function": counts.function, "gradient": counts.gradient}
    answer["steps"] = _steps(worked, steps)
    answer["remarks"] = list(program.remarks)
    return answer


def _steps(worked: Worked, all_of_them: bool) -> list[dict[str, Any]]:
    """The regrouping steps of the trace; on request also those of the sweeps, each with whether it was run and held."""
    found = dict.fromkeys(worked.program.steps)
    ran: dict[Step, CheckedStep] = {}
    for derivation in worked.adjoints.values() if all_of_them else ():
        found.update(dict.fromkeys(derivation.steps))
        if len(worked.program) <= MOST_LINES:
            ran |= check_steps(derivation, worked.at)
    if all_of_them and worked.tangent is not None:
        found.update(dict.fromkeys(worked.tangent.steps))
        if len(worked.program) <= MOST_LINES:
            ran |= check_steps(worked.tangent, worked.at)
    return [_step(step, ran) for step in found]


def _step(step: Step, ran: Mapping[Step, CheckedStep]) -> dict[str, Any]:
    """checked : null where the step was not run, else whether both sides had the same value."""
    checked = ran.get(step)
    return {
        "rule": step.rule.name,
        "statement": step.rule.statement,
        "reason": step.reason,
        "conditions": list(step.conditions),
        "name": step.after.name,
        "before": formula(step.before.tree),
        "after": formula(step.after.tree),
        "checked": checked.holds if checked is not None and checked.points else None,
        "substeps": [_step(part, ran) for part in step.substeps],
    }


def _nodes(worked: Worked) -> list[dict[str, Any]]:
    program = worked.program
    partials = local_partials(program)
    adjoint_lines: dict[str, Equation] = {}
    if len(worked.adjoints) == 1:
        node_for = {bar: node for node, bar in worked.derivation.names.items()}
        adjoint_lines = {node_for[line.name]: line for line in worked.derivation.adjoint}
    nodes = []
    for node in (*program.input_names, *program.by_name):
        line = program.by_name.get(node)
        nodes.append(
            _sweeps(worked, node)
            | {
                "node": node,
                "expression": formula(line.tree) if line else program.label(node),
                "value": plain(worked.number(worked.values.get(node))),
                "local_partials": {
                    operand: formula(partials[operand, node]) for operand in (line.reads if line else ())
                },
                "adjoint": _adjoint(worked, node, adjoint_lines.get(node)),
                "tangents": _tangents(worked, node),
            }
        )
    return nodes


def _sweeps(worked: Worked, node: str) -> dict[str, Any]:
    """With several outputs, the adjoints of a node by output; nothing with one."""
    if len(worked.adjoints) == 1:
        return {}
    answer = {}
    for output, derivation in worked.adjoints.items():
        line = derivation.adjoint.by_name.get(derivation.names[node])
        answer[worked.program.label(output)] = {
            "name": derivation.names[node],
            "expression": formula(line.tree) if line else "0",
            "value": plain(worked.number(worked.adjoint(node, output))),
        }
    return {"adjoints": answer}


def _adjoint(worked: Worked, node: str, line: Equation | None) -> dict[str, Any]:
    if len(worked.adjoints) != 1:  # one sweep an output: see "adjoints" of the node
        return {"expression": None, "value": None}
    return {
        "name": worked.derivation.names[node],
        "expression": formula(line.tree) if line else "0",
        "value": plain(worked.number(worked.adjoint(node))),
    }


def _tangents(worked: Worked, node: str) -> dict[str, Any]:
    """Input name -> the derivative of this node by that input; empty where tangents were not asked for."""
    if worked.tangent is None:
        return {}
    dot = worked.tangent.names[node]
    return {
        worked.program.label(name): plain(worked.number(worked.tangent_values[name][dot]))
        if worked.tangent_values
        else None
        for name in worked.program.input_names
    }


def _gradient(worked: Worked, output: str) -> dict[str, Any]:
    return {
        worked.program.label(node): plain(worked.number(worked.adjoint(node, output)))
        for node in worked.program.input_names
    }


def plain(value: float | None) -> float | str | None:
    """A number for JSON: infinities and nan as strings."""
    if value is None or isfinite(value):
        return value
    return "nan" if isnan(value) else "inf" if value > 0 else "-inf"
