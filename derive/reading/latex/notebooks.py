"""Notebooks: the markdown cells, and the lines of the file where they begin; not those that a sheet gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from derive.document import GIVEN_TAG
from derive.errors import ReadingError


def markdown_cells(text: str) -> Iterator[tuple[str, int, int]]:
    """The markdown cells of a notebook: text, the line of the file where it begins, and its column less one."""
    if len(text) > 1 and text.count("[") + text.count("{") > 100_000:
        raise ReadingError("this is no notebook: too many brackets")
    try:
        notebook = json.loads(text)
        cells = [cell for cell in notebook["cells"] if cell.get("cell_type") == "markdown" and not _is_given(cell)]
        sources = ["".join(cell["source"]) for cell in cells]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ReadingError("this is no Jupyter notebook; it should be JSON with a list of cells") from None
    place = 0
    for cell, source in zip(cells, sources, strict=True):
        lines = cell["source"] if isinstance(cell["source"], list) else [cell["source"]]
        found = -1
        for first in lines[:1]:
            for ascii_only in (False, True):
                found = text.find(json.dumps(first, ensure_ascii=ascii_only), place)
                if found >= 0:
                    break
        if found >= 0:
            place = found
        line = text.count("\n", 0, place) + 1
        column = place - (text.rfind("\n", 0, place) + 1) + 1 if found >= 0 else 0
        yield source, line, column


def _is_given(cell: Any) -> bool:
    """Whether the cell is the problem's, as a sheet marks it."""
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return isinstance(tags, list) and GIVEN_TAG in tags
