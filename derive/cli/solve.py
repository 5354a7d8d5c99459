"""`derive solve`: the worked solution of a catalogue entry, in every medium."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from derive.cli.folder import ProductFolder
from derive.cli.options import formats_of, time_limit
from derive.cli.progress import Progress
from derive.errors import MissingPartError, UsageError
from derive.subjects.catalogue import ENTRIES, Entry, find

if TYPE_CHECKING:
    from derive.document import Document

FORMATS = ("tex", "html", "pdf", "ipynb")

EPILOG = """\b
Examples:
  derive solve griewank                        # build/solutions/griewank.{tex,html,pdf,ipynb}
  derive solve griewank --format html -o page
  derive solve speelpenning --inputs 20
  derive solve --all
"""


def _parameters(command: click.Command) -> click.Command:
    """One option for each parameter of any entry."""
    seen: dict[str, click.Option] = {}
    for entry in ENTRIES:
        for parameter in entry.parameters:
            kind = click.IntRange(parameter.least, parameter.most)
            text = f"{entry.name}: {parameter.help}. [{parameter.default}]"
            seen.setdefault(parameter.name, click.Option([f"--{parameter.name}"], type=kind, help=text))
    command.params.extend(seen.values())
    return command


@_parameters
@click.command("solve", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every entry of the catalogue.")
@click.option("--list", "listing", is_flag=True, help="List the catalogue.")
@click.option("--json", "as_json", is_flag=True, help="What was written (or the list) as JSON.")
@click.option("-o", "--out", "out", default="build/solutions", show_default=True, help="Folder to write to.")
@click.option("--format", "-f", "formats", help="Some of tex,html,pdf,ipynb. [all]")
@click.option("--force", is_flag=True, help="Write into a folder that holds other files, and over changed ones.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.01, 86400),
    default=600.0,
    show_default=True,
    help="Give up after this many seconds.",
)
def command(
    names: tuple[str, ...],
    everything: bool,
    listing: bool,
    as_json: bool,
    out: str,
    formats: str | None,
    force: bool,
    timeout: float,
    **parameters: int | None,
) -> int:
    """Build the worked solution of catalogue entries: .tex, .html, .pdf and .ipynb, all from one derivation."""
    if listing:
        from derive.cli.list import command as list_command

        code = list_command.main(["--json"] if as_json else [], standalone_mode=False)
        return int(code or 0)
    entries = list(ENTRIES) if everything else [find(name) for name in dict.fromkeys(names)]
    if not entries:
        raise UsageError("name an entry of the catalogue, or --all; `derive list` shows them")
    chosen = formats_of(formats, FORMATS)
    values = _values(entries, parameters)
    with Progress() as progress, time_limit(timeout):
        folder = ProductFolder(out, force=force)
        written, missing = [], []
        for number, entry in enumerate(entries, 1):
            place = f" ({number} of {len(entries)})" if len(entries) > 1 else ""
            started = time.monotonic()
            progress.doing(f"deriving and checking {entry.name}{place}")
            document = _document(entry, values)
            for form in chosen:
                progress.doing(f"writing {entry.name}.{form}{place}")
                try:
                    written.append(str(folder.write(f"{entry.name}.{form}", _rendered(document, form))))
                except MissingPartError as reason:
                    if formats is not None:
                        raise
                    missing.append(f"{entry.name}.{form}")
                    progress.echo(f"without {entry.name}.{form}: {reason.message}", err=True)
            seconds = time.monotonic() - started
            if not as_json:
                made = [f"{entry.name}.{form}" for form in chosen if f"{entry.name}.{form}" not in missing]
                progress.echo(f"{entry.name}: {', '.join(made)} in {folder.path} ({seconds:.1f} s)")
    if as_json:
        import json

        click.echo(json.dumps({"written": written, "missing": missing}, indent=2))
    return 0


def _values(entries: list[Entry], given: dict[str, int | None]) -> dict[str, int]:
    """The parameters, defaults filled in; one that no entry takes is refused."""
    known = {parameter.name: parameter.default for entry in entries for parameter in entry.parameters}
    for name, value in given.items():
        if value is not None and name not in known:
            raise UsageError(f"--{name} is no parameter of {', '.join(entry.name for entry in entries)}")
        if value is not None:
            known[name] = value
    return known


def _document(entry: Entry, values: dict[str, int]) -> Document:
    import importlib

    own = {parameter.name: values[parameter.name] for parameter in entry.parameters}
    document: Document = importlib.import_module(entry.module).solution(entry, **own)
    return document


def _rendered(document: Document, form: str) -> bytes:
    from derive.cli.render import rendered

    return rendered(document, form)
