"""`derive sheet`: variants of an exercise: the student's sheet, its key, and the problem for `derive verify`."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from derive.cli.folder import ProductFolder
from derive.cli.options import formats_of, processes, time_limit
from derive.cli.progress import Progress
from derive.errors import MissingPartError, UsageError

if TYPE_CHECKING:
    from derive.sheets.making import Order

INDEX = ("index.json", "index.csv")
EPILOG = """\b
Examples:
  derive sheet --list
  derive sheet griewank                              # one variant in build/sheets/griewank
  derive sheet griewank --variants 30 --seed 1 -o week3
  derive sheet softmax --variants 200 --format tex --jobs 2 -o week4
  derive verify filled.tex --problem week3/variant-07/problem.toml

\b
Each variant-NN holds sheet.*, key.* and problem.toml; index.csv and index.json list what was drawn, with the answers.
The same name and seed give the same variants, however many are asked for.
Exit codes: 0 done; 1 a key is not proved right; 2 bad usage; 4 a limit was hit; 5 input/output; 6 TeX is missing.
"""


@click.command("sheet", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False)
@click.option("--list", "listing", is_flag=True, help="List the exercises.")
@click.option("--variants", "count", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many.")
@click.option("--seed", type=int, default=0, show_default=True, help="Other variants.")
@click.option("-o", "--out", "out", help="Folder to write to. [build/sheets/NAME]")
@click.option("--format", "-f", "formats", help="Some of tex,pdf,html,ipynb. [all]")
@click.option("--jobs", type=int, default=1, show_default=True, help="Processes.")
@click.option("--check/--no-check", default=True, show_default=True, help="Hold every key against its problem.")
@click.option("--force", is_flag=True, help="Write into a folder that holds other files, and over changed ones.")
@click.option("--json", "as_json", is_flag=True, help="What was written (or the list) as JSON.")
@click.option("--timeout", type=click.FloatRange(0.01, 86400), default=3600.0, show_default=True,
              help="Give up after this many seconds.")  # fmt: skip
def command(
    name: str | None,
    listing: bool,
    count: int,
    seed: int,
    out: str | None,
    formats: str | None,
    jobs: int,
    check: bool,
    force: bool,
    as_json: bool,
    timeout: float,
) -> int:
    """Write variants of the exercise NAME: the student's sheet with blanks, its key, and the problem file.

    All variants of an exercise ask for as many lines with as many operations, and differ in what is given and in
    their answers. A filled sheet in .tex or .ipynb goes straight into `derive verify`.
    """
    if listing:
        if name is not None:
            raise UsageError("--list lists all exercises; give either it or a name")
        return _list(as_json)
    if name is None:
        raise UsageError("name an exercise; `derive sheet --list` shows them")
    from derive.sheets.catalogue import find_exercise
    from derive.sheets.making import FORMATS, Order

    exercise = find_exercise(name)
    chosen = formats_of(formats, FORMATS)
    if "pdf" in chosen and shutil.which("pdflatex") is None:
        from derive.pdf import INSTALL

        if formats is not None:
            raise MissingPartError(f"pdflatex is not installed; {INSTALL}")
        chosen.remove("pdf")
        click.echo(f"without PDF: pdflatex is not installed; {INSTALL}", err=True)
    order = Order(exercise.name, count, seed, tuple(chosen), check)
    with Progress() as progress, time_limit(timeout):
        folder = ProductFolder(out or Path("build/sheets") / exercise.name, force=force)
        started = time.monotonic()
        written = _write(order, folder, processes(jobs), progress)
        seconds = time.monotonic() - started
    if as_json:
        data = {"exercise": exercise.name, "seed": seed, "folder": str(folder.path), "variants": count,
                "checked": check, "written": written}  # fmt: skip
        click.echo(json.dumps(data, indent=2))
    else:
        variants = f"{count} variant{'s' if count > 1 else ''} of {exercise.name}"
        proved = "every key proved" if check else "keys not checked"
        click.echo(f"{variants} in {folder.path}: {', '.join(order.names)}; {proved} ({seconds:.1f} s)")
    return 0


def _write(order: Order, folder: ProductFolder, jobs: int, progress: Progress) -> list[str]:
    """All files, and the index when they are there; the manifest tells of what is there even if this is stopped."""
    from derive.sheets.making import index_csv, index_json, make

    planned = [f"{each}/{name}" for each in order.folders for name in order.names] + list(INDEX)
    for name in planned:
        folder.check(name)
    _clear(order, folder, set(planned))
    progress.doing(f"drawing {order.exercise}")
    entries: list[dict[str, Any]] = []
    try:
        for made in make(order, jobs):
            for name, data in made.files.items():
                folder.write(f"{made.entry['folder']}/{name}", data, note=False)
            entries.append(made.entry)
            progress.doing(f"{len(entries)} of {order.count} variants of {order.exercise}")
        folder.write(INDEX[0], index_json(order, entries), note=False)
        folder.write(INDEX[1], index_csv(entries), note=False)
    finally:
        folder.note()
    return [str(folder.path / name) for name in planned]


def _clear(order: Order, folder: ProductFolder, planned: set[str]) -> None:
    """Take away what was written of other variants, with --force: a key beside another variant's sheet misleads."""
    same = _is_same(order, folder)
    stale = [name for name in folder.files if name not in planned]
    if same:
        stale = [name for name in stale if name.split("/")[0] not in order.folders]
    if stale and not folder.force:
        raise UsageError(
            f"{folder.path} holds other sheets, such as {stale[0]}; name another folder, or add --force to replace them"
        )
    for name in stale:
        folder.remove(name)


def _is_same(order: Order, folder: ProductFolder) -> bool:
    """Whether the folder holds variants of this exercise and seed, of which another format may be written."""
    try:
        data = json.loads((folder.path / INDEX[0]).read_bytes())
        return (data["exercise"], data["seed"]) == (order.exercise, order.seed)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _list(as_json: bool) -> int:
    from derive.sheets.catalogue import EXERCISES

    rows = [
        {"name": each.name, "title": each.title, "asks": each.asks, "source": each.source}
        for each in EXERCISES.values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    width = max(map(len, EXERCISES))
    for row in rows:
        click.echo(f"{row['name']:{width}}  {row['title']}: {row['asks']}")
    return 0
