"""PDF: deterministic, shut in, and ended when it takes too long."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from derive.errors import DeriveError, MissingPartError, WorkLimitError
from derive.latex.document import to_latex
from derive.pdf import compile_latex, compile_pdf, overfull_boxes
from tests.sheet_document import EVERYTHING, TRACE

needs_tex = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")


def article(body: str) -> str:
    return f"\\documentclass{{article}}\n\\begin{{document}}\n{body}\n\\end{{document}}\n"


@pytest.mark.tex
@needs_tex
def test_the_same_document_gives_the_same_bytes() -> None:
    for document in (TRACE, EVERYTHING):
        source = to_latex(document, standalone=True)
        first = compile_pdf(source)
        assert first.startswith(b"%PDF-")
        assert first == compile_pdf(source)


@pytest.mark.tex
@needs_tex
def test_references_settle() -> None:
    assert "??" not in compile_latex(article(r"See \ref{a}. \section{One}\label{a}")).log
    log = compile_latex(article(r"See \ref{a}. \section{One}\label{a}")).log
    assert "undefined references" not in log


@pytest.mark.tex
@needs_tex
def test_text_in_the_margin_is_reported() -> None:
    assert overfull_boxes(compile_latex(article("Short.")).log) == []
    found = overfull_boxes(compile_latex(article(r"\noindent\hbox to 3\textwidth{wide\hfil}")).log)
    assert len(found) == 1
    assert found[0].startswith(r"Overfull \hbox")


@pytest.mark.tex
@needs_tex
def test_an_error_is_tex_s_own_first_complaint() -> None:
    with pytest.raises(DeriveError, match=r"^pdflatex: Undefined control sequence") as caught:
        compile_pdf(article(r"\nosuchcommand"))
    assert caught.value.exit_code == 2
    with pytest.raises(DeriveError, match="made no page"):
        compile_pdf(article(""))


@pytest.mark.tex
@needs_tex
@pytest.mark.parametrize("loop", [r"\def\x{\x}\x", r"\loop\iftrue\repeat", r"\def\x{\message{x}\x}\x"])
def test_a_run_without_end_is_stopped(loop: str) -> None:
    started = time.monotonic()
    with pytest.raises(WorkLimitError) as caught:
        compile_pdf(article(loop), timeout=1.0)
    assert time.monotonic() - started < 5
    assert caught.value.exit_code == 4


@pytest.mark.tex
@needs_tex
def test_a_file_without_end_is_stopped() -> None:
    write = r"\newwrite\f\immediate\openout\f=big.txt \def\x{\immediate\write\f{%s}\x}\x" % ("0123456789" * 50)
    with pytest.raises((WorkLimitError, DeriveError)):
        compile_pdf(article(write), timeout=15.0)


@pytest.mark.tex
@needs_tex
def test_files_of_others_are_neither_read_nor_written(tmp_path: Path) -> None:
    secret = tmp_path / "secret.tex"
    secret.write_text("SECRET", encoding="utf-8")
    for name in (str(secret), "/etc/passwd", f"../{tmp_path.name}/secret"):
        with pytest.raises(DeriveError):
            compile_pdf(article(rf"\input{{{name}}}"))
    target = tmp_path / "made.txt"
    with pytest.raises(DeriveError):
        compile_pdf(article(rf"\newwrite\f\immediate\openout\f={target} \immediate\write\f{{x}} x"))
    assert not target.exists()


@pytest.mark.tex
@needs_tex
def test_no_shell_is_run(tmp_path: Path) -> None:
    target = tmp_path / "made.txt"
    log = compile_latex(article(rf"\immediate\write18{{touch {target}}} x")).log
    assert not target.exists()
    assert "runsystem" in log
    assert "disabled" in log


@pytest.mark.tex
@needs_tex
def test_the_callers_environment_does_not_reach_tex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.sty").write_text(r"\message{PLANTED}", encoding="utf-8")
    monkeypatch.setenv("TEXINPUTS", f"{tmp_path}:")
    with pytest.raises(DeriveError, match=r"planted\.sty"):
        compile_pdf(r"\documentclass{article}\usepackage{planted}\begin{document}x\end{document}")


def test_without_pdflatex_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPartError, match="apt-get install texlive-latex-recommended") as caught:
        compile_pdf(article("x"))
    assert caught.value.exit_code == 6
