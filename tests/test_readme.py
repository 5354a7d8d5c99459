"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
PICTURE = README.parent / "docs" / "images" / "griewank.svg"

pytestmark = pytest.mark.skipif(not README.exists(), reason="the README is not part of an installed copy")


def commands() -> list[str]:
    return [line.strip() for line in README.read_text().splitlines() if line.startswith("    derive ")]


def test_every_command_of_the_readme_works(tmp_path: Path) -> None:
    assert len(commands()) >= 4
    for command in commands():
        arguments = shlex.split(command, comments=True)[1:]
        done = subprocess.run(
            [sys.executable, "-m", "derive", *arguments], cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0, (command, done.stderr.decode())
    assert (tmp_path / "trace.html").exists() and (tmp_path / "build/solutions/griewank.ipynb").exists()


def test_the_python_of_the_readme_works(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    exec(code, {"__name__": "readme"})  # noqa: S102 - our own README
    printed = capsys.readouterr().out
    assert "vbar_" in printed and "def function" in printed and "central differences" in printed


def test_the_picture_of_the_readme_is_the_one_that_derive_draws() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "derive", "trace", "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))",
         "--at", "x1=1.5,x2=0.5", "--format", "svg"],
        capture_output=True, check=True,
    )  # fmt: skip

    def words(svg: bytes) -> list[bytes]:
        """What is written in the picture; paths differ between versions of matplotlib."""
        return re.findall(rb"<!-- (.*?) -->", svg)

    assert words(done.stdout) == words(PICTURE.read_bytes()) != []
