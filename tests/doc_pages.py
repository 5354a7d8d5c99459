"""The pages of docs/ as something to run: their console sessions, their Python sessions, and the files they show.

```console            `$ derive ...` with the output that follows; a line `...` stands for any lines
```pycon              a Python session, as doctest has them; one page is one session
```{code-block} text  with `:caption: work.tex`: a file that later blocks of the page read
"""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"
_FENCE = re.compile(r"^```(?:\{code-block\} ?)?(\w+)\n((?::[\w-]+:[^\n]*\n)*)\n?(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHECKER = doctest.OutputChecker()
#: Programs that a console session may call besides derive.
_OTHERS = {"cat", "ls", "head", "mkdir"}


@dataclass(frozen=True)
class Block:
    """language; caption : the file that it is, or "".  line : of the page, from 1."""

    language: str
    caption: str
    text: str
    line: int


@dataclass(frozen=True)
class Session:
    """A command and what it is said to print."""

    command: str
    output: str
    line: int


def pages() -> list[Path]:
    """Every page that is written by hand."""
    return sorted(page for page in DOCS.rglob("*.md") if "gallery" not in page.parts)


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        caption = re.search(r"^:caption: (\S+)$", match[2], re.MULTILINE)
        line = text.count("\n", 0, match.start(3)) + 1
        found.append(Block(match[1], caption[1] if caption else "", match[3], line))
    return found


def sessions(block: Block) -> Iterator[Session]:
    r"""The commands of a console block; one that ends in \ goes on in the next line."""
    lines = block.text.splitlines(keepends=True)
    starts = [place for place, line in enumerate(lines) if line.startswith("$ ")]
    assert starts and starts[0] == 0, f"line {block.line}: a console session begins with $"
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        command = lines[start][2:]
        first = start + 1
        while command.endswith("\\\n"):
            command = command[:-2] + " " + lines[first].lstrip("> ")
            first += 1
        yield Session(command.strip(), "".join(lines[first:end]), block.line + start)


def is_runnable(page: Path) -> bool:
    return any(block.language in ("console", "pycon") for block in blocks(page))


class Shell:
    """Runs commands in the current folder, `derive` within this process. `code` is the exit code of the last one."""

    def __init__(self) -> None:
        self.code = 0

    def run(self, command: str) -> str:
        """What it prints, standard output and standard error together."""
        if command == "echo $?":
            return f"{self.code}\n"
        words = shlex.split(command, comments=True)
        if words[0] == "derive":
            return self._derive(words[1:])
        if words[0] == "python":
            words[0] = sys.executable
        elif words[0] not in _OTHERS:
            raise AssertionError(f"{words[0]} is nothing that a page may call: {command}")
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        self.code = done.returncode
        return done.stdout + done.stderr

    def _derive(self, arguments: list[str]) -> str:
        from derive.cli.main import run

        data = io.BytesIO()
        printed = io.TextIOWrapper(data, encoding="utf-8", write_through=True)  # text and bytes in their order
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), own_modules():
            self.code = run(arguments)
        return data.getvalue().decode("utf-8")


@contextlib.contextmanager
def own_modules() -> Iterator[None]:
    """Modules that are imported from the current folder are forgotten afterwards, and so is the folder."""
    path, modules = list(sys.path), set(sys.modules)
    try:
        yield
    finally:
        sys.path[:] = path
        here = os.getcwd()
        for name in set(sys.modules) - modules:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(here):
                del sys.modules[name]


def is_as_said(said: str, printed: str) -> bool:
    """Whether this is the output; `...` alone in a line stands for any lines, elsewhere for any signs of its line."""
    said = re.sub(r"(?m)^\.\.\.\n", "\0", said.rstrip() + "\n")
    pattern = re.escape(said).replace("\0", r"(?:.*\n)*?").replace(re.escape("..."), r".*?")
    return re.fullmatch(pattern, re.sub(r"[ \t]+$", "", printed.rstrip() + "\n", flags=re.MULTILINE)) is not None


def faults(page: Path) -> list[str]:
    """Runs the page in the current folder; a sentence for each place where something else happens than it says."""
    found: list[str] = []
    shell = Shell()
    names: dict[str, Any] = {}
    for number, block in enumerate(blocks(page)):
        if block.caption:
            Path(block.caption).parent.mkdir(parents=True, exist_ok=True)
            Path(block.caption).write_text(block.text, encoding="utf-8")
        if block.language == "console":
            for session in sessions(block):
                printed = shell.run(session.command)
                if not is_as_said(session.output, printed):
                    found.append(f"{page.name}:{session.line}: {session.command}\nsaid:\n{session.output}\n"
                                 f"printed:\n{printed}")  # fmt: skip
        elif block.language == "pycon":
            found += _python(page, block, number, names)
    return found


def _python(page: Path, block: Block, number: int, names: dict[str, Any]) -> list[str]:
    """One block of the page's Python session; names that it binds stay."""
    test = doctest.DocTestParser().get_doctest(block.text, names, f"{page.name}[{number}]", str(page), block.line - 1)
    runner = doctest.DocTestRunner(_CHECKER, verbose=False, optionflags=doctest.ELLIPSIS)
    said: list[str] = []
    with own_modules():
        sys.path.insert(0, os.getcwd())
        runner.run(test, out=said.append, clear_globs=False)
    names.update(test.globs)
    return ["".join(said)] if runner.failures else []
