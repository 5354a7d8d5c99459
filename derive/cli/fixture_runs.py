"""What `derive fixtures --run`, `--power` and `--digits` do and print."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from derive.cli.progress import Progress
from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.fixtures.loading import Fixtures
    from derive.fixtures.running import Report
    from derive.fixtures.vector import Vector

#: Findings that are printed; the rest is counted.
_SHOWN = 20
#: Operations that are named where several are meant.
_NAMED = 4


def run(
    folder: str, adapter: str, only: Sequence[str], dtypes: Sequence[str], rtol: float | None, as_json: bool
) -> int:
    """The fixtures of a folder against an adapter: 1 where a case without a label is beyond its bound."""
    from derive.fixtures.adapters.finding import find_adapter
    from derive.fixtures.loading import load_fixtures
    from derive.fixtures.running import Finding, Report, run_vector

    found = find_adapter(adapter)
    fixtures = load_fixtures(folder)
    findings: list[Finding] = []
    vectors = 0
    with Progress() as progress:
        for vector in _chosen(fixtures, only, dtypes, rtol):
            progress.doing(f"running {vector.name}, {vectors} vectors done")
            findings += run_vector(vector, found)
            vectors += 1
    if not vectors:
        raise UsageError(f"{folder} has no vectors in {' or '.join(dtypes)}")
    report = Report(adapter, tuple(findings))
    if as_json:
        sys.stdout.write(json.dumps(report.as_data(), indent=2) + "\n")
        return report.exit_code
    for finding in report.failures[:_SHOWN]:
        click.echo(finding.sentence)
    if len(report.failures) > _SHOWN:
        click.echo(f"and {len(report.failures) - _SHOWN} more; --json has all")
    told = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())
    click.echo(f"{adapter}: {vectors} vectors of {_counted(report.of_operations())}; arrays: {told}")
    _tell_unknown(adapter, report)
    return report.exit_code


def _tell_unknown(adapter: str, report: Report) -> None:
    """What to do where an adapter knows nothing of an operation, which is no failure, but no test either."""
    unknown = [name for name, verdicts in report.of_operations().items() if set(verdicts) == {"not implemented"}]
    if unknown:
        more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
        click.echo(
            f"{adapter} was not tested on {', '.join(unknown[:_NAMED])}{more}, which it does not know; an adapter of "
            "ten lines does it (docs/fixtures.md): --adapter mymodule:adapter; numpy and torch run all equations",
            err=True,
        )


def _counted(operations: Mapping[str, Any]) -> str:
    return "1 operation" if len(operations) == 1 else f"{len(operations)} operations"


def _chosen(fixtures: Fixtures, only: Sequence[str], dtypes: Sequence[str], rtol: float | None) -> Iterator[Vector]:
    """One vector after the other; float32 that a folder does not have is made of its doubles, with its own bounds."""
    from dataclasses import replace

    from derive.fixtures.operations import find_operation

    names = {find_operation(name).name if name not in fixtures.operations else name for name in only}
    for name in names:
        if name not in fixtures.operations:
            raise UsageError(f"{fixtures.folder} has no fixtures of {name}; it has {', '.join(fixtures.operations)}")
    for fixture in fixtures:
        if names and fixture.operation not in names:
            continue
        for dtype in dtypes:
            if dtype in fixture.dtypes:
                vector = fixture.vector(dtype)
            elif dtype == "float32":
                vector = fixture.vector("float64").in_float32()
            else:
                continue
            if rtol is not None:
                _check_tolerance(vector, rtol)
                vector = replace(vector, rtol=rtol)
            yield vector


def _check_tolerance(vector: Vector, rtol: float) -> None:
    """A tolerance that is tighter than what is known of the numbers says nothing."""
    import numpy as np

    for key, array in vector.expected.items():
        allowed = rtol * float(np.max(vector.scales[key], initial=0.0))
        if array.size and vector.errors[key] > allowed:
            known = f"{vector.errors[key]:.2g}, for they are rounded to {vector.dtype}"
            raise UsageError(
                f"--rtol {rtol:g} allows {allowed:.2g} in {vector.name} {key}; its numbers are known to {known}"
            )


def measure_power(
    check: str, operation: str | None, given: Mapping[str, str], count: int, seed: int, as_json: bool
) -> int:
    """Which mutants a test catches; of one operation, or of a choice of them ("all" for every one)."""
    from derive.fixtures.power import power

    checks = list(dict.fromkeys(part.strip() for part in check.split(",")))
    names = [] if operation is None else [operation]
    with Progress() as progress:
        progress.doing(f"handing mutants to {', '.join(checks)}")
        report = power(checks, names, given or None, count=count, seed=seed)
    if as_json:
        sys.stdout.write(json.dumps(report.as_data(), indent=2) + "\n")
    else:
        click.echo(report.table(), nl=False)
    return 0


def measure_digits(
    framework: str, operation: str | None, given: Mapping[str, str], count: int, seed: int, as_json: bool
) -> int:
    """How many digits adapters have right in float64, operation by operation."""
    from derive.fixtures.adapters.finding import find_adapter
    from derive.fixtures.digits import measure_digits as measured
    from derive.fixtures.digits import table

    names = list(dict.fromkeys(part.strip() for part in framework.split(",")))
    adapters = {name: find_adapter(name) for name in names}
    with Progress() as progress:
        progress.doing(f"counting the right digits of {', '.join(names)}")
        rows = list(measured(adapters, [operation] if operation else (), given, count=count, seed=seed))
    if as_json:
        sys.stdout.write(json.dumps([row.as_data() for row in rows], indent=2) + "\n")
    else:
        click.echo(table(rows), nl=False)
    return 0
