"""Batches of works: hostile ones cost themselves alone, and results are the same however they were made."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from derive.cli.main import run
from derive.errors import UsageError
from derive.marking.judge import Request, judged
from derive.marking.results import MARKS, ORDER, RESULTS, Results, digest_of
from derive.marking.spreading import judged_all
from derive.marking.warden import Warden

AFFINE = Path(__file__).parent / "verify" / "affine.toml"
RIGHT = r"$\frac{\partial C}{\partial A} = X^T H$"
WRONG = r"$\frac{\partial C}{\partial A} = 2 X^T H$"


def request(name: str, text: str, **settings: object) -> Request:
    return Request(
        file=name,
        text=text,
        suffix=Path(name).suffix,
        problem=AFFINE.read_text(),
        path=str(AFFINE),
        **settings,  # type: ignore[arg-type]
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A class of thirty, with one work that is no text, one that is empty, and three that are wrong."""
    made = tmp_path / "works"
    made.mkdir()
    for number in range(30):
        (made / f"s{number:02}.tex").write_text(WRONG if number % 10 == 3 else RIGHT)
    (made / "=cmd.txt").write_bytes(b"\xff\xfe")
    (made / "empty.md").write_text("")
    return made


def marked(folder: Path, out: Path, *options: str) -> int:
    return run(["verify", str(folder), "--problem", str(AFFINE), "-o", str(out), *options])


# --- one work ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def warden() -> Iterator[Warden]:
    made = Warden()
    yield made
    made.close()


def answered(warden: Warden, work: Request) -> dict[str, object]:
    found: dict[str, object] = json.loads(warden.answer(work))["data"]
    return found


def test_a_work_gets_the_verdict_that_it_gets_alone(warden: Warden) -> None:
    for text in (RIGHT, WRONG, "dA = (X^T H"):
        work = request("a.tex", text)
        assert answered(warden, work) == json.loads(json.dumps(judged(work).data))


def planted(monkeypatch: pytest.MonkeyPatch, what: str) -> Warden:
    """A warden whose children do this instead of judging a work that says `hostile`."""
    from derive.marking import judge

    before = judge._report

    def report(work: Request) -> object:
        if work.text == "hostile":
            exec(what, {"os": os, "signal": signal})  # noqa: S102 - what a fault in a library would do
        return before(work)

    monkeypatch.setattr(judge, "_report", report)
    return Warden()


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "SIGSEGV"),
        ("os._exit(3)", "ended with 3"),
        ("[0] * (1 << 31)", "too much memory"),
        ("while True: pass", "not finished after 0.5 s"),
        ("signal.setitimer(signal.ITIMER_PROF, 0)\nwhile True: pass", "too much time of the processor"),
        ("signal.pause()", "not judged after 0.5 s"),
        ("raise KeyError('x')", "KeyError while judging it"),
        ("open('written', 'w').write('x' * 10000)", "while judging it"),
    ],
    ids=["crash", "exit", "memory", "loop", "deaf loop", "waiting", "fault", "writing"],
)
def test_a_hostile_work_costs_one_verdict(
    what: str, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Request, "patience", property(lambda self: 3.0 if "pause" in what else 60.0))
    warden = planted(monkeypatch, what)
    try:
        assert answered(warden, request("a.tex", RIGHT))["verdict"] == "correct"
        lost = answered(warden, request("b.tex", "hostile", seconds=0.5))
        assert told in lost["error"]["message"] and lost["file"] == "b.tex"  # type: ignore[index]
        assert answered(warden, request("c.tex", WRONG))["verdict"] == "wrong"
    finally:
        warden.close()


# --- many works -------------------------------------------------------------------------------------------------------


def test_answers_come_in_order_and_are_the_same_for_any_number_of_processes(folder: Path, tmp_path: Path) -> None:
    assert marked(folder, tmp_path / "one", "--jobs", "1") == 1
    assert marked(folder, tmp_path / "two", "--jobs", "2") == 1
    for name in (RESULTS, MARKS, ORDER, "overview.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "one" / RESULTS).read_text().splitlines()]
    assert [row["file"] for row in rows] == sorted(file.name for file in folder.iterdir())
    with (tmp_path / "one" / MARKS).open(newline="") as file:
        marks = list(csv.DictReader(file))
    assert [row["verdict"] for row in marks].count("wrong") == 3
    assert marks[0]["file"] == "'=cmd.txt" and "UTF-8" in marks[0]["error"]
    page = (tmp_path / "one" / "overview.html").read_text()
    assert "32 works" in page and "wrong: 3" in page and "not judged: 2" in page


def test_a_dask_cluster_gives_the_same_answers() -> None:
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    works = [request(f"{number}.tex", WRONG if number == 7 else RIGHT) for number in range(25)]
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        found = list(judged_all(works, scheduler=cluster.scheduler_address))
    assert found == list(judged_all(works))


def test_an_address_where_nobody_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    monkeypatch.setattr("derive.marking.spreading.REACH", 1)
    with pytest.raises(UsageError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        list(judged_all([request("a.tex", RIGHT)], scheduler="tcp://127.0.0.1:9"))


def test_requests_are_taken_as_they_are_needed() -> None:
    taken = iter(range(10**9))
    answers = judged_all(request(f"{number}.tex", RIGHT) for number in taken)
    assert [next(answers).data["verdict"] for _ in range(3)] == ["correct"] * 3
    answers.close()
    assert next(taken) == 3


# --- the folder of a batch --------------------------------------------------------------------------------------------


def test_what_is_judged_is_not_judged_again_and_what_changed_is(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    marked(folder, out)
    before = (out / RESULTS).read_bytes()
    capsys.readouterr()
    assert marked(folder, out) == 1
    assert capsys.readouterr().out.splitlines() == [
        "32 works: 27 correct, 2 not judged, 3 wrong (32 judged before)",
    ]
    assert (out / RESULTS).read_bytes() == before
    (folder / "s00.tex").write_text(WRONG)
    (folder / "s01.tex").unlink()
    assert marked(folder, out) == 1
    assert "31 works: 25 correct, 2 not judged, 4 wrong (30 judged before)" in capsys.readouterr().out
    marked(folder, tmp_path / "anew")
    assert (out / RESULTS).read_bytes() == (tmp_path / "anew" / RESULTS).read_bytes()


@pytest.mark.parametrize("cut", [1, 400])
def test_a_torn_line_is_judged_again(cut: int, folder: Path, tmp_path: Path) -> None:
    marked(folder, tmp_path / "whole")
    out = tmp_path / "torn"
    marked(folder, out)
    whole = (out / RESULTS).read_bytes()
    (out / RESULTS).write_bytes(whole[:-cut])
    (out / ".derive-tmp-stray").write_bytes(b"half")
    assert marked(folder, out) == 1
    assert (out / RESULTS).read_bytes() == whole and not list(out.glob(".derive-tmp-*"))


def test_a_killed_batch_goes_on_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "killed"
    marked(folder, whole, "--jobs", "1")
    command = [sys.executable, "-m", "derive", "verify", str(folder), "--problem", str(AFFINE), "--jobs", "1"]
    process = subprocess.Popen([*command, "-o", str(out)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(8):
        process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    done = (out / RESULTS).read_bytes().count(b"\n")
    assert 7 <= done < 32 and not (out / MARKS).exists()
    assert marked(folder, out) == 1
    for name in (RESULTS, MARKS):
        assert (out / name).read_bytes() == (whole / name).read_bytes()


def test_another_batch_or_other_files_are_refused(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    marked(folder, out)
    assert marked(folder, out, "--hint") == 2
    assert marked(folder, out, "--hint", "--force") == 1
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("mine")
    assert marked(folder, foreign) == 2 and os.listdir(foreign) == ["thesis.tex"]


def test_two_batches_do_not_share_a_folder(tmp_path: Path) -> None:
    first = Results(tmp_path / "out", {"problem": "p"})
    half = tmp_path / "out" / ".derive-tmp-half"
    half.write_bytes(b"what the first is writing")
    with pytest.raises(UsageError, match="in use by another batch"):
        Results(tmp_path / "out", {"problem": "p"})
    assert half.exists()
    first.add(digest_of("x"), {"file": "a.tex", "error": {"code": "limit", "message": "m"}})
    first.close()
    again = Results(tmp_path / "out", {"problem": "p"})
    assert again.has("a.tex", digest_of("x")) and not again.has("a.tex", digest_of("y"))
    again.close()


def test_an_interrupted_batch_ends_its_processes(folder: Path, tmp_path: Path) -> None:
    for number in range(400):
        (folder / f"t{number}.tex").write_text(WRONG)
    command = [sys.executable, "-m", "derive", "verify", str(folder), "--problem", str(AFFINE), "--jobs", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130 and b"Traceback" not in told
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("processes are left behind")
