"""`derive list`: the catalogue."""

from __future__ import annotations

import json

import click


@click.command("list", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Names, commands and parameters as JSON.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="The same as --json.")
def command(as_json: bool, form: str) -> int:
    """List what `derive solve` can build."""
    from derive.subjects.catalogue import ENTRIES

    if as_json or form == "json":
        click.echo(json.dumps([entry.as_data() for entry in ENTRIES], indent=2))
        return 0
    width = max(len(entry.name) for entry in ENTRIES)
    for entry in ENTRIES:
        click.echo(f"{entry.name:{width}}  {entry.title}")
        for parameter in entry.parameters:
            bounds = f"{parameter.least} to {parameter.most}, default {parameter.default}"
            click.echo(f"{'':{width}}    --{parameter.name} N: {parameter.help} ({bounds})")
    return 0
