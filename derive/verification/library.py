"""The problems that come with the program: TOML files beside this one, found by name; nothing of them is read here."""

from __future__ import annotations

import tomllib
from pathlib import Path

from derive.errors import UsageError
from derive.words import nearest

CATALOGUE = Path(__file__).parent / "catalogue"


def catalogue_names() -> tuple[str, ...]:
    """The problems that come with the program."""
    return tuple(sorted(file.stem for file in CATALOGUE.glob("*.toml")))


def catalogue_titles() -> dict[str, str]:
    """Name -> title of the problems that come with the program."""
    return {name: str(tomllib.loads(catalogue_text(name))["title"]) for name in catalogue_names()}


def catalogue_text(name: str) -> str:
    """The TOML of a problem of the catalogue; - and _ are the same. Raises UsageError with the nearest name."""
    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    names = catalogue_names()
    if key not in names:
        close = nearest(key, names)
        hint = f"did you mean {close}?" if close else f"there are {', '.join(names)}, or a file that ends in .toml"
        raise UsageError(f"no problem is called {name[:100]}; {hint}")
    return (CATALOGUE / f"{key}.toml").read_text(encoding="utf-8")
