"""`derive problem`: the problems that `derive verify` knows by name, as files to start one's own from."""

from __future__ import annotations

import click


@click.command("problem", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", required=False)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write the file there; it must not exist.")
def command(name: str | None, output: str | None) -> int:
    """Print a problem of the catalogue as the TOML file it is; without NAME, list them.

    A teacher's own problem begins with one of these: derive problem batchnorm -o mine.toml
    """
    from derive.errors import OutputError, UsageError
    from derive.verification.library import catalogue_text, catalogue_titles

    if name is None:
        if output is not None:
            raise UsageError("--output needs the name of a problem; derive problem lists them")
        titles = catalogue_titles()
        width = max(map(len, titles))
        for each, title in titles.items():
            click.echo(f"{each:{width}}  {title}")
        return 0
    text = catalogue_text(name)
    if output is None:
        click.echo(text, nl=False)
        return 0
    try:
        with open(output, "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise OutputError(f"{output} is there already; choose another name") from None
    return 0
