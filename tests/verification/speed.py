"""Lines per second of one core, and SymPy's `equals` on the same lines: `python tests/verification/speed.py [--small]`.

Reading, judging and naming slips are all counted; problems are warm, as when a class is marked, and making them ready
is told apart. Times are those of the processor.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

import sympy

from derive import tree as t
from derive.reading.latex.rows import read_work
from derive.tree import Tree
from derive.verification.checking import Verifier
from derive.verification.diagnosis import diagnosed
from derive.verification.problems import read_problem
from derive.verification.report import Line
from derive.verification.spellings import Spellings, of_work
from derive.verification.verdicts import Judged
from tests.test_verification_works import works
from tests.verification import blind
from tests.verification.near_misses import PROBLEM, near_misses

SCALAR = ("griewank",)
#: Seconds that SymPy gets for a line.
PATIENCE = 5.0


@dataclass
class Times:
    """Seconds of the processor by line."""

    seconds: list[tuple[float, str]] = field(default_factory=list)

    def text(self, what: str) -> str:
        each = sorted(self.seconds)
        total = sum(second for second, _ in each)
        p99 = each[min(len(each) - 1, int(0.99 * len(each)))][0]
        slowest = each[-1]
        return (
            f"{what}: {len(each)} lines, {len(each) / total:.0f} lines/s, "
            f"median {1000 * each[len(each) // 2][0]:.1f} ms, "
            f"p99 {1000 * p99:.0f} ms, slowest {1000 * slowest[0]:.0f} ms: {slowest[1][:120]!r}"
        )


@cache
def ready(problem: str) -> Verifier:
    """A problem made ready, and kept as when a class is marked."""
    return Verifier(read_problem(problem) if "\n" in problem else problem)


def of_problems(chosen: Sequence[dict[str, Any]]) -> str:
    """What a first work waits for: its problem made ready."""
    ready.cache_clear()
    start = time.process_time()
    count = len({id(ready(work.get("toml") or work["problem"])) for work in chosen})
    return f"problems made ready: {count}, {1000 * (time.process_time() - start) / count:.0f} ms each"


def of_works(chosen: Sequence[dict[str, Any]], diagnose: bool, anew: bool = False) -> Times:
    """Each work as a whole; its time is shared by its rows.  anew : as if no other work had had these rows."""
    times = Times()
    for work in chosen:
        made = ready(work.get("toml") or work["problem"])
        if anew:
            made.judging.comparing.forget_right()
        start = time.process_time()
        rows = read_work(work["work"], work.get("suffix", ".tex"), made.problem.vocabulary)
        count = len(made.lines(rows) if diagnose else made.judging.judge(rows))
        spent = time.process_time() - start
        times.seconds += [(spent / count, rows[0].text)] * count
    return times


def of_names(chosen: Sequence[dict[str, Any]]) -> Times:
    """The slips of each wrong row alone, in problems whose slips were named before; no row is remembered."""
    for _ in range(2):
        times = Times()
        for work in chosen:
            made = ready(work.get("toml") or work["problem"])
            made.judging.comparing.forget_right()
            rows = read_work(work["work"], work.get("suffix", ".tex"), made.problem.vocabulary)
            spellings = of_work(made.problem, rows)

            def look(
                judged: Judged, made: Verifier = made, spellings: Spellings = spellings, times: Times = times
            ) -> None:
                if judged.verdict.verdict == "wrong":
                    line = Line(judged, judged.row.text)
                    start = time.process_time()
                    diagnosed(line, made.judging, spellings)
                    times.seconds.append((time.process_time() - start, judged.row.text))

            made.judging.judge(rows, look)
    return times


def blind_works() -> list[dict[str, Any]]:
    """The works of the blind corpora, as those of tests/verify are written."""
    return [
        {"problem": blind.problem_of(work), "work": work["rows"], "suffix": blind.suffix_of(work["rows"])}
        for corpus in blind.CORPORA
        for work in blind.works(corpus)
    ]


def of_lines(lines: Sequence[str], made: Verifier) -> Times:
    times = Times()
    for line in lines:
        start = time.process_time()
        rows = read_work(line, ".tex", made.problem.vocabulary)
        made.judging.judge(rows)
        times.seconds.append((time.process_time() - start, line))
    return times


# --- SymPy ------------------------------------------------------------------------------------------------------------


class NoSympy(Exception):
    """A tree that has no counterpart."""


_FUNCTIONS = {
    "exp": sympy.exp, "log": sympy.log, "sin": sympy.sin, "cos": sympy.cos, "tanh": sympy.tanh, "sinh": sympy.sinh,
    "cosh": sympy.cosh, "sqrt": sympy.sqrt, "abs": sympy.Abs, "sign": sympy.sign, "max": sympy.Max, "min": sympy.Min,
    "relu": lambda u: sympy.Max(u, 0), "sigmoid": lambda u: 1 / (1 + sympy.exp(-u)), "tan": sympy.tan,
    "atan": sympy.atan, "asin": sympy.asin,
}  # fmt: skip


def to_sympy(tree: Tree) -> Any:
    """Scalars alone, built object by object."""
    match tree:
        case t.Number():
            value = Fraction(tree.text)
            return sympy.Rational(value.numerator, value.denominator)
        case t.Name(text="pi"):
            return sympy.pi
        case t.Name(text="e"):
            return sympy.E
        case t.Name(text=name) if name in "xyz":
            return sympy.Symbol(name, real=True)
        case t.Negative(body=body):
            return -to_sympy(body)
        case t.Sum(terms=terms):
            return sympy.Add(*(-to_sympy(each) if sign == "-" else to_sympy(each) for sign, each in terms))
        case t.Product(factors=factors):
            product = sympy.Integer(1)
            for operator, each in factors:
                product = product / to_sympy(each) if operator == "/" else product * to_sympy(each)
            return product
        case t.Power(base=base, exponent=exponent):
            return to_sympy(base) ** to_sympy(exponent)
        case t.Call(function=name, arguments=arguments) if name in _FUNCTIONS and not tree.orders:
            return _FUNCTIONS[name](*map(to_sympy, arguments))
    raise NoSympy


def _equals(number: int, kind: str, answers: Any) -> None:
    line = [line for _, line in near_misses(kind)][number]
    (row,) = read_work(line, ".tex", read_problem(PROBLEM).vocabulary)
    (statement,) = row.statements
    assert statement.head is not None
    try:
        left, right = to_sympy(statement.head), to_sympy(statement.links[0].tree)
        start = time.process_time()
        answer = left.equals(right)
        answers.put((str(answer), time.process_time() - start))
    except NoSympy:
        answers.put(("not built", 0.0))
    except Exception as failed:
        answers.put((type(failed).__name__, 0.0))


def of_sympy(stride: int) -> str:
    """What SymPy's `equals` says of near misses and of the true lines beside them, each in a process of its own."""
    found: dict[str, dict[str, int]] = {}
    spent, answered = 0.0, 0
    context = multiprocessing.get_context("fork")
    for kind in ("group", "true"):
        for number in range(0, len(list(near_misses(kind))), stride):
            answers = context.Queue()
            process = context.Process(target=_equals, args=(number, kind, answers))
            process.start()
            try:
                answer, seconds = answers.get(timeout=PATIENCE)
                spent, answered = spent + seconds, answered + (answer != "not built")
            except Exception:
                answer = "no answer in time"
                spent, answered = spent + PATIENCE, answered + 1
            process.kill()
            process.join()
            counts = found.setdefault(kind, {})
            counts[answer] = counts.get(answer, 0) + 1
    rate = answered / spent if spent else 0.0
    return (
        f"SymPy {sympy.__version__} equals: near misses {found.get('group')}, true lines {found.get('true')}, "
        f"{rate:.1f} lines/s"
    )


def math_verify() -> str:
    try:
        import math_verify as _  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        return "math-verify: not installed"
    return "math-verify: installed, and not measured"


def measure(stride: int = 1) -> list[str]:
    right = works("sheet002") + works("sheet004") + works("correct") + works("points")
    chosen = [work for work in right if work.get("verdict", "correct") == "correct"][::stride]
    scalar = [work for work in chosen if work.get("problem") in SCALAR] * 3
    index = [work for work in chosen if work not in scalar]
    cold = of_problems(chosen)
    for work in chosen:  # once to warm the problems
        of_works([work], False)
    lines = [line for _, line in near_misses()][::stride]
    single = Verifier(read_problem(PROBLEM))
    of_lines(lines[:5], single)
    told = [cold, of_lines(lines, single).text("near misses, one by one")]
    if scalar:
        told.append(of_works(scalar, False).text("scalar works, of rows that another work had"))
        told.append(of_works(scalar, False, anew=True).text("scalar works"))
    told.append(of_works(index, False).text("index and matrix works, of rows that another work had"))
    told.append(of_works(index, False, anew=True).text("index and matrix works"))
    wrong = works("wrong")[::stride]
    for work in wrong:
        of_works([work], False)
    told.append(of_works(wrong, False).text("wrong works, judged"))
    told.append(of_works(wrong, True).text("wrong works, slips named"))
    told.append(
        of_names([*wrong, *blind_works()[:: 3 * stride]]).text("wrong rows, of the blind corpora too, slips named")
    )
    return [*told, of_sympy(stride), math_verify()]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    small = parser.parse_args().small
    for line in measure(6 if small else 1):
        print(line)
