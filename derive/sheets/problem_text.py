"""The text of a problem file (docs/problems.md): formulas in single quotes, numbers as they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from derive.latex.formulas import formula
from derive.tree import Name, Tree

#: A field of [names]: the shape, and what else is said of it.
SCALAR = "{ shape = [] }"
POSITIVE = '{ shape = [], domain = "positive" }'


def problem_text(
    title: str,
    equations: Sequence[Tree | str],
    names: Mapping[str, str],
    *,
    loss: str = "",
    conventions: Mapping[str, str] | None = None,
    aliases: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
) -> str:
    """A problem file.

    equations : trees, or LaTeX.  names : name -> its fields as TOML, such as SCALAR.  values : name -> a number.
    Names are in the plain notation, w_11.
    """
    lines = [f"title = {quoted(title)}"]
    if loss:
        lines.append(f"loss = {quoted(latex_name(loss))}")
    shown = [each if isinstance(each, str) else formula(each) for each in equations]
    lines += ["equations = [", *(f"    {quoted(each)}," for each in shown), "]", "", "[names]"]
    lines += [f"{key(name)} = {fields}" for name, fields in names.items()]
    for head, table in (("conventions", conventions), ("aliases", aliases)):
        if table:
            lines += ["", f"[{head}]", *(f"{key(name)} = {quoted(value)}" for name, value in table.items())]
    if values:
        lines += ["", "[values]", *(f"{key(name)} = {value}" for name, value in values.items())]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """A literal string of TOML, in which a backslash is a backslash."""
    if "'" in text or "\n" in text:
        raise ValueError(f"{text!r} cannot stand in single quotes")
    return f"'{text}'"


def latex_name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z]", name) else formula(Name(name))


def key(name: str) -> str:
    """A key as TOML wants it: a bare one where it can be, else the name's LaTeX in quotes."""
    if "\\" in name:
        return quoted(name)
    return name if re.fullmatch(r"[A-Za-z]+(_[A-Za-z0-9])?|[a-z]+_[a-z]+", name) else quoted(latex_name(name))
