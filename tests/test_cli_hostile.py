"""Bad and hostile input at the command line, one test a row of the table of hostile input."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

DERIVE = [sys.executable, "-m", "derive"]
SHEET = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"


def derive(*arguments: str | bytes, **options: object) -> subprocess.CompletedProcess[bytes]:
    options.setdefault("timeout", 60)
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([*DERIVE, *arguments], check=False, capture_output=True, **options)  # type: ignore[call-overload, no-any-return]


def refused(*arguments: str | bytes, code: int = 2, says: str = "", **options: object) -> str:
    """The command fails with that code and one clear message, without a traceback and without output."""
    done = derive(*arguments, **options)
    text = done.stderr.decode()
    assert done.returncode == code, (done.returncode, text, done.stdout[:500])
    assert "Traceback" not in text and done.stdout == b""
    assert text.strip() and says in text, text
    return text


# --- command line arguments -------------------------------------------------------------------------------------------


def test_H001_no_arguments_give_short_help() -> None:
    done = derive()
    assert done.returncode == 2 and b"Commands" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["trace", "x", "--fromat", "json"], "--format"),
        (["trcae", "x"], "trace"),
        (["solve", "griewnak"], "griewank"),
        (["solve", "griewank", "--format", "htlm"], "html"),
        (["trace", "x*y", "--nonsense"], "--nonsense"),
    ],
)
def test_H002_unknown_options_and_near_misses_are_answered_with_a_suggestion(arguments: list[str], says: str) -> None:
    refused(*arguments, says=says)


def test_H003_a_file_that_does_not_exist_is_named() -> None:
    refused("trace", "--file", "nowhere.txt", says="nowhere.txt")


def test_H004_a_folder_is_no_file(tmp_path: Path) -> None:
    refused("trace", "--file", str(tmp_path), says="folder")
    refused("trace", "x", "-o", str(tmp_path), says="folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_H005_a_file_without_permission_is_an_input_output_error(tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("f = x")
    file.chmod(0)
    refused("trace", "--file", str(file), code=5, says="permission")


def test_H006_standard_input_is_read_and_must_not_be_empty() -> None:
    refused("trace", "--file", "-", says="empty")
    done = derive("trace", "--file", "-", "--at", "x=2,y=3", "--json", stdin=None, input=b"f = x*y\n")
    assert json.loads(done.stdout)["value"] == 6.0


def test_H006_a_terminal_is_told_that_we_wait() -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*DERIVE, "trace", "--file", "-"], stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.close(slave)
    time.sleep(1.0)
    os.write(master, b"\x04")
    _, stderr = process.communicate(timeout=30)
    os.close(master)
    assert b"reading from the terminal" in stderr and b"empty" in stderr and process.returncode == 2


def test_H007_a_pipe_that_never_writes_meets_the_time_limit(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    refused("trace", "--file", str(fifo), "--timeout", "0.5", code=4, says="0.5 s")


@pytest.mark.parametrize("digits", ["0", "-5", "10000000", "four"])
def test_H009_digits_outside_1_to_1000_are_refused(digits: str) -> None:
    refused("trace", "x", f"--digits={digits}")


def test_H011_an_output_never_replaces_its_input(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_text("f = x*y\n")
    refused("trace", "--file", str(file), "-o", str(file), "--force", says="input")
    assert file.read_text() == "f = x*y\n"


def test_H012_an_existing_file_needs_force_and_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    file.write_text("old")
    refused("trace", "x*y", "-o", str(file), says="--force")
    assert file.read_text() == "old"
    assert derive("trace", "x*y", "-o", str(file), "--force").returncode == 0
    assert "v_1" in file.read_text() and os.listdir(tmp_path) == ["out.txt"]


def test_H012_a_folder_of_ours_is_updated_and_foreign_files_are_never_touched(tmp_path: Path) -> None:
    ours, foreign = tmp_path / "ours", tmp_path / "foreign"
    assert derive("solve", "logarithm", "-f", "tex", "-o", str(ours)).returncode == 0
    first = (ours / "logarithm.tex").read_bytes()
    assert derive("solve", "logarithm", "-f", "tex", "-o", str(ours)).returncode == 0
    assert (ours / "logarithm.tex").read_bytes() == first
    (ours / "neuron.tex").write_text("mine")
    refused("solve", "neuron", "-f", "tex", "-o", str(ours), says="not written by derive")
    assert (ours / "neuron.tex").read_text() == "mine"
    (ours / "logarithm.tex").write_text("edited")
    refused("solve", "logarithm", "-f", "tex", "-o", str(ours), says="changed")
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("mine")
    refused("solve", "logarithm", "-f", "tex", "-o", str(foreign), says="holds files")
    assert (foreign / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize(
    ("target", "code"),
    [("/dev/full", 5), ("/dev/null", 5), ("x" * 300, 5), ("missing/folder/out.txt", 5)],
)
def test_H013_only_regular_files_are_written(target: str, code: int, tmp_path: Path) -> None:
    refused("trace", "x", "-o", target, "--force", code=code, cwd=tmp_path)
    assert os.listdir(tmp_path) == []


def test_H013_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target.txt"
    target.write_text("safe")
    (tmp_path / "link.txt").symlink_to(target)
    refused("trace", "x", "-o", str(tmp_path / "link.txt"), "--force", code=5, says="symbolic link")
    assert target.read_text() == "safe"


@pytest.mark.parametrize("name", [b"-rf", b"two\nlines", b"quo'te\"s", "emoji \U0001f600".encode(), b"not-utf8-\xff"])
def test_H014_odd_file_names_work_and_are_printed_escaped(name: bytes, tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), name)
    with open(path, "wb") as file:
        file.write(b"f = x*y\n")
    done = derive("trace", b"--file=" + path, "--at", "x=2,y=3", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["value"] == 6.0
    with open(path, "wb") as file:
        file.write(b"f = x*\n")
    done = derive("trace", b"--file=" + path)
    assert done.returncode == 2
    assert b"\xff" not in done.stderr and b"two\nlines" not in done.stderr and b"Traceback" not in done.stderr


def test_H016_two_runs_writing_the_same_output_leave_one_complete_file(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    expressions = [f"x^{k} + y" for k in range(2, 8)]
    expected = {derive("trace", e).stdout for e in expressions}
    running = [
        subprocess.Popen([*DERIVE, "trace", e, "-o", str(file), "--force"], stderr=subprocess.DEVNULL)
        for e in expressions
    ]
    assert all(process.wait() == 0 for process in running)
    assert file.read_bytes() in expected and os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_H017_H018_an_interrupted_run_exits_130_and_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*DERIVE, "trace", "--file", str(fifo), "-o", str(tmp_path / "out.txt")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    writer = os.open(fifo, os.O_WRONLY)  # returns when the command has opened its side: it is reading now
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    os.close(writer)
    assert process.returncode == 130 and b"Traceback" not in stderr
    assert os.listdir(tmp_path) == ["fifo"]


def test_H019_a_closed_pipe_is_a_quiet_end() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.Popen([*DERIVE, "trace", SHEET], stdout=write_end, stderr=subprocess.PIPE)
    os.close(write_end)
    _, stderr = process.communicate(timeout=30)
    assert stderr == b""


def test_H020_a_full_device_is_an_input_output_error() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*DERIVE, "trace", SHEET], check=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 5 and b"Traceback" not in done.stderr and b"No space" in done.stderr


def test_H021_a_narrow_dumb_terminal_stays_readable() -> None:
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "20"}
    process = subprocess.Popen(
        [*DERIVE, "trace", "x*y", "--at", "x=2,y=3"], stdout=slave, stderr=subprocess.PIPE, env=environment
    )
    os.close(slave)
    output = b""
    try:
        while chunk := os.read(master, 65536):
            output += chunk
    except OSError:
        pass  # Linux answers EIO when the other side of a terminal is gone
    os.close(master)
    process.communicate(timeout=30)
    assert process.returncode == 0 and b"\x1b" not in output and b"v_1" in output


def test_H022_a_plain_ascii_terminal_gets_plain_ascii() -> None:
    environment = {**os.environ, "LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = derive("trace", SHEET, "--at", "x1=1.5,x2=0.5", env=environment)
    assert done.returncode == 0
    done.stdout.decode("ascii")
    done = derive("trace", "θ + 1", env=environment)
    assert done.returncode == 2
    done.stderr.decode("ascii")


def test_H023_locale_and_time_zone_change_nothing() -> None:
    plain = derive("trace", SHEET, "--at", "x1=1.5,x2=0.5").stdout
    other = derive(
        "trace", SHEET, "--at", "x1=1.5,x2=0.5", env={**os.environ, "TZ": "Asia/Kathmandu", "LC_NUMERIC": "de_DE.UTF-8"}
    )
    assert other.stdout == plain


# --- expression text --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", "# only a comment", "\n\n"])
def test_H024_nothing_to_read_is_said(text: str) -> None:
    refused("trace", text)


HOSTILE = [
    "__import__('os').system('touch X')", "().__class__.__base__.__subclasses__()", "open('/etc/passwd').read()",
    'S("1")', "f'{x}'", "lambda x: x", "(y := 3)", "[x for x in y]", "x.real", "x[0]", "yield x", "await x",
    "exec('1')", "eval(x)", "x; y", "x if y else z", "getattr(x, y)", "`x`", "$x", "x\\y",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_H025_code_is_refused_and_never_run(text: str, tmp_path: Path) -> None:
    refused("trace", text, cwd=tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["__class__", "import", "None", "True"])
def test_H026_words_of_python_are_no_variables(name: str) -> None:
    refused("trace", f"{name} + 1", "--at", f"{name}=1")


def test_H026_lambda_is_an_ordinary_name() -> None:
    done = derive("trace", "lambda*x", "--at", "lambda=2,x=3", "--json")
    assert json.loads(done.stdout)["gradient"] == {"lambda": 3.0, "x": 2.0}


@pytest.mark.parametrize("name", ["E", "I", "N", "S", "Q", "O", "beta", "gamma", "zeta", "pi", "e", "i"])
def test_H027_a_declaration_beats_every_other_meaning(name: str) -> None:
    done = derive("trace", f"{name}^2*x", "--at", f"{name}=3,x=2", "--json")
    assert json.loads(done.stdout)["gradient"] == {name: 12.0, "x": 9.0}


def test_H028_an_undeclared_name_is_refused_with_the_nearest_one() -> None:
    refused("trace", "x1*alpha", "--at", "x1=1,alhpa=2", says="alpha")
    refused("trace", "x1*x2", "--at", "x1=1", says="x2")


def test_H029_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    refused("trace", "x", "--at", "x=1,x=2", says="twice")
    refused("trace", "f = x\nf = y", says="two values")
    refused("trace", "x*y", "--order", "x,x", says="twice")


@pytest.mark.parametrize("text", ["9**9**9", "x**(10**9)", "(10**10)!", "x^1e9", "2^(3^(4^5))"])
def test_H030_giant_powers_are_refused_before_work(text: str) -> None:
    refused("trace", text, "--at", "x=2" if "x" in text else "")


@pytest.mark.parametrize("text", ["1e999999999*x", "x + 1e-999999999", "x + " + "7" * 5000])
def test_H031_giant_literals_are_refused(text: str) -> None:
    refused("trace", text)


@pytest.mark.parametrize("text", ["0x10", "1_000*x", "1j*x", "nan", "inf + x", "\u0663*x", "\uff58 + 1"])
def test_H032_foreign_numbers_are_refused_with_what_to_write(text: str) -> None:
    refused("trace", text)


@pytest.mark.parametrize(
    "text",
    ["(" * 60_000, "x" + ")" * 100, "-" * 60_000 + "x", "+".join(["x"] * 20_000), "sin(" * 250 + "x" + ")" * 250],
)
def test_H033_endless_input_meets_a_limit(text: str, tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("f = " + text)
    done = derive("trace", "--file", str(file))
    assert done.returncode in (2, 4) and b"Traceback" not in done.stderr and len(done.stderr) < 2000


def test_H033_depth_and_length_within_the_limits_work(tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("f = " + "sin(" * 190 + "x" + ")" * 190 + "\ng = " + "+".join(["x"] * 2000))
    assert derive("trace", "--file", str(file), "--at", "x=1", "--json", "--check", "none").returncode == 0


@pytest.mark.parametrize("text", ["1/0", "0**-1", "log(0)", "sqrt(-1)", "x + 1/0"])
def test_H034_undefined_constants_are_undefined_at_their_column(text: str) -> None:
    message = refused("trace", text, *(["--at", "x=1"] if "x" in text else []), code=3)
    assert f"expression:1:{5 if text.startswith('x') else 1}:" in message


def test_H035_a_hidden_zero_over_zero_is_undefined() -> None:
    refused("trace", "(x-x)/(x-x)", "--at", "x=2", code=3, says="division by zero")


def test_H042_derivatives_at_kinks_follow_the_stated_convention() -> None:
    for text, slope in (("relu(x)", 0.0), ("abs(x)", 0.0), ("max(x, 0)", 1.0)):
        done = derive("trace", text, "--at", "x=0", "--json", "--check", "certified")
        assert json.loads(done.stdout)["gradient"] == {"x": slope}, text


def test_H046_a_name_before_a_bracket_is_ambiguous() -> None:
    message = refused("trace", "x(1-x)", "--at", "x=0.5")
    assert "x*(1-x)" in message.replace(" ", "") and "ambiguous" in message


@pytest.mark.parametrize(
    ("text", "at", "value"),
    [
        ("-x^2", "x=3", -9.0),
        ("2^-x", "x=1", 0.5),
        ("a/b/c", "a=8,b=2,c=2", 2.0),
        ("2^3^2", "", 512.0),
        ("sin^2(x)", "x=0", 0.0),
    ],
)
def test_H047_precedence_is_as_documented(text: str, at: str, value: float) -> None:
    done = derive("trace", text, *(["--at", at] if at else []), "--json")
    assert json.loads(done.stdout)["value"] == value


@pytest.mark.parametrize(("text", "says"), [("1/2x", "brackets"), ("sin^-1(x)", "asin"), ("x!", "factorial")])
def test_H047_two_readings_are_both_named(text: str, says: str) -> None:
    message = refused("trace", text)
    assert says in message or "(" in message


@pytest.mark.parametrize("character", ["\u202e", "\u200b", "\x07", "\ud800", "\u0301"])
def test_H048_control_characters_are_refused_and_never_shown_raw(character: str) -> None:
    done = derive("trace", f"x + {character}y".encode("utf-8", "surrogatepass"))
    assert done.returncode == 2 and character.encode("utf-8", "surrogatepass") not in done.stderr
    assert b"surrogate" in done.stderr if character == "\ud800" else f"{ord(character):04X}".encode() in done.stderr


def test_H048_tabs_line_ends_and_no_break_spaces_are_spaces(tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes("\ufefff\t=\u00a0x*y\r\ng = f + 1\r\n".encode())
    done = derive("trace", "--file", str(file), "--at", "x=2,y=3", "--json")
    assert json.loads(done.stdout)["value"] == 7.0


def test_H049_a_letter_that_looks_like_another_is_named() -> None:
    refused("trace", "\u0430 + 1", says="looks like")


def test_H050_ten_megabytes_are_refused_before_reading_on(tmp_path: Path) -> None:
    file = tmp_path / "big.txt"
    file.write_text("f = " + "x+" * 5_000_000 + "x")
    refused("trace", "--file", str(file), says="longer than")


def test_H051_a_cycle_names_its_lines() -> None:
    message = refused("trace", "a = b + x\nb = a*x")
    assert "1" in message and "2" in message


def test_H052_lines_in_reverse_order_are_read_and_noted() -> None:
    done = derive("trace", "f = q*z\nq = x + y", "--at", "x=1,y=2,z=3", "--json")
    data = json.loads(done.stdout)
    assert data["value"] == 9.0 and data["remarks"]


# --- errors for programs, and what is not imported -------------------------------------------------------------------


def test_errors_are_objects_for_programs() -> None:
    done = derive("trace", "x + * y", "--json")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2 and done.stderr == b""
    assert set(error) == {"code", "message", "file", "line", "column"} and error["line"] == 1 and error["column"] == 5
    done = derive("trace", "log(x)", "--at", "x=-1", "--format", "json")
    assert done.returncode == 3 and json.loads(done.stdout)["error"]["code"] == "undefined"
    done = derive("trace", "x", "--nonsense", "--json")
    assert done.returncode == 2 and "--nonsense" in json.loads(done.stdout)["error"]["message"]


def test_an_error_stands_under_its_character() -> None:
    lines = refused("trace", "x1 + * x2").splitlines()
    assert lines[0].startswith("expression:1:6:")
    assert lines[1].index("*") == lines[2].index("^")


def test_help_and_traces_import_neither_sympy_nor_torch() -> None:
    code = (
        "import sys\nfrom derive.cli.main import run\nrun(sys.argv[1:])\n"
        "sys.exit(any(name in sys.modules for name in ('sympy', 'torch', 'matplotlib')))"
    )
    for arguments in (["--help"], ["--version"], ["list"], ["trace", SHEET, "--at", "x1=1.5,x2=0.5"]):
        assert (
            subprocess.run([sys.executable, "-c", code, *arguments], check=False, capture_output=True).returncode == 0
        ), arguments


def test_H113_nothing_opens_a_socket() -> None:
    code = (
        "import sys\n"
        "def hook(event, arguments):\n"
        "    if event.startswith('socket.') and event != 'socket.__new__': raise RuntimeError(event)\n"
        "sys.addaudithook(hook)\n"
        "from derive.cli.main import run\nsys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "trace", SHEET, "--at", "x1=1.5,x2=0.5"], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_H114_an_unwritable_home_is_no_obstacle(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", "MPLCONFIGDIR")}
    done = derive("trace", SHEET, "--format", "svg", env={**environment, "HOME": "/nonexistent"})
    assert done.returncode == 0 and done.stdout.startswith(b"<?xml")
