"""The options of layers by name on the command line, made from the rows of the catalogue; what is for layers alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from derive.conventions import KEYS, chosen_settings
from derive.errors import UsageError
from derive.subjects.layers.catalogue import FAMILIES, LAYERS
from derive.subjects.layers.options import Option

#: Parameters of the command that belong to layers begin with this.
PREFIX = "layer_"
_PLACES = {"extents": "N[,N...]", "padding": "N[:N][,...]", "count": "N", "number": "X"}


def layer_options(command: click.Command) -> click.Command:
    """The command with one option for each option of any layer."""
    rows: dict[str, Option] = {}
    takers: dict[str, list[str]] = {}
    for layer in LAYERS.values():
        for option in layer.options:
            rows.setdefault(option.name, option)
            takers.setdefault(option.name, []).append(layer.name)
    for name, option in rows.items():
        declared = [f"--{name}", PREFIX + name.replace("-", "_")]
        text = f"{option.help} ({_listed(takers[name])})"
        if option.kind == "flag":  # --ceil-mode alone is --ceil-mode true
            made = click.Option(declared, is_flag=False, flag_value="true", metavar="[true|false]", help=text)
        else:
            made = click.Option(declared, metavar="|".join(option.choices) or _PLACES[option.kind], help=text)
        command.params.append(made)
    return command


def _listed(names: list[str]) -> str:
    """conv1d, conv2d and conv3d are conv1d..3d; long lists are cut."""
    joined: list[str] = []
    for name in names:
        stem = name[:-2]
        if name.endswith(("1d", "2d", "3d")) and all(f"{stem}{axes}d" in names for axes in (1, 2, 3)):
            name = f"{stem}1d..3d"
        if name not in joined:
            joined.append(name)
    return ", ".join(joined) if len(joined) <= 5 else f"{', '.join(joined[:4])} ..."


def given_options(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The options of layers that were given: name without dashes -> its text."""
    return {
        name.removeprefix(PREFIX).replace("_", "-"): str(value)
        for name, value in parameters.items()
        if name.startswith(PREFIX) and value is not None
    }


def refuse_options(given: Mapping[str, str]) -> None:
    """Options of layers without a layer: they say nothing about equations of one's own."""
    if given:
        first = next(iter(given))
        raise UsageError(f"--{first} is an option of layers; name one with --layer, or write it into the equations")


def layer_names() -> list[tuple[str, str]]:
    """Family -> the names of its layers, for help."""
    return [(family, ", ".join(layer.name for layer in rows)) for family, rows in FAMILIES.items()]


def print_only(conventions: tuple[str, ...]) -> dict[str, str]:
    """The settings; those that choose among equations are for layers, one's own equations say it themselves."""
    settings = chosen_settings(conventions)
    for key in KEYS:
        if key.mathematics and key.name in settings:
            told = f"{key.name}={settings[key.name]}"
            raise UsageError(f"the convention {told} chooses among layers by name; write it into the equations instead")
    return settings
