"""The scripts of the gallery: their order, and what they find when they are run."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

_OVERVIEW = Path(__file__).parents[2] / "worked_examples" / "README.md"


def as_listed(file: str) -> int:
    """The place of a script in the overview of the worked examples. Raises ValueError for one that it does not list."""
    return _OVERVIEW.read_text(encoding="utf-8").index(f" {file} ")


def with_file(gallery_conf: dict[str, Any], script: str) -> None:
    """Let a script find its own path: sphinx-gallery runs it without a `__file__`, which it then looks for here."""
    builtins.__file__ = str(_OVERVIEW.parent / Path(script).name)
