"""LaTeX to PDF through pdflatex, shut in: no shell, no files outside its own folder, a limit on time and size.

The same source gives the same bytes: the date is fixed, and the document's identifier does not depend on the folder.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from derive.errors import DeriveError, MissingPartError, WorkLimitError

#: References, contents and the columns of long tables settle in three runs.
RUNS = 4
#: The largest file that TeX may write, in bytes.
FILE_SIZE = 64 << 20
INSTALL = "apt-get install texlive-latex-recommended texlive-pictures lmodern"

_JOB = "document"
_CONTENTS = r"\tableofcontents"
_UNSETTLED = re.compile(r"Rerun to get|Table widths have changed|may have changed|rerunfilecheck Warning")
#: The identifier in the trailer would else be made of the time and the folder.
_START = rf"\pdftrailerid{{}}\input{{{_JOB}}}"


@dataclass(frozen=True, slots=True)
class CompiledPdf:
    """The file, and what TeX said about it."""

    data: bytes
    log: str


def compile_pdf(source: str, *, timeout: float = 20.0) -> bytes:
    """The PDF of a LaTeX document. `timeout` in seconds of wall time, for all runs together.

    Raises MissingPartError without pdflatex, WorkLimitError when time or space is used up, DeriveError with TeX's
    own first complaint.
    """
    return compile_latex(source, timeout=timeout).data


def compile_latex(source: str, *, timeout: float = 20.0) -> CompiledPdf:
    """As `compile_pdf`, with the log."""
    program = shutil.which("pdflatex")
    if program is None:
        raise MissingPartError(f"pdflatex is not installed; {INSTALL}")
    deadline = time.monotonic() + timeout
    with tempfile.TemporaryDirectory(prefix="derive-tex-") as name:
        folder = Path(name)
        (folder / f"{_JOB}.tex").write_text(source, encoding="utf-8")
        contents = b""
        for number in range(RUNS):
            # of a book the first run only collects the contents, and need not write pages
            is_draft = number == 0 and _CONTENTS in source
            _run(program, folder, deadline, timeout, is_draft)
            log = _read_log(folder)
            before, contents = contents, _read_contents(folder)
            if not is_draft and contents == before and not _UNSETTLED.search(log):
                break
        try:
            data = (folder / f"{_JOB}.pdf").read_bytes()
        except FileNotFoundError:
            raise DeriveError("pdflatex made no page of this document") from None
    return CompiledPdf(data, log)


def overfull_boxes(log: str) -> list[str]:
    """The lines of the log that report text in the margin (or below the page)."""
    return re.findall(r"^Overfull \\[hv]box .*$", log, flags=re.MULTILINE)


def missing_glyphs(log: str) -> list[str]:
    """The lines of the log that report a sign of which a font has no picture: a gap or a box on the page."""
    return re.findall(r"^Missing character: .*$", log, flags=re.MULTILINE)


def _run(program: str, folder: Path, deadline: float, timeout: float, is_draft: bool) -> None:
    arguments = [program, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", f"-jobname={_JOB}"]
    arguments += ["-draftmode", _START] if is_draft else [_START]
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a group of its own, so that all of it can be ended
        preexec_fn=_limits(timeout),
    )
    try:
        code = process.wait(max(deadline - time.monotonic(), 0.01))
    except subprocess.TimeoutExpired:
        raise WorkLimitError(f"pdflatex was stopped after {timeout:g} seconds") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        raise WorkLimitError(f"pdflatex was stopped after {timeout:g} seconds")
    if code == -signal.SIGXFSZ:
        raise WorkLimitError(f"pdflatex was stopped: it wrote more than {FILE_SIZE >> 20} MB")
    if code != 0:
        raise DeriveError(f"pdflatex: {_first_error(_read_log(folder))}")


def _environment(folder: Path) -> dict[str, str]:
    """Of the caller's environment only the path. TeX reads its own tree and this folder, and writes only here."""
    private = str(folder)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": private,
        "TEXMFHOME": private,
        "TEXMFVAR": private,
        "TEXMFCONFIG": private,
        "openin_any": "p",
        "openout_any": "p",
        "shell_escape": "f",
        "SOURCE_DATE_EPOCH": "0",
        "FORCE_SOURCE_DATE": "1",
        "TZ": "UTC",
        "LC_ALL": "C",
        "max_print_line": "10000",  # the log is read line by line
    }


def _limits(timeout: float) -> Callable[[], None]:
    import resource  # not on every system; where there is no pdflatex it is not needed either

    seconds = int(timeout) + 2

    def apply() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    return apply


def _read_log(folder: Path) -> str:
    try:
        return (folder / f"{_JOB}.log").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def _read_contents(folder: Path) -> bytes:
    """The table of contents as the next run reads it."""
    path = folder / f"{_JOB}.toc"
    return path.read_bytes() if path.exists() else b""


def _first_error(log: str) -> str:
    found = re.search(r"^! (.*)$", log, flags=re.MULTILINE)
    return found[1].strip()[:200] if found else "stopped without saying why"
