"""What the engine makes, shown where a page asks for it: worked solutions with their pictures, formulas in a line.

    ```{engine} traces       what shown.traces() returns, a Document or a Walk; :source: shows the function above it,
                             :stepper: lets it be walked through, :open: unfolds what is folded last
    {f}`vbar_3*v_3`          a formula in the plain notation

Nothing is pasted: both are made anew whenever the site is built.
"""

from __future__ import annotations

import html
import inspect
import re
from typing import ClassVar

import shown
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.highlighting import PygmentsBridge
from sphinx.util.docutils import SphinxDirective, SphinxRole

from derive.display import to_html
from derive.document import Document
from derive.errors import DeriveError
from derive.html.inline import within_a_line
from derive.html.stepper import script, stepper
from derive.reading.reader import read


class Engine(SphinxDirective):
    """A function of the module `shown`, called; what it returns stands on the page."""

    required_arguments = 1
    option_spec: ClassVar = {"source": directives.flag, "stepper": directives.flag, "open": directives.flag}

    def run(self) -> list[nodes.Node]:
        function = getattr(shown, self.arguments[0])
        self.env.note_dependency(str(inspect.getsourcefile(function)))
        shows = function()
        written = to_html(shows, fragment=True) if isinstance(shows, Document) else shows._repr_html_()
        if "open" in self.options:  # the last of what is folded: usually the longest
            before, folded, after = written.rpartition("<details>")
            written = f"{before}{folded and '<details open>'}{after}"
        if "stepper" in self.options:
            end = written.rindex("</div>")
            written = f"{written[:end]}{stepper(shows)}</div>\n<script>{script()}</script>\n"
        page = nodes.raw("", lean(written), format="html")
        if "source" not in self.options:
            return [page]
        code = nodes.literal_block("", body_of(function))
        code["language"] = "python"
        return [code, page]


class Formula(SphinxRole):
    """A formula in the plain notation, as the engine prints it."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        try:
            written = within_a_line(read(self.text))
        except DeriveError as reason:
            message = self.inliner.reporter.error(f"{self.text}: {reason}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        return [nodes.raw("", f'<span class="derive-inline">{written}</span>', format="html")], []


def body_of(function: object) -> str:
    """The lines of a function below its docstring, `return` left out."""
    text = inspect.cleandoc(inspect.getsource(function).partition('"""\n')[2])  # type: ignore[arg-type]
    return re.sub(r"^return ", "", text, flags=re.MULTILINE)


def lean(written: str) -> str:
    """As the site has it: without the styles and fonts that every fragment brings along, and with coloured code."""
    written = re.sub(r'(<div class="derive[^"]*">)\s*<style>(.*?)</style>', _own_rules, written, flags=re.DOTALL)
    listing = r'<pre tabindex="0"><code class="language-(\w*)">(.*?)</code></pre>'
    return re.sub(listing, _coloured, written, flags=re.DOTALL)


def _own_rules(start: re.Match[str]) -> str:
    """Of the style of a walk the rules that show its steps."""
    _, mark, rules = start[2].partition(".derive-watch {")
    return f"{start[1]}\n<style>\n{mark}{rules}</style>" if mark else start[1]


def _coloured(listing: re.Match[str]) -> str:
    return PygmentsBridge("html").highlight_block(html.unescape(listing[2]), listing[1] or "text")  # type: ignore[no-any-return]


def lean_raw(app: Sphinx, document: nodes.document) -> None:
    """The same for what the gallery's scripts have shown, and without the gallery's own style for it."""
    for node in list(document.findall(nodes.raw)):
        if node.get("format") == "html" and '<div class="derive' in node.astext():
            node.replace_self(nodes.raw("", lean(node.astext()).replace(" rendered_html ", " "), format="html"))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("engine", Engine)
    app.add_role("f", Formula())
    app.connect("doctree-read", lean_raw)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
