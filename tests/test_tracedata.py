"""The data behind --json: complete, and no larger than the trace asks for."""

from __future__ import annotations

import json

import derive
from derive.reading.points import read_point
from derive.tracedata import as_data
from derive.worked import work_out


def test_the_data_of_a_long_trace_is_linear_in_its_length() -> None:
    """With many inputs there is no forward sweep, and no entry for every input at every node."""

    def size(inputs: int) -> int:
        program = derive.record(lambda *x: sum((u * u for u in x), start=x[0]), inputs=inputs)
        return len(json.dumps(as_data(work_out(program))))

    assert size(800) < 4.2 * size(200)


def test_tangents_are_there_where_a_forward_sweep_was_made() -> None:
    program = derive.trace("x*y")
    at = read_point("x=2,y=3")
    (*_, line) = as_data(work_out(program, at))["nodes"]
    assert line["tangents"] == {"x": 3.0, "y": 2.0}
    (*_, line) = as_data(work_out(program, at, mode="reverse"))["nodes"]
    assert line["tangents"] == {} and line["adjoint"]["value"] == 1.0
    (*_, line) = as_data(work_out(program))["nodes"]
    assert line["tangents"] == {"x": None, "y": None}
