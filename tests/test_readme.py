"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.doc_pages import blocks, faults, sessions

README = Path(__file__).parent.parent / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="the README is not part of an installed copy")


def test_every_one_liner_of_the_readme_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    commands = [each for block in blocks(README) if block.language == "console" for each in sessions(block)]
    assert sum(each.command.startswith("derive ") for each in commands) >= 5
    for each in commands:  # the files that it shows are there
        if each.command.startswith("cat "):
            Path(each.command.removeprefix("cat ")).write_text(each.output.rstrip() + "\n", encoding="utf-8")
    assert faults(README) == []


def test_what_the_readme_points_to_is_there_and_it_is_short() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    targets = [each for each in re.findall(r"\]\(([^)#]+)\)", text) if not each.startswith("https://")]
    assert len(targets) >= 10
    for target in targets:
        assert (README.parent / target).exists(), target
