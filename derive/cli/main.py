"""`derive`: commands are loaded when called, so that help imports neither SymPy nor torch.

Errors are one line on stderr, `file:line:col: reason`, with a caret under the offending character; with --json they
are an object on stdout. `--debug` shows the traceback.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import unicodedata
from typing import Any

import click

from derive import __version__
from derive.errors import DeriveError, ReadingError, UsageError

#: Command -> its module and one line of help.
COMMANDS = {
    "trace": ("derive.cli.trace", "Trace a function and its gradient, as on paper."),
    "grad": ("derive.cli.grad", "Derive the gradients of index and matrix equations, and of layers."),
    "code": ("derive.cli.code", "Write the gradients of a network, a layer or equations as a program."),
    "solve": ("derive.cli.solve", "Build the worked solution of a catalogue entry."),
    "sheet": ("derive.cli.sheet", "Write variants of an exercise: sheets with blanks, keys, problem files."),
    "train": ("derive.cli.train", "Train a network by derived gradients, held against autograd on the way."),
    "explore": ("derive.cli.explore", "Train variants of a network and choose between them."),
    "gradcam": ("derive.cli.gradcam", "Show where a trained network looks, and measure it."),
    "verify": ("derive.cli.verify", "Judge a hand derivation row by row, with proof."),
    "fixtures": ("derive.cli.fixtures", "Write gradient test vectors with certified digits, and test by them."),
    "problem": ("derive.cli.problem", "Print a problem that works can be verified against, as a file to start from."),
    "list": ("derive.cli.list", "List the catalogue."),
}


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        entry = COMMANDS.get(name.replace("_", "-"))
        if entry is None:
            return None
        command: click.Command = importlib.import_module(entry[0]).command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(context, args)
        except click.UsageError as reason:
            from derive.words import nearest

            close = nearest(args[0], COMMANDS)
            raise click.UsageError(
                f"no such command {args[0]!r}" + (f"; did you mean {close}?" if close else ""), context
            ) from reason


EPILOG = """\b
Try:
  derive trace "x1*x2 + sin(x1)" --at x1=2,x2=5
  derive trace "ln(x1 x2) + x1/x2" --at x1=3,x2=2 --format html -o trace.html
  derive grad "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]" --wrt K --wrt V --upstream Z=G
  derive solve griewank
"""


@click.group(
    cls=LazyGroup, epilog=EPILOG, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="derive")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Derive gradients on paper, and prove the paper right on numbers."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(2)


class Terminated(BaseException):
    """SIGTERM or SIGHUP: unwinds like Ctrl-C, so that temporary files go away."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line; the exit code of HOSTILE's table: 0, 1, 2, 3, 4, 5, 6 or 130."""
    tolerant_streams()
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    as_json = wants_json(arguments)

    def terminate(number: int, frame: Any) -> None:
        raise Terminated

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), terminate)
    try:
        code = cli.main(arguments, prog_name="derive", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, click.Abort, Terminated):
        return 130
    except DeriveError as error:
        if debug:
            import traceback

            traceback.print_exc()
        report(error, as_json)
        return error.exit_code
    except click.ClickException as error:
        message = error.format_message()
        report(UsageError(message[0].lower() + message[1:]), as_json)
        return 2
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except BrokenPipeError:
        # whoever read us has gone (`| head`): nothing to say, and nothing to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        from derive.errors import OutputError

        if debug:
            import traceback

            traceback.print_exc()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        where = f"{printable(str(error.filename))}: " if error.filename else ""
        report(OutputError(f"{where}{error.strerror or error}"), as_json)
        return 5


def wants_json(arguments: list[str]) -> bool:
    """Whether errors are to be JSON: --json or --format json."""
    if "--" in arguments:
        arguments = arguments[: arguments.index("--")]
    return "--json" in arguments or any(
        argument in ("--format=json", "-fjson") or (argument == "--format" and following == "json")
        for argument, following in zip(arguments, [*arguments[1:], ""], strict=False)
    )


def tolerant_streams() -> None:
    """A terminal that cannot show a character gets an escape, never an exception."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def report(error: DeriveError, as_json: bool) -> None:
    """One line on stderr with a caret below where there is a place, or an object on stdout."""
    place = error if isinstance(error, ReadingError) else None
    column = place.column if place else getattr(error, "column", None)
    if as_json:
        data = {
            "code": error.code,
            "message": error.message,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "column": column,
        }
        click.echo(json.dumps({"error": data}))
        return
    if place is None:
        click.echo(f"derive: {printable(error.message)}", err=True)
        return
    file = printable(place.file) if place.file else "expression"
    click.echo(f"{file}:{place.line}:{place.column}: {printable(error.message)}", err=True)
    if place.text:
        start = max(0, place.column - 60)
        shown = place.text[start : start + 100]
        click.echo("  " + printable(shown), err=True)
        offset = len(printable(place.text[start : place.column - 1]))
        click.echo(
            "  " + " " * offset + "^" * max(1, min(place.width, len(shown) - (place.column - 1 - start) or 1)), err=True
        )


def printable(text: str) -> str:
    """Text from outside with everything that could move a terminal's cursor escaped."""
    return "".join(
        c if c.isprintable() and not unicodedata.combining(c) else c.encode("unicode_escape").decode("ascii")
        for c in text
    )
