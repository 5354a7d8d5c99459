"""Signs of life: on a terminal only, only after a while, and gone when the work is done."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import subprocess
import sys
import time

from derive.cli.progress import Progress


class Terminal:
    """A pseudo-terminal: what is written to `stream`, and a screen that obeys carriage returns."""

    def __enter__(self) -> Terminal:
        self.master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w")
        return self

    def __exit__(self, *error: object) -> None:
        self.stream.close()
        os.close(self.master)

    def written(self) -> str:
        self.stream.flush()
        os.set_blocking(self.master, False)
        text = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self.master, 1 << 12):
                text += piece
        return text.decode()


def screen(text: str) -> str:
    """The last line as a terminal shows it."""
    cells: list[str] = []
    place = 0
    for character in text.rpartition("\n")[2]:
        if character == "\r":
            place = 0
            continue
        cells[place : place + 1] = [character]
        place += 1
    return "".join(cells).rstrip()


def test_work_that_takes_its_time_says_what_it_does_and_leaves_nothing_behind() -> None:
    with Terminal() as terminal:
        with Progress(terminal.stream, patience=0.05, beat=0.02) as progress:
            progress.doing("checking")
            time.sleep(0.3)
            during = terminal.written()
            progress.doing("writing html")
            time.sleep(0.2)
            later = terminal.written()
        after = terminal.written()
    assert re.search(r"checking \.\.\. \d+ s$", screen(during))
    assert re.search(r"writing html \.\.\. \d+ s$", screen(during + later))
    assert screen(during + later + after) == ""


def test_short_work_says_nothing() -> None:
    with Terminal() as terminal:
        with Progress(terminal.stream, patience=5.0) as progress:
            progress.doing("checking")
        assert terminal.written() == ""


def test_a_file_or_a_pipe_gets_nothing() -> None:
    stream = io.StringIO()
    with Progress(stream, patience=0.0, beat=0.01) as progress:
        progress.doing("checking")
        time.sleep(0.1)
    assert stream.getvalue() == ""


def test_an_error_leaves_a_clean_line() -> None:
    with Terminal() as terminal:
        with contextlib.suppress(ValueError), Progress(terminal.stream, patience=0.0, beat=0.01) as progress:
            progress.doing("checking")
            time.sleep(0.1)
            raise ValueError
        assert "checking" in (written := terminal.written()) and screen(written) == ""


def test_the_command_line_shows_it_and_standard_output_has_none_of_it(tmp_path: object) -> None:
    arguments = ["solve", "speelpenning", "--inputs", "200", "--format", "tex", "-o", f"{tmp_path}/made"]
    code = "import derive.cli.progress as p; p.PATIENCE = 0; from derive.cli.main import main; main()"
    with Terminal() as terminal:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], stderr=terminal.stream, stdout=subprocess.PIPE, check=True
        )
        written = terminal.written()
    assert "deriving, checking and writing speelpenning" in written and screen(written) == ""
    assert done.stdout.decode().startswith("speelpenning: speelpenning.tex in ")
