"""Pages that are read off the program: its commands, its grammars, its tables.

```{commands}                       every command of `derive`, with its options
```{constant} derive.reading.grammar.GRAMMAR
```{table-of} functions             a table of TABLES
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import click
from docutils import nodes
from gallery_scripts import OVERVIEW
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import derive.rules
from derive.cli.main import cli
from derive.conventions import conventions_help
from derive.functions import CALLABLE, TREES
from derive.html.inline import within_a_line
from derive.sheets.catalogue import EXERCISES
from derive.step import Rule
from derive.subjects.catalogue import ENTRIES
from derive.subjects.layers.catalogue import FAMILIES
from derive.tree import Name, Tree, tree_of
from derive.verification.library import catalogue_titles


class Link(NamedTuple):
    """A page of the site."""

    text: str
    page: str


#: A cell is words with code in backticks, formulas, or a link.
Cell = str | tuple[Tree, ...] | Link
Rows = Iterable[tuple[Cell, ...]]


class Commands(SphinxDirective):
    """Each command: usage, what it does, its options, its own examples."""

    def run(self) -> list[nodes.Node]:
        context = click.Context(cli, info_name="derive")
        sections: list[nodes.Node] = []
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            if command is not None:
                sections.append(self._section(name, command, click.Context(command, context, name)))
        return sections

    def _section(self, name: str, command: click.Command, context: click.Context) -> nodes.section:
        section = nodes.section(ids=[f"derive-{name}"], names=[f"derive {name}"])
        section += nodes.title("", f"derive {name}")
        section += _listing(_usage(command, context), "text")
        summary, *rest = re.split(r"\n\s*\n", (command.help or "").strip())
        section += [paragraph(part) for part in (summary, *rest) if part.strip()]
        entries = [
            record
            for parameter in command.get_params(context)
            if (record := parameter.get_help_record(context)) is not None
        ]
        section += definitions(entries)
        for part in re.split(r"\n?\x08\n", command.epilog or ""):
            if part.strip():
                section += epilog(part.strip("\n"))
        return section


def _usage(command: click.Command, context: click.Context) -> str:
    return " ".join(["derive", context.info_name or "", *command.collect_usage_pieces(context)])


def paragraph(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", *_inline(" ".join(text.replace("\x08", "").split())))


def _inline(text: str) -> list[nodes.Node]:
    """Words, with what stands in backticks as code."""
    return [
        nodes.literal(part, part) if k % 2 else nodes.Text(part)
        for k, part in enumerate(re.split(r"`([^`]+)`", text))
        if part
    ]


def definitions(entries: Iterable[tuple[str, str]]) -> nodes.definition_list:
    """Options, each with its help below it."""
    written = nodes.definition_list(classes=["options"])
    for term, text in entries:
        body = nodes.definition("", paragraph(text or "The same on every command."))
        written += nodes.definition_list_item("", nodes.term("", "", nodes.literal(term, term)), body)
    return written


def epilog(part: str) -> list[nodes.Node]:
    """`Examples:` and the commands below it; other lines as sentences."""
    head, *rest = part.splitlines()
    if head.strip() in ("Examples:", "Try:"):
        return [paragraph(head), _listing("\n".join(line.removeprefix("  ") for line in rest), "console")]
    return [paragraph(re.sub(r"\n(?!\s)", "\n", part))]


def _listing(text: str, language: str) -> nodes.literal_block:
    block = nodes.literal_block(text, text)
    block["language"] = language
    return block


class Constant(SphinxDirective):
    """A text constant of a module, as it stands there."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module, _, name = self.arguments[0].rpartition(".")
        return [_listing(getattr(importlib.import_module(module), name).strip(), "text")]


# --- tables -----------------------------------------------------------------------------------------------------------


def functions() -> Rows:
    """The elementary functions, with the derivative that the engine itself writes."""
    yield "function", "derivative", "at a kink"
    for row in CALLABLE.values():
        operands = [Name(letter) for letter in ("u", "w")[: row.arity]]
        partials = tuple(tree_of(partial(TREES, *operands, Name("v"))) for partial in row.partials)
        call = f"{row.name}({', '.join(each.text for each in operands)})"
        yield f"`{call}`", partials, row.kink


def layers() -> Rows:
    yield "layer", "what it is", "in torch"
    for family in FAMILIES.values():
        for layer in family:
            yield (
                f"`{layer.name}`",
                f"{layer.title}: {layer.sentence}",
                f"`{layer.torch.replace('torch.nn.functional', 'F')}`" if layer.torch else "",
            )


def rules() -> Rows:
    """Every Rule of the modules of derive.rules, once."""
    yield "rule", "statement", "module"
    seen: set[str] = set()
    for info in pkgutil.iter_modules(derive.rules.__path__):
        module = importlib.import_module(f"derive.rules.{info.name}")
        for value in vars(module).values():
            if isinstance(value, Rule) and value.name not in seen:
                seen.add(value.name)
                yield value.name, value.statement, f"`{info.name}`"


def solutions() -> Rows:
    yield "name", "worked solution", "source"
    for entry in ENTRIES:
        yield f"`{entry.name}`", entry.title, entry.source


def exercises() -> Rows:
    yield "name", "exercise", "what is asked"
    for exercise in EXERCISES.values():
        yield f"`{exercise.name}`", exercise.title, exercise.asks


def problems() -> Rows:
    yield "name", "problem"
    for name, title in catalogue_titles().items():
        yield f"`{name}`", title


def conventions() -> Rows:
    yield "setting", "what it chooses"
    for setting, text in conventions_help():
        yield f"`{setting}`", text


def sheets() -> Rows:
    """The exercises of the course sheets, as the overview of the worked examples has them."""
    return _overview("## The exercises of the sheets")


def beyond() -> Rows:
    """The worked examples beyond the sheets."""
    return _overview("## Beyond the sheets")


def _overview(heading: str) -> Rows:
    part = OVERVIEW.read_text(encoding="utf-8").partition(f"{heading}\n")[2].partition("\n## ")[0]
    header, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if "|" in line
    )
    yield (*header[:-1], "page")
    for *cells, solution, script in rows:
        name = script.removesuffix(".py")
        yield (*cells, f"`{solution}`" if solution else "", Link(_title(name), f"/gallery/{name}"))


def _title(script: str) -> str:
    return OVERVIEW.with_name(f"{script}.py").read_text(encoding="utf-8").splitlines()[1]


TABLES: Mapping[str, Callable[[], Rows]] = {
    each.__name__: each
    for each in (functions, layers, rules, conventions, solutions, exercises, problems, sheets, beyond)
}


class TableOf(SphinxDirective):
    """One of TABLES."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        header, *rows = TABLES[self.arguments[0]]()
        group = nodes.tgroup(cols=len(header))
        group += [nodes.colspec(colwidth=1) for _ in header]
        group += nodes.thead("", _row(header))
        group += nodes.tbody("", *map(_row, rows))
        return [nodes.table("", group, classes=["colwidths-auto", "named"])]


def _row(cells: tuple[Cell, ...]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *_content(cell))) for cell in cells))


def _content(cell: Cell) -> list[nodes.Node]:
    if isinstance(cell, str):
        return _inline(cell)
    if isinstance(cell, Link):
        target = {"refdomain": "std", "reftype": "doc", "reftarget": cell.page, "refexplicit": True, "refwarn": True}
        return [addnodes.pending_xref("", nodes.inline(cell.text, cell.text), **target)]
    formulas = " and ".join(within_a_line(tree) for tree in cell)
    return [nodes.raw("", f'<span class="derive-inline">{formulas}</span>', format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("commands", Commands)
    app.add_directive("constant", Constant)
    app.add_directive("table-of", TableOf)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
