"""`derive grad`: the gradients of index or matrix equations, by named rules, with kinds, values and code."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from derive.cli.options import read_text, time_limit
from derive.cli.output import write_file
from derive.cli.trace import ExpressionCommand
from derive.errors import UsageError
from derive.names import NAME_PATTERN

if TYPE_CHECKING:
    from derive.answers import Answer
    from derive.checks.report import CheckReport

FORMATS = ("text", "tex", "pdf", "html", "ipynb", "json")

EPILOG = """\b
Examples:
  derive grad "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]" --wrt K --wrt V --upstream Z=G
  derive grad "Z[i,j] = sum(k,l) V[2*i+k,2*j+l]*K[k,l]" --shape V=8x9 --shape K=3x2 --detail high
  derive grad --file layer.txt --values numbers.json --json
  derive grad --layer conv2d --stride 2 --padding 1 --format html -o conv.html

\b
The notation: one equation a line, V[2*i+k, j] an entry, sum(k,l) a sum over indices,
  [0 <= i+k-1 < H] an indicator, W x + b whole arrays, `W : m x n` a shape,
  `upstream Z = G` the gradient that comes down, `loss L` what is differentiated.
Exit codes: 0 done; 1 a check failed; 2 unreadable; 3 undefined at the values;
  4 a limit was hit; 5 input/output; 6 an optional part is missing.
"""


@click.command("grad", cls=ExpressionCommand, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("equations", required=False)
@click.option("--file", "file", help="Read the equations from a file (- for standard input).")
@click.option(
    "--layer", "layer", help="A layer by name: conv2d, max_pool2d, batchnorm, attention ... `list` shows all."
)
@click.option("--wrt", multiple=True, help="Differentiate by this array; several times. [all real inputs]")
@click.option("--upstream", multiple=True, help="Z=G: call the gradient that comes down to Z by the name G.")
@click.option("--shape", "shapes", multiple=True, help="V=8x9 or V=H,W: the extents of an array; several times.")
@click.option("--convention", "conventions", multiple=True, help="key=value; `--convention help` lists them.")
@click.option("--values", "values", help="A JSON file of arrays by name, upstream gradients too: then with numbers.")
@click.option(
    "--detail", type=click.Choice(["low", "medium", "high"]), default="medium", show_default=True,
    help="How many of the steps are shown.",
)  # fmt: skip
@click.option(
    "--format", "-f", "form", type=click.Choice(FORMATS), help="What to write. [by the ending of -o, else text]"
)
@click.option("-o", "--out", "out", help="Write to this file instead of standard output.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--no-check", "unchecked", is_flag=True, help="Do not run the steps.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--timeout", type=click.FloatRange(0.01, 86400), default=120.0, show_default=True,
    help="Give up after this many seconds.",
)  # fmt: skip
def command(
    equations: str | None,
    file: str | None,
    layer: str | None,
    wrt: tuple[str, ...],
    upstream: tuple[str, ...],
    shapes: tuple[str, ...],
    conventions: tuple[str, ...],
    values: str | None,
    detail: str,
    form: str | None,
    out: str | None,
    force: bool,
    unchecked: bool,
    as_json: bool,
    timeout: float,
) -> int:
    """Differentiate equations by named rules: the formula, its steps, what kind of operation it is, code, numbers.

    EQUATIONS are lines such as "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]" or "Y = W X + b".
    """
    form = "json" if as_json else form or _form_of(out)
    given = [source for source in (equations, file, layer) if source is not None]
    if len(given) != 1:
        raise UsageError('give equations, --file or --layer, as in: derive grad "y = W x" --shape W=3x4')
    with time_limit(timeout):
        answer = _answer(equations, file, wrt, upstream, shapes, values)
        report, checked = (None, {}) if unchecked else _checked(answer)
        data = _written(answer, form, detail, report, checked)
    if out is not None:
        sources = tuple(name for name in (file, values) if name and name != "-")
        write_file(out, data, force=force, sources=sources)
        click.echo(f"wrote {out}", err=True)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    return 0 if all(checked.values()) else 1


def _form_of(out: str | None) -> str:
    ending = (out or "").rpartition(".")[2].lower()
    return ending if ending in FORMATS else "text"


def _answer(
    equations: str | None,
    file: str | None,
    wrt: tuple[str, ...],
    upstream: tuple[str, ...],
    shapes: tuple[str, ...],
    values: str | None,
) -> Answer:
    from derive.answers import grad
    from derive.arraydata import read_arrays

    text = read_text(file) if file is not None else equations or ""
    numbers = None if values is None else read_arrays(read_text(values), values)
    names = [name.strip() for part in wrt for name in part.split(",")]
    return grad(text, names, upstream=_upstream(upstream), shapes=_shapes(shapes), values=numbers, file=file)


def _upstream(parts: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in (piece for each in parts for piece in each.split(",")):
        name, equals, given = (word.strip() for word in part.partition("="))
        if not equals or not _is_name(name) or not _is_name(given):
            raise UsageError(f"--upstream takes an output and a name, as in Z=G; {part!r} is neither")
        if name in found:
            raise UsageError(f"--upstream names {name} twice")
        found[name] = given
    return found


def _is_name(text: str) -> bool:
    return re.fullmatch(NAME_PATTERN, text) is not None


def _shapes(parts: tuple[str, ...]) -> dict[str, tuple[int | str, ...]]:
    """`V=8x9`, `V=H,W`, `b=m`, `c=scalar`."""
    found: dict[str, tuple[int | str, ...]] = {}
    for part in parts:
        name, equals, written = (word.strip() for word in part.partition("="))
        if not equals or not _is_name(name) or not written:
            raise UsageError(f"--shape takes a name and extents, as in V=8x9 or V=H,W; {part!r} has none")
        if name in found:
            raise UsageError(f"--shape names {name} twice")
        found[name] = () if written == "scalar" else tuple(_extents(name, written))
    return found


def _extents(name: str, written: str) -> list[int | str]:
    """Numbers between x, names between commas or x with spaces around it."""
    pieces = re.split(r"\s*,\s*|\s+x\s+|(?<=[0-9])x(?=[0-9])", written)
    extents: list[int | str] = []
    for piece in pieces:
        if re.fullmatch("[0-9]+", piece):
            extents.append(int(piece))
            if not 0 < extents[-1] <= 1_000_000:  # type: ignore[operator]
                raise UsageError(f"--shape {name}: an extent lies between 1 and 1000000, and {piece} does not")
        elif _is_name(piece):
            extents.append(piece)
        else:
            raise UsageError(f"--shape {name}: {piece!r} is neither a whole number nor a name")
    return extents


def _checked(answer: Answer) -> tuple[CheckReport | None, dict[int, bool]]:
    """Run every step; id of a step -> whether it held."""
    from derive.checks.index_steps import check_derivation

    return check_derivation(answer.derivation)


def _written(answer: Answer, form: str, detail: str, report: CheckReport | None, checked: Mapping[int, bool]) -> bytes:
    if form == "json":
        from derive.gradientdata import as_data

        data: Any = as_data(answer, checked)
        return (json.dumps(data, indent=2, allow_nan=False) + "\n").encode()
    from derive.cli.render import rendered
    from derive.solutions.gradients import gradient_document

    return rendered(gradient_document(answer, detail=detail, checks=report, checked=checked), form)
