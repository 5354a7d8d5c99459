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
    """List what `derive solve` can build, the exercises of `derive sheet`, and the problems of `derive verify`."""
    from derive.sheets.catalogue import EXERCISES
    from derive.subjects.catalogue import ENTRIES
    from derive.verification.library import catalogue_titles

    problems = catalogue_titles()
    exercises = {exercise.name: exercise.title for exercise in EXERCISES.values()}
    if as_json or form == "json":
        click.echo(json.dumps(_data(exercises, problems), indent=2))
        return 0
    width = max(len(entry.name) for entry in ENTRIES)
    for entry in ENTRIES:
        click.echo(f"{entry.name:{width}}  {entry.title}")
        for parameter in entry.parameters:
            bounds = f"{parameter.least} to {parameter.most}, default {parameter.default}"
            click.echo(f"{'':{width}}    --{parameter.name} N: {parameter.help} ({bounds})")
    _show("Exercises for derive sheet NAME; derive sheet --list says what each asks for:", exercises)
    _show("Problems for derive verify --problem NAME; derive problem NAME prints one:", problems)
    return 0


def _show(heading: str, titles: Mapping[str, str]) -> None:
    click.echo(f"\n{heading}")
    width = max(map(len, titles))
    for name, title in titles.items():
        click.echo(f"{name:{width}}  {title}")


def _data(exercises: Mapping[str, str], problems: Mapping[str, str]) -> list[dict[str, Any]]:
    """Every name once, with all commands that take it; the title is that of the solution, else of the exercise."""
    from derive.subjects.catalogue import ENTRIES

    found = {entry.name: entry.as_data() for entry in ENTRIES}
    for command_name, titles, ending in (("verify", problems, ".toml"), ("sheet", exercises, "")):
        for name, title in titles.items():
            source = f"{name}{ending}" if ending else ""
            new = {"name": name, "title": title, "source": source, "commands": [], "parameters": []}
            found.setdefault(name, new)["commands"].append(command_name)
    return list(found.values())
