"""`derive fixtures`: test vectors whose digits are certified, and tests measured by them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from derive.cli.arrays import shapes_of
from derive.cli.layers import given_options, layer_options
from derive.cli.options import read_text, time_limit
from derive.cli.progress import Progress
from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.fixtures.folder import Task

DTYPES = ("float64", "float32")

EPILOG = """\b
Examples:
  derive fixtures conv2d --stride 2 --padding 1 -o vectors
  derive fixtures --all --jobs 2 -o vectors
  derive fixtures --file layer.txt -o vectors
  derive fixtures --list
  derive fixtures --run vectors --adapter torch
  derive fixtures --run vectors --adapter mymodule:adapter --json
  derive fixtures --power torch-gradcheck
  derive fixtures --digits torch

\b
An adapter is a function (operation, parameters, inputs, upstream) -> (outputs, gradients), dictionaries of arrays by
  name, or NotImplemented; a check is a function of a candidate that raises AssertionError.
Exit codes: 0 done; 1 a case without a label is beyond its bound; 2 unreadable; 3 a value does not exist; 4 a limit was
  hit; 5 input/output; 6 a framework is not installed.
"""


@layer_options
@click.command("fixtures", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("operation", required=False)
@click.option("--list", "listing", is_flag=True, help="List the operations.")
@click.option("--all", "everything", is_flag=True, help="Fixtures for every operation.")
@click.option("--file", "file", help="Equations of your own (- for standard input).")
@click.option("--name", help="What the folder of your own equations is called. [own]")
@click.option("--count", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Cases an operation.")
@click.option("--seed", type=int, default=0, show_default=True, help="Other numbers.")
@click.option("--dtype", "dtypes", default="float64,float32", show_default=True, help="Precisions, with a comma.")
@click.option("--shape", "shapes", multiple=True, help="X=8x9: the extents of an input in all cases; several times.")
@click.option("--second", is_flag=True, help="Second derivatives too.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes.")
@click.option("-o", "--out", "out", help="The folder to write.")
@click.option("--force", is_flag=True, help="Replace a folder of fixtures.")
@click.option("--run", "folder", help="Run the fixtures of this folder against --adapter.")
@click.option("--adapter", help="torch, jax, autograd, numpy, tiny, or mymodule:adapter.")
@click.option("--rtol", type=click.FloatRange(0, 1), help="Allow this much, relative to an entry's scale. [its bound]")
@click.option("--only", "only", multiple=True, help="Run only this operation; several times.")
@click.option(
    "--power",
    "check",
    help="Which mutants tests catch: fixtures, torch-gradcheck, module:check, FILE.py; several with a comma.",
)
@click.option(
    "--digits", "framework", help="How many digits an adapter has right: torch, jax, autograd, module:adapter."
)
@click.option("--json", "as_json", is_flag=True, help="Results as JSON.")
@click.option("--timeout", type=click.FloatRange(0.01, 86400), default=600.0, show_default=True,
              help="Give up after this many seconds.")  # fmt: skip
def command(
    operation: str | None,
    listing: bool,
    everything: bool,
    file: str | None,
    name: str | None,
    count: int,
    seed: int,
    dtypes: str,
    shapes: tuple[str, ...],
    second: bool,
    jobs: int,
    out: str | None,
    force: bool,
    folder: str | None,
    adapter: str | None,
    rtol: float | None,
    only: tuple[str, ...],
    check: str | None,
    framework: str | None,
    as_json: bool,
    timeout: float,
    **options: str | None,
) -> int:
    """Write gradient test vectors with certified digits, and run them against a framework.

    OPERATION is a name of `--list`, such as conv2d. Its options vary from case to case; where one is given, the others
    have their defaults.
    """
    given = given_options(options)
    asked = {"OPERATION": operation, "--list": listing, "--all": everything, "--file": file, "--run": folder,
             "--power": check, "--digits": framework}  # fmt: skip
    named = [word for word, value in asked.items() if value]
    pairs = {("OPERATION", "--power"), ("OPERATION", "--digits"), ("--list", "OPERATION")}
    if len(named) != 1 and tuple(sorted(named, reverse=True)) not in {tuple(sorted(p, reverse=True)) for p in pairs}:
        told = " and ".join(named) or "nothing"
        raise UsageError(f"give one of {', '.join(asked)}, not {told}; as in: derive fixtures conv2d -o vectors")
    if given and operation is None:
        raise UsageError(f"--{next(iter(given))} is an option of an operation; name one")
    if (adapter is None) == (folder is not None):
        raise UsageError("--run and --adapter belong together, as in: derive fixtures --run vectors --adapter torch")
    reading = next((word for word in ("--list", "--run", "--power", "--digits") if word in named), None)
    if reading and out is not None:
        raise UsageError(f"{reading} writes no folder; leave out -o")
    if folder is None and (only or rtol is not None):
        raise UsageError(f"{'--only' if only else '--rtol'} goes with --run")
    if rtol is not None and math.isnan(rtol):
        raise UsageError("--rtol is no number")
    from derive.fixtures.folder import Task

    with time_limit(timeout):
        if listing:
            return _list(as_json)
        if folder is not None:
            from derive.cli.fixture_runs import run

            return run(folder, str(adapter), only, read_dtypes(dtypes), rtol, as_json)
        if check is not None:
            from derive.cli.fixture_runs import measure_power

            return measure_power(check, operation, given, count, seed, as_json)
        if framework is not None:
            from derive.cli.fixture_runs import measure_digits

            return measure_digits(framework, operation, given, count, seed, as_json)
        if name is not None and file is None:
            raise UsageError("--name is for equations of your own; give --file")
        asked_for = _operations(operation, file, name)
        if out is None:
            raise UsageError("say where to, as in: derive fixtures conv2d -o vectors")
        if shapes and everything:
            raise UsageError("--shape is for one operation; name it")
        precisions, fixed = read_dtypes(dtypes), _shapes(shapes)
        tasks = [Task(each, given, count, seed, precisions, second, fixed) for each in asked_for]
        return _write(tasks, jobs, out, force, as_json)


def read_dtypes(text: str) -> tuple[str, ...]:
    """float64,float32: each once."""
    words = tuple(dict.fromkeys(word.strip() for word in text.split(",")))
    for word in words:
        if word not in DTYPES:
            raise UsageError(f"--dtype is {word!r}; it is float64, float32 or both with a comma")
    return words


def _operations(operation: str | None, file: str | None, name: str | None) -> Sequence[Any]:
    if operation is not None:
        from derive.fixtures.operations import find_operation

        return [find_operation(operation)]
    if file is not None:
        from derive.fixtures.own import own_operation

        return [own_operation(read_text(file), name or "own", None if file == "-" else file)]
    from derive.fixtures.operations import operations

    return list(operations().values())


def _shapes(given: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes in numbers: vectors have no open sizes."""
    found: dict[str, tuple[int, ...]] = {}
    for name, shape in shapes_of(given).items():
        numbers = tuple(extent for extent in shape if isinstance(extent, int))
        if len(numbers) != len(shape):
            raise UsageError(f"--shape {name}: a vector has numbers for its extents, as in {name}=8x9")
        found[name] = numbers
    return found


def _write(tasks: Sequence[Task], jobs: int, out: str, force: bool, as_json: bool) -> int:
    from derive.fixtures.folder import write_fixtures

    for task in tasks:
        task.operation.read(task.given)
    dtypes = tasks[0].dtypes
    done = 0

    def told(operation: str, cases: int) -> None:
        nonlocal done
        done += 1
        progress.doing(f"{done} of {len(tasks)} operations, {operation} done")

    with Progress() as progress:
        progress.doing(f"certifying {tasks[0].operation.name}")
        manifest = write_fixtures(out, tasks, jobs=jobs, force=force, told=told)
    cases = manifest["cases"]
    labelled = sum(1 for case in cases if case["labels"])
    if as_json:
        data = {"folder": out, "operations": len(tasks), "cases": len(cases), "vectors": len(cases) * len(dtypes),
                "labelled": labelled, "sha256": manifest["sha256"]}  # fmt: skip
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
    else:
        vectors = ", ".join((_counted(len(cases) * len(dtypes), "vector"), _counted(len(cases), "case")))
        vectors += f" of {_counted(len(tasks), 'operation')}"
        are = "1 case is" if labelled == 1 else f"{labelled} cases are"
        click.echo(f"wrote {out}: {vectors}; {are} at kinks, ties or far out, and labelled so", err=True)
    return 0


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _list(as_json: bool) -> int:
    from derive.fixtures.operations import operations

    rows = operations()
    if as_json:
        data = [
            {"name": row.name, "title": row.title, "family": row.family, "options": [each.name for each in row.options]}
            for row in rows.values()
        ]
        sys.stdout.write(json.dumps(data, indent=2) + "\n")
        return 0
    width = max(map(len, rows))
    family = ""
    for row in rows.values():
        if row.family != family:
            click.echo(("\n" if family else "") + row.family)
            family = row.family
        options = "  " + " ".join(f"--{each.name}" for each in row.options) if row.options else ""
        click.echo(f"  {row.name:{width}}  {row.title}{options}")
    return 0
