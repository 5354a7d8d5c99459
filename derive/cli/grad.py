"""`derive grad`: the gradients of index or matrix equations, by named rules, with kinds, values and code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from derive.cli.arrays import is_json, names_of, pair_of, read_values, shapes_of, upstream_of
from derive.cli.layers import PREFIX, given_options, layer_names, layer_options, print_only, refuse_options
from derive.cli.options import read_text, time_limit
from derive.cli.output import show, write_file
from derive.cli.progress import Progress
from derive.cli.trace import ExpressionCommand
from derive.conventions import conventions_help, conventions_of
from derive.errors import UsageError

if TYPE_CHECKING:
    from derive.answers import Answer
    from derive.checks.findings import AnswerReport

FORMATS = ("text", "tex", "pdf", "html", "ipynb", "json")

EPILOG = """\b
Examples:
  derive grad "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]" --wrt K --wrt V --upstream Z=G
  derive grad "Z[i] = sum(k) V[2*i+k]*K[k]" --shape V=8 --shape K=3 --detail high
  derive grad "Y = W X + b" --shape W=3x4 --shape X=4x5 --shape b=3
  derive grad "L = x^T A x" --shape A=n,n --shape x=n --second x
  derive grad --file layer.txt --values numbers.json --json
  derive grad --layer conv2d --stride 2 --padding 1 --format html -o conv.html

\b
The notation: one equation a line, V[2*i+k, j] an entry, sum(k,l) a sum over indices,
  [0 <= i+k-1 < H] an indicator, W x + b whole arrays, `W : m x n` a shape,
  `upstream Z = G` the gradient that comes down, `loss L` what is differentiated.
Exit codes: 0 done; 1 a check failed; 2 unreadable; 3 undefined at the values;
  4 a limit was hit; 5 input/output; 6 an optional part is missing.
"""


class GradCommand(ExpressionCommand):
    """Help in sections: the options of the command, those of layers, the conventions."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        layers: list[tuple[str, str]] = []
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            if record is not None and isinstance(parameter, click.Option):
                (layers if (parameter.name or "").startswith(PREFIX) else own).append(record)
        for title, rows in (
            ("Options", own),
            ("Options of layers, with --layer NAME", layers),
            ("Layers", layer_names()),
            (
                "Conventions, with --convention key=value; the default stands first, layers are as torch has them",
                conventions_help(),
            ),
        ):
            with formatter.section(title):
                formatter.write_dl(rows)


@layer_options
@click.command("grad", cls=GradCommand, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("equations", required=False)
@click.option("--file", "file", help="Read the equations from a file (- for standard input).")
@click.option("--layer", "layer", help="A layer by name, such as conv2d; they are listed below.")
@click.option("--wrt", multiple=True, help="Differentiate by this array; several times. [all real inputs]")
@click.option("--upstream", multiple=True, help="Z=G: call the gradient that comes down to Z by the name G.")
@click.option("--shape", "shapes", multiple=True, help="V=8x9 or V=H,W: the extents of an array; several times.")
@click.option("--second", multiple=True, help="w or w,x: the second derivative by w, or by w and x; several times.")
@click.option("--convention", "conventions", multiple=True, help="key=value; the keys are listed below.")
@click.option("--values", "values", help="A JSON file (- for standard input, or the JSON itself) of arrays by name, "
              "upstream gradients too: then with numbers.")  # fmt: skip
@click.option(
    "--detail", type=click.Choice(["low", "medium", "high"]), default="medium", show_default=True,
    help="Results only; a line for every rule that changes something; or all steps with reasons and code.",
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
    second: tuple[str, ...],
    conventions: tuple[str, ...],
    values: str | None,
    detail: str,
    form: str | None,
    out: str | None,
    force: bool,
    unchecked: bool,
    as_json: bool,
    timeout: float,
    **options: str | None,
) -> int:
    """Differentiate equations by named rules: the formula, its steps, what kind of operation it is, code, numbers.

    EQUATIONS are lines such as "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]" or "Y = W X + b".
    """
    form = "json" if as_json else form or _form_of(out)
    if [equations, file, layer].count(None) != 2:
        raise UsageError('give equations, --file or --layer, as in: derive grad "y = W x" --shape W=3x4')
    if file == "-" and values == "-":
        raise UsageError("equations and values cannot both come from standard input; give one of them as a file")
    chosen = given_options(options)
    asked: dict[str, Any] = {
        "upstream": upstream_of(upstream), "shapes": shapes_of(shapes), "second": [pair_of(each) for each in second]
    }  # fmt: skip
    names = names_of("--wrt", wrt)
    with Progress() as progress, time_limit(timeout):
        progress.doing("reading")
        asked["values"] = None if values is None else read_values(values)
        progress.doing("deriving")
        if layer is not None:
            from derive.subjects.layers.gradients import grad_layer

            answer = grad_layer(layer, names, options=chosen, conventions=conventions, **asked)
        else:
            from derive.answers import grad

            refuse_options(chosen)
            settings = print_only(conventions)
            text = read_text(file) if file is not None else equations or ""
            answer = grad(text, names, conventions=conventions_of(settings), file=file, **asked)
        progress.doing("running the steps")
        report = None if unchecked else _checked(answer)
        progress.doing("writing")
        data = _written(answer, form, detail, report)
    if out is not None:
        sources = tuple(name for name in (file, values) if name and name != "-" and not is_json(name))
        write_file(out, data, force=force, sources=sources)
        click.echo(f"wrote {out}", err=True)
    else:
        show(data)
    return 0 if report is None or report.passed else 1


def _form_of(out: str | None) -> str:
    ending = (out or "").rpartition(".")[2].lower()
    return ending if ending in FORMATS else "text"


# --- what is written --------------------------------------------------------------------------------------------------


def _checked(answer: Answer) -> AnswerReport:
    from derive.checks.answers import check_answer

    return check_answer(answer)


def _written(answer: Answer, form: str, detail: str, report: AnswerReport | None) -> bytes:
    if form == "json":
        from derive.gradientdata import as_data

        return (json.dumps(as_data(answer, report), indent=2, allow_nan=False) + "\n").encode()
    from derive.cli.render import rendered
    from derive.solutions.gradients import gradient_document

    text = form == "text"
    document = gradient_document(
        answer, detail=detail, checks=report, code=not text or detail == "high", figure=not text
    )
    return rendered(document, form)
