"""Bad and hostile work through the whole verifier, a row of the table for each kind; its number is in the id."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from derive.errors import DeriveError, LimitError, ReadingError
from derive.verification.checking import Verifier
from derive.verification.problems import read_problem
from derive.verification.report import Report

SCALARS = r"""
title = "Hostile lines"
loss = "y"
equations = ['v_1 = x^2', 'v_2 = \sin v_1', 'y = v_2 x']
[names]
x = { shape = [] }
z = { shape = [] }
p = { shape = [], domain = "positive" }
f = { kind = "function" }
W = { shape = ["n", "n"] }
w = { shape = ["n"] }
V = { shape = ["n"] }
A = { shape = ["n", "m"] }
u = { shape = ["m"] }
E = { shape = [] }
I = { shape = [] }
N = { shape = [] }
S = { shape = [] }
Q = { shape = [] }
O = { shape = [] }
beta = { shape = [] }
gamma = { shape = [] }
zeta = { shape = [] }
pi = { shape = [] }
e = { shape = [] }
"""
#: (row of the table, work, verdicts that are right, a word of the reason)
LINES: list[tuple[str, str, str, str]] = [
    ("H025", "x = __import__('os').system('touch X')", "unread", ""),
    ("H025", "x = ().__class__.__base__.__subclasses__()", "unread", "dot"),
    ("H025", "x = open('/etc/passwd').read()", "unread", "quote"),
    ("H025", 'x = S("x")', "unread", "quote"),
    ("H025", 'x = f"{x}"', "unread", ""),
    ("H025", "x = lambda q: q", "unread", ""),
    ("H025", "x = (q := 3)", "unread", ":="),
    ("H025", "x = [q for q in x]", "unread", ""),
    ("H025", "x = x.real", "unread", "dot"),
    ("H025", "x = x[0]", "wrong unread", "x is a number"),
    ("H025", "x = yield x", "unread", "yield"),
    ("H025", "x = await x", "unread", "await"),
    ("H026", "__class__ = 1", "unread", ""),
    ("H026", "import = x", "unread", "import"),
    ("H026", "None = x", "unread", "None"),
    ("H026", "x = True", "unread", "True"),
    ("H027", "E + I + N + S + Q + O = O + Q + S + N + I + E", "correct", ""),
    ("H027", r"\beta \gamma \zeta = \zeta \gamma \beta", "correct", ""),
    ("H027", r"\pi = 3.14159265358979", "wrong", ""),
    ("H027", "e = 2.718281828", "wrong", ""),
    ("H028", r"v_1 = \theta + x", "unread", "theta is not declared"),
    ("H030", "x = 9**9**9", "unread", "limit"),
    ("H030", "x = x**(10**9)", "unread", ""),
    ("H030", "x = (10^{10})!", "unread", "factorial"),
    ("H031", "x = 1e999999999", "unread", "limit"),
    ("H031", "x = 1e-999999999", "unread", "limit"),
    ("H031", "x = " + "1" * 5000, "unread", "limit"),
    ("H032", "x = 0x10", "unread", "write 16"),
    ("H032", "x = 1_000", "unread", "write 1000"),
    ("H032", "x = 1j", "unread", "complex"),
    ("H032", "x = nan", "unread", "nan"),
    ("H032", "x = inf", "unread", "inf"),
    ("H032", "x = \u0663", "unread", "U+0663"),
    ("H032", "x = \uff58", "unread", "write x"),
    ("H033", "x = " + "(" * 100_000, "unread", "limit"),
    ("H033", "x = " + "-" * 100_000 + "x", "unread", "limit"),
    ("H033", "x = (x", "unread", ""),
    ("H033", "x = " + "+".join(["x"] * 20_000), "unread", "limit"),
    ("H033", "x = " + "sin(" * 200 + "x" + ")" * 200, "unread wrong", ""),
    ("H034", "x = 1/0", "undecided", "division by zero"),
    ("H034", r"x = \frac{1}{0}", "undecided", "division by zero"),
    ("H034", "x = 0^{-1}", "undecided", "division by zero"),
    ("H034", r"x = \log(0)", "undecided", "logarithm of zero"),
    ("H034", r"x = \sqrt{-1}", "undecided", ""),
    ("H035", r"x = \frac{x-x}{x-x}", "undecided", "division by zero"),
    ("H035", r"\frac{x - x}{(x+1)^2 - x^2 - 2x - 1} = 1", "undecided", ""),
    ("H036", r"\frac{x}{x} = 1", "correct", ""),
    ("H036", r"\frac{x^2 - 1}{x - 1} = x + 1", "correct", ""),
    ("H037", r"\sqrt{x^2} = x", "wrong", ""),
    ("H037", r"\sqrt{p^2} = p", "correct", ""),
    ("H038", r"\log(x^2) = 2 \log(x)", "correct", ""),
    ("H039", r"x + 10^{-1000} x = x", "wrong undecided", ""),
    ("H039", r"x + \exp(-1000) x = x", "wrong undecided", ""),
    ("H040", r"\max(\sin x - 0.999999, 0) = 0", "wrong undecided", ""),
    ("H041", r"\max(x - 1000, 0) = 0", "wrong", ""),
    ("H043", r"\exp(3.14159265358979 \sqrt{163}) = 262537412640768744", "wrong", ""),
    ("H044", r"0.333333333 x = \frac{x}{3}", "wrong", ""),
    ("H045", "f'(x) = f(x)", "wrong", ""),
    ("H045", "W w = w W", "wrong unread", ""),
    ("H045", r"\frac{\partial y}{\partial v_2} = v_2", "wrong", ""),
    ("H046", "x = q(1-x)", "unread", "two readings"),
    ("H047", "-x^2 = -(x^2)", "correct", ""),
    ("H047", "-x^2 = (-x)^2", "wrong", ""),
    ("H047", r"2^{-x} = \frac{1}{2^x}", "correct", ""),
    ("H047", r"x/p/2 = \frac{x}{2 p}", "correct", ""),
    ("H047", "1/2x = x/2", "unread", "two readings"),
    ("H047", "2^3^2 = 512", "correct", ""),
    ("H047", "x! = x", "unread", "factorial"),
    ("H047", r"\sin^2 x = (\sin x)^2", "correct", ""),
    ("H047", r"\sin^{-1} x = \frac{1}{\sin x}", "unread", "two readings"),
    ("H048", "\tx =\u00a0x", "correct", ""),
    ("H048", "\ufeffx = x", "correct", ""),
    ("H048", "x\u200b = x", "unread", "U+200B"),
    ("H048", "x \u202e = x", "unread", "U+202E"),
    ("H048", "x\x00 = x", "unread", "U+0000"),
    ("H048", "x \ud800 = x", "unread", "U+D800"),
    ("H049", "\u0430 = x", "unread", "looks like a"),
    ("H051", "q = q + 1", "unread", "q"),
    ("H055", r"w_i = \sum_i W_{ii} w_i", "wrong", "binds i"),
    ("H056", r"y = \sum_i W_{ij}", "unread wrong", ""),
    ("H056", r"\sum_i \sum_i W_{ii} = x", "unread", "bound"),
    ("H057", "w = A w", "wrong", "n = "),
    ("H057", "W + A = W", "wrong", ""),
    ("H058", "W^T = W", "wrong", ""),
    ("H058", "W w = W^T w", "wrong", ""),
    ("H060", r"w_i = V_{i+1} + w_i - V_{i+1}", "undecided", "outside"),
    ("H063", r"\sum_a \sum_b \sum_c \sum_d \sum_g \sum_h \sum_k w_a w_b w_c w_d w_g w_h w_k = 0", "unread", "limit"),
    ("H065", r"x = \input{/etc/passwd}", "unread", r"\input"),
    ("H065", r"x = \write18{touch X}", "unread", r"\write"),
    ("H065", r"x = \csname input\endcsname", "unread", r"\csname"),
    ("H065", r"x = ^^5cinput", "unread", ""),
    ("H065", r"\def\q{x} x = \q", "unread", ""),
    ("H065", r"x = \newcommand{\q}{x}", "unread", ""),
    ("H065", r"x = \directlua{os.exit()}", "unread", r"\directlua"),
    ("H065", r"x = \special{a}", "unread", r"\special"),
    ("H065", r"x = \includegraphics{a}", "unread", r"\includegraphics"),
    ("H067", r"x = \href{JavaScript:alert(1)}{x}", "unread", r"\href"),
    ("H068", r"x = \frac{1}{2", "unread", ""),
    ("H068", r"x = \left( x", "unread", ""),
    ("H068", r"x = \frac1", "unread", ""),
    ("H068", r"\frac12 x = \frac{x}{2}", "correct", ""),
    ("H071", "x = " + "{" * 20_000, "unread", "limit"),
]  # fmt: skip


@pytest.fixture(scope="module")
def verifier() -> Verifier:
    return Verifier(read_problem(SCALARS))


def suffix(text: str) -> str:
    return ".tex" if "\\" in text or "{" in text else ".txt"


def judged(verifier: Verifier, text: str) -> Report:
    return verifier.verify(text, suffix(text))


def place(row: tuple[str, str, str, str]) -> str:
    return f"{row[0]} {row[1][:30]!a}"


@pytest.mark.parametrize("row", LINES, ids=place)
def test_a_bad_line_gets_its_verdict(
    verifier: Verifier, row: tuple[str, str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    start = time.process_time()
    report = judged(verifier, row[1])
    assert time.process_time() - start < 2
    assert report.verdict in row[2].split()
    assert row[3] in " ".join(line.verdict.reason for line in report.lines)
    assert list(tmp_path.iterdir()) == []
    if "never closed" in report.lines[0].verdict.reason:
        return  # an open bracket takes the lines behind it along
    # a line that is not read says nothing of the others
    beside = judged(verifier, row[1] + "\nv_1 = x^2")
    assert beside.lines[-1].verdict.verdict == "correct"


@pytest.mark.parametrize("text", ["", "   ", "% only a comment", "\n\n"])
def test_H024_nothing_to_read_is_said(verifier: Verifier, text: str) -> None:
    with pytest.raises(ReadingError):
        verifier.verify(text)


def test_H038_a_loss_of_domain_is_noted(verifier: Verifier) -> None:
    (line,) = judged(verifier, r"\log(x^2) = 2 \log(x)").lines
    assert "the right side has no value" in line.verdict.note


def test_H048_line_ends_of_every_system_are_the_same(verifier: Verifier) -> None:
    for end in ("\n", "\r\n", "\r"):
        report = verifier.verify(f"v_1 = x^2{end}v_1 = x^3{end}", ".txt")
        assert [line.verdict.verdict for line in report.lines] == ["correct", "wrong"]


def test_H050_ten_megabytes_are_refused_at_once(verifier: Verifier) -> None:
    start = time.process_time()
    with pytest.raises(LimitError):
        verifier.verify("x = " + "x" * 10_000_000)
    assert time.process_time() - start < 1


def test_H051_a_circle_of_definitions_is_never_right(verifier: Verifier) -> None:
    report = verifier.verify("q = r x\nr = q + 1", ".txt")
    assert {line.verdict.verdict for line in report.lines} == {"unread"}


def test_H052_rows_in_reverse_are_right(verifier: Verifier) -> None:
    report = verifier.verify("y = v_2 x\nv_2 = \\sin v_1\nv_1 = x^2\nt = 3 s\ns = x")
    assert report.verdict == "correct"


def test_H053_a_mistake_is_charged_once(verifier: Verifier) -> None:
    report = verifier.verify("v_1 = x^3\nv_1 = x^3", ".txt")
    assert report.first_wrong == 1
    assert [line.verdict.verdict for line in report.lines] == ["wrong", "correct"]
    assert report.lines[1].verdict.carried_from == 1


def test_H054_the_final_answer_alone_is_true(verifier: Verifier) -> None:
    assert verifier.verify(r"\frac{dy}{dx} = 2 x^2 \cos(x^2) + \sin(x^2)").verdict == "correct"


def test_H058_sizes_are_said_and_differ(verifier: Verifier) -> None:
    (line,) = verifier.verify("A u = A u + w").lines
    assert line.counterexample is not None
    assert line.counterexample["shapes"]["n"] != line.counterexample["shapes"]["m"]


PROBLEM = """
equations = ['Z_i = \\sum_k V_{i+k} K_k']
loss = "L"
[names]
V = { shape = ["n"] }
K = { shape = ["p"] }
"""


def test_H060_a_read_outside_asks_for_the_boundary() -> None:
    row = r"\frac{\partial L}{\partial V_m} = \sum_k \frac{\partial L}{\partial Z_{m-k}} K_k"
    asked = Verifier(read_problem(PROBLEM)).verify(row)
    assert asked.verdict == "undecided"
    assert "zero outside" in asked.lines[0].verdict.reason
    told = Verifier(read_problem(PROBLEM + '[conventions]\nboundary = "zero outside"\n')).verify(row)
    assert told.verdict == "correct"


def test_H062_a_kernel_that_was_not_turned_is_named() -> None:
    report = Verifier("convolution").verify(r"\frac{\partial L}{\partial V_{mn}} = \sum_{i,j} G_{ij} K_{i-m,j-n}")
    assert report.verdict == "wrong"


def test_H064_a_transposed_gradient_is_right_under_its_layout_alone() -> None:
    toml = (
        'loss = "L"\nequations = ["y = A x", "L = y^T y"]\n[names]\nA = { shape = ["m", "n"] }\nx = { shape = ["n"] }\n'
    )
    row = r"\frac{\partial L}{\partial x} = 2 y^T A"
    assert Verifier(read_problem(toml)).verify(row).verdict == "wrong"
    assert Verifier(read_problem(toml + '[conventions]\nlayout = "numerator"\n')).verify(row).verdict == "correct"


def test_H070_layout_is_no_mathematics() -> None:
    text = r"""
\begin{align} \label{eq:a}
  p_i &= \frac{e^{z_i}}{\sum_j e^{z_j}} \tag{1} \quad % the definition
  \\[2mm]
  \frac{\partial L}{\partial z_i} &= p_i - y_i \text{ as } L \text{ is the cross-entropy} \nonumber
\end{align}
"""
    report = Verifier("softmax-cross-entropy").verify(text)
    assert [line.verdict.verdict for line in report.lines] == ["correct", "correct"]


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        ("", "equations"),
        ("equations = []\nequations = []\n", "equations"),
        ('equations = []\n[names]\nx = { shap = [] }\n', "shape"),
        ('equations = []\nlos = "L"\n', "loss"),
        ('equations = []\n[names]\nx = { domain = "positve" }\n', "positive"),
        ('equations = []\n[conventions]\nlayout = "nominator"\n', "layout"),
        ('equations = ["y = x"]\n[names]\nx = { shape = "3" }\n', "shape"),
        ("equations = 3\n", "equations"),
        ('equations = ["y = "]\n', "equations[0]"),
        ("equations = [\n", "TOML"),
        ("\x00", ""),
    ],
)  # fmt: skip
def test_H074_a_broken_problem_file_is_refused_by_its_key(toml: str, word: str) -> None:
    with pytest.raises(DeriveError) as refused:
        Verifier(read_problem(toml))
    assert word in str(refused.value)


@pytest.mark.parametrize("extent", ["0", "-1", "1000000000", "2.5", "true", '"1.5"'])
def test_H059_a_size_that_is_none_is_refused(extent: str) -> None:
    start = time.process_time()
    with pytest.raises(DeriveError):
        Verifier(read_problem(f"equations = ['y = 2 x']\n[names]\nx = {{ shape = [{extent}] }}\n"))
    assert time.process_time() - start < 2


def run(*words: str, work: str = "", environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "derive", "verify", *words], input=work, capture_output=True, text=True, timeout=60,
        env=os.environ | (environment or {}), check=False,
    )  # fmt: skip


def test_H074_a_missing_or_unknown_problem_is_a_line_on_stderr(tmp_path: Path) -> None:
    for name in ("griewnk", str(tmp_path / "none.toml")):
        done = run("-", "--problem", name, work="x = 1")
        assert done.returncode in (2, 5)
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
    assert "griewank" in run("-", "--problem", "griewnk", work="x = 1").stderr


def test_H080_secrets_of_the_environment_are_never_shown() -> None:
    secret = {"API_TOKEN": "s3cret-value-1234"}
    for words in (("-", "--problem", "griewank", "--json"), ("-", "--problem", "none")):
        done = run(*words, work=r"\bar v_5 = v_5", environment=secret)
        assert "s3cret-value-1234" not in done.stdout + done.stderr


def test_codes_of_exit_and_objects_of_errors() -> None:
    for work, code in ((r"\bar v_5 = v_4", 0), (r"\bar v_5 = v_5", 1), (r"\bar v_5 = \q", 2), (r"\bar v_5 = 1/0", 3)):
        done = run("-", "--problem", "griewank", "--json", work=work)
        assert done.returncode == code, done.stdout + done.stderr
        json.loads(done.stdout)
    done = run("-", "--problem", "griewnk", "--json", work="x = 1")
    assert json.loads(done.stdout)["error"]["message"]
