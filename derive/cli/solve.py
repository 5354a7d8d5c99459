"""`derive solve`: the worked solution of a catalogue entry, in every medium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from derive.cli.folder import ProductFolder
from derive.cli.options import formats_of, time_limit
from derive.cli.progress import Progress
from derive.cli.solve_build import build, together
from derive.errors import UsageError
from derive.subjects.catalogue import ENTRIES, Entry, document, find

if TYPE_CHECKING:
    from derive.document import Document

FORMATS = ("tex", "html", "pdf", "ipynb")

EPILOG = """\b
Examples:
  derive solve griewank                        # build/solutions/griewank.{tex,html,pdf,ipynb}
  derive solve griewank --format html -o page
  derive solve speelpenning --inputs 20
  derive solve --all                           # all of them, a page that leads to them, and one book
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
@click.option("--jobs", type=click.IntRange(0, 256), default=0, help="Processes. [one for each processor]")
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
    jobs: int,
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
    documents: dict[str, Document] = {}
    written, missing = [], []
    with Progress() as progress, time_limit(timeout):
        folder = ProductFolder(out, force=force)
        for entry in entries:
            for form in chosen:
                folder.check(f"{entry.name}.{form}")
        progress.doing(f"deriving, checking and writing {_counted(entries)}")
        for made in build([entry.name for entry in entries], chosen, values, jobs=jobs, optional=formats is None):
            documents[made.name] = made.document
            written += [str(folder.write(f"{made.name}.{form}", data)) for form, data in made.files.items()]
            missing += [f"{made.name}.{form}" for form in made.missing]
            for form, reason in made.missing.items():
                progress.echo(f"without {made.name}.{form}: {reason}", err=True)
            if not as_json:
                names_made = ", ".join(f"{made.name}.{form}" for form in made.files)
                progress.echo(f"{made.name}: {names_made} in {folder.path} ({made.seconds:.1f} s)")
            progress.doing(f"{len(documents)} of {_counted(entries)} done")
        if everything:
            progress.doing("writing the book of all solutions")
            there = [form for form in chosen if f"{entries[0].name}.{form}" not in missing]
            for name, data in together(documents, there):
                written.append(str(folder.write(name, data)))
                if not as_json:
                    progress.echo(f"all of them: {name} in {folder.path}")
    if as_json:
        import json

        click.echo(json.dumps({"written": written, "missing": missing}, indent=2))
    return 0


def _counted(entries: list[Entry]) -> str:
    return entries[0].name if len(entries) == 1 else f"{len(entries)} solutions"


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
    """The solution of an entry, its parameters among `values`."""
    return document(entry.name, **{parameter.name: values[parameter.name] for parameter in entry.parameters})
