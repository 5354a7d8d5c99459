"""`derive trace`: the evaluation trace of a typed function, its gradient, and proof."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from derive.cli.options import Digits, read_text, time_limit
from derive.cli.output import show, write_file
from derive.cli.progress import Progress
from derive.errors import DomainError, ReadingError, UsageError

if TYPE_CHECKING:
    from derive.checks.report import CheckReport
    from derive.program import Program
    from derive.tree import Tree
    from derive.worked import Worked

FORMATS = ("text", "tex", "pdf", "html", "ipynb", "json", "svg", "png")
CHECKS = ("differences", "complex-step", "certified", "torch", "steps", "all", "none")

EPILOG = """\b
Examples:
  derive trace "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))" --at x1=1.5,x2=0.5
  derive trace "tanh(w*x + b)" --at w=1/2,x=-3,b=pi/4 --steps
  derive trace "x*y" --format html -o trace.html
  derive trace --file lines.txt --at x=1,y=2 --json

\b
Functions: sin cos tan asin acos atan sinh cosh tanh exp log=ln sqrt abs sign max min
  relu sigmoid softplus erf. Powers: x^2 or x**2. Constants: pi, e (unless declared).
  Other logarithms: log(x)/log(10).
Exit codes: 0 done; 1 a check failed; 2 unreadable; 3 undefined at the point;
  4 a limit was hit; 5 input/output; 6 an optional part is missing.
"""


class ExpressionCommand(click.Command):
    """An argument such as -x^2 is an expression, not an option: it goes behind a `--`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        short = {name[1] for option in self.params for name in option.opts if len(name) == 2} | {"h"}
        takes = {name for option in self.params for name in option.opts if not getattr(option, "is_flag", True)}
        kept: list[str] = []
        moved: list[str] = []
        for place, argument in enumerate(args):
            if argument == "--":
                moved += args[place + 1 :]
                break
            minus = len(argument) > 1 and argument[0] == "-" and argument[1] != "-" and argument[1] not in short
            if minus and not (place and args[place - 1] in takes):
                moved.append(argument)
            else:
                kept.append(argument)
        return super().parse_args(context, [*kept, "--", *moved] if moved else args)


@click.command("trace", cls=ExpressionCommand, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("expression", required=False)
@click.option("--file", "file", help="Read lines `q = x + y` from a file (- for standard input); names are kept.")
@click.option(
    "--at", "at_parts", multiple=True, help="The point: x1=1.5,x2=1/3. Decimals, fractions, pi/4; kept exact."
)
@click.option(
    "--mode",
    type=click.Choice(["reverse", "forward", "both"]),
    help="Which derivatives. [both; reverse above 10 inputs]",
)
@click.option(
    "--digits",
    type=Digits(),
    default=4,
    show_default=True,
    help="Decimals of printed values; a tie is rounded to the even digit.",
)
@click.option("--order", help="Inputs in this order: x1,x2.")
@click.option("--output", "output", help="With several outputs: the one to differentiate.")
@click.option(
    "--format", "-f", "form", type=click.Choice(FORMATS), help="What to write. [by the ending of -o, else text]"
)
@click.option("-o", "--out", "out", help="Write to this file instead of standard output.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--steps", is_flag=True, help="Show the steps behind each derivative line.")
@click.option(
    "--check",
    "check",
    multiple=True,
    type=click.Choice(CHECKS),
    help="What to hold the gradient against. [all but torch]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.01, 86400),
    default=120.0,
    show_default=True,
    help="Give up after this many seconds.",
)
def command(
    expression: str | None,
    file: str | None,
    at_parts: tuple[str, ...],
    mode: str | None,
    digits: int,
    order: str | None,
    output: str | None,
    form: str | None,
    out: str | None,
    force: bool,
    steps: bool,
    check: tuple[str, ...],
    as_json: bool,
    timeout: float,
) -> int:
    """Trace a function line by line: its value, its derivatives forward and in reverse, each line with its numbers.

    EXPRESSION is a formula such as "sin(x1/x2) + x1/x2", or lines `q = x + y` with names of their own.
    """
    at = ",".join(at_parts) if at_parts else None
    form = "json" if as_json else form or form_of(out)
    if (expression is None) == (file is None):
        raise UsageError('give either an expression or --file, as in: derive trace "x*y" --at x=2,y=3')
    with Progress() as progress, time_limit(timeout):
        progress.doing("reading")
        program = _program(expression, file, at, order)
        point = _point(program, at)
        progress.doing(f"working out a trace of {len(program)} lines")
        worked = _worked(program, point, mode, output, digits, expression)
        mode = mode or ("reverse" if worked.tangent is None else "both")
        progress.doing("checking the gradient")
        report = _checked(worked, check, form, steps) if worked.has_point and program.inputs else None
        progress.doing(f"writing {form}")
        data = _written(worked, form, mode, steps, report)
    if out is not None:
        write_file(out, data, force=force, sources=(file,) if file and file != "-" else ())
        click.echo(f"wrote {out}", err=True)
    else:
        show(data)
    return 0 if report is None or report.passed else 1


def form_of(out: str | None) -> str:
    """The format that a file's ending asks for; text otherwise."""
    ending = (out or "").rpartition(".")[2].lower()
    return ending if ending in FORMATS else "text"


def _program(expression: str | None, file: str | None, at: str | None, order: str | None) -> Program:
    """The trace; inputs ordered by --order, else as in --at, else by first appearance."""
    from derive import tree as t
    from derive.lines import is_program, trace_lines
    from derive.reading.points import read_point
    from derive.reading.programs import read_program
    from derive.reading.reader import read
    from derive.tracing import special, trace_tree

    names = _order(order) if order else list(read_point(at, file="--at")) if at else []
    if file is not None or is_program(expression or ""):
        text = read_program(expression or "") if file is None else read_program(read_text(file), file=file)
        return trace_lines(text, order=names, listed=bool(order))
    tree = read(expression or "", declared=special(names))
    if not order:  # a name that only --at mentions is a slip, to be told with the nearest name
        used = set(t.names_in(tree))
        names = [name for name in names if name in used]
    try:
        return trace_tree(tree, order=names)
    except ReadingError as error:
        error.text = error.text or (expression or "")
        raise


def _order(text: str) -> list[str]:
    import re

    from derive.names import NAME_PATTERN

    names = [name.strip() for name in text.split(",")]
    for name in names:
        if not re.fullmatch(NAME_PATTERN, name):
            raise UsageError(f"--order takes names, as in x1,x2; {name!r} is none")
        if names.count(name) > 1:
            raise UsageError(f"--order names {name} twice")
    return names


def _point(program: Program, at: str | None) -> dict[str, Tree]:
    from derive.reading.points import read_point

    if at is None:
        return {}
    return read_point(at, [program.label(name) for name in program.input_names], file="--at")


def _worked(
    program: Program,
    point: dict[str, Tree],
    mode: str | None,
    output: str | None,
    digits: int,
    expression: str | None,
) -> Worked:
    from derive.worked import work_out

    try:
        return work_out(program, point, mode=mode, output=output, digits=digits)
    except DomainError as error:
        place = _place(program, point)
        if place is not None and expression is not None and "\n" not in expression:
            located = ReadingError(error.message, expression, place.line, place.column, place.end - place.column)
            located.exit_code, located.code = error.exit_code, error.code
            raise located from error
        raise


def _place(program: Program, point: dict[str, Tree]) -> Any:
    """Where in the author's text the value is undefined: the smallest piece that has no value."""
    from derive import tree as t
    from derive.arithmetic import FLOATS, OutsideDomain
    from derive.evaluate import tree_value

    labels = {program.label(name): name for name in program.input_names}
    try:
        values = {name: tree_value(FLOATS, tree, {}) for name, tree in point.items()}
        values |= {labels.get(name, name): value for name, value in values.items()}
        for written in program.written:
            for piece in reversed(list(t.walk(written))):
                try:
                    if not isinstance(piece, t.Relation):
                        tree_value(FLOATS, piece, values)
                except (DomainError, OutsideDomain, ValueError, ZeroDivisionError, OverflowError):
                    return piece.at
    except (DomainError, OutsideDomain, UsageError, KeyError, ArithmeticError, ValueError):
        return None
    return None


def _checked(worked: Worked, chosen: tuple[str, ...], form: str, steps: bool) -> CheckReport | None:
    """The checks asked for; by default all but torch, which takes a second to import; steps where they are shown."""
    if "none" in chosen or form in ("svg", "png"):
        return None
    from derive.checks.report import check

    against: Any = chosen or ("differences", "complex-step", "certified", *(["steps"] if steps else []))
    if "all" in chosen:
        against = "all"
    return check(worked, against=against)


def _written(worked: Worked, form: str, mode: str, steps: bool, report: CheckReport | None) -> bytes:
    if form == "json":
        from derive.tracedata import as_data

        data = as_data(worked, report.as_data() if report else None, steps=steps)
        return (json.dumps(data, indent=2, allow_nan=False) + "\n").encode()
    from derive.cli.render import picture, rendered
    from derive.solutions.trace import trace_document

    text = form == "text"
    document = trace_document(worked, mode=mode, steps=steps, checks=report, code=not text)
    if form in ("svg", "png"):
        return picture(document, form)
    return rendered(document, form)
