"""`derive list`: the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click


@click.command("list", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--json", "as_json", is_flag=True, help="Names, commands and parameters as JSON.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="The same as --json.")
def command(as_json: bool, form: str) -> int:
    """List what `derive solve` can build, and the problems of `derive verify`."""
    from derive.subjects.catalogue import ENTRIES
    from derive.verification.library import catalogue_titles

    problems = catalogue_titles()
    if as_json or form == "json":
        click.echo(json.dumps([*_solutions(problems), *_problems(problems)], indent=2))
        return 0
    width = max(len(entry.name) for entry in ENTRIES)
    for entry in ENTRIES:
        click.echo(f"{entry.name:{width}}  {entry.title}")
        for parameter in entry.parameters:
            bounds = f"{parameter.least} to {parameter.most}, default {parameter.default}"
            click.echo(f"{'':{width}}    --{parameter.name} N: {parameter.help} ({bounds})")
    click.echo("\nProblems for derive verify --problem NAME; derive problem NAME prints one:")
    width = max(map(len, problems))
    for name, title in problems.items():
        click.echo(f"{name:{width}}  {title}")
    return 0


def _solutions(problems: Mapping[str, str]) -> list[dict[str, Any]]:
    """The entries of `derive solve`; works on those that are problems too can be verified."""
    from derive.subjects.catalogue import ENTRIES

    found = [entry.as_data() for entry in ENTRIES]
    for entry in found:
        if entry["name"] in problems:
            entry["commands"].append("verify")
    return found


def _problems(problems: Mapping[str, str]) -> list[dict[str, Any]]:
    from derive.subjects.catalogue import BY_NAME

    return [
        {"name": name, "title": title, "source": f"{name}.toml", "commands": ["verify"], "parameters": []}
        for name, title in problems.items()
        if name not in BY_NAME
    ]
