"""docs/verdicts.md, made from this table: `python tests/verification/verdict_table.py` prints it.

Each row names a line, the problem it stands in, and the verdict it deserves; what the verifier says is asked of it.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from derive.verification.checking import Verifier
from derive.verification.problems import Problem, read_problem
from tests.verification.corpus import verifier
from tests.verification.near_misses import PROBLEM

MLP, SOFTMAX, CONVOLUTION = "mlp", "softmax-cross-entropy", "convolution"
HEADER = """# What `derive verify` accepts, refuses and leaves open

Made by `python tests/verification/verdict_table.py > docs/verdicts.md` from the table in that file; a test keeps it up
to date. A row whose verdict is not the one it deserves is a known failure and says so. `-` stands for a problem that
only declares real x, y, z, vectors u, v of n entries and an n x n matrix A.
"""
#: section -> rows of (problem, line, the verdict it deserves)
TABLE: dict[str, list[tuple[str, str, str]]] = {
    "Scalars": [
        ("-", r"\frac{x^2 - 1}{x - 1} = x + 1", "correct"),
        ("-", r"\sqrt{x^2} = |x|", "correct"),
        ("-", r"\sqrt{x^2} = x", "wrong"),
        ("-", r"\log(x^2) = 2 \log(x)", "correct"),
        ("-", r"\log(x y) = \log x + \log y", "correct"),
        ("-", r"\tanh x = 2 \sigma(2x) - 1", "correct"),
        ("-", r"\tanh x = 2 \sigma(x) - 1", "wrong"),
        ("-", r"\max(x, y) = \frac{x + y + |x - y|}{2}", "correct"),
        ("-", r"\max(x, x^2 + 10) = x^2 + 10", "correct"),
        ("-", r"\max(x, -1000) = x", "wrong"),
        ("-", r"\mathrm{relu}(x - 50) = 0", "wrong"),
        ("-", r"x + 10^{-1000} x = x", "wrong"),
        ("-", r"x + e^{-1000} x = x", "wrong"),
        ("-", r"\max(\sin x - 0.999999, 0) = 0", "wrong"),
        ("-", r"e^{\pi \sqrt{163}} = 262537412640768744", "wrong"),
        ("-", r"0.333333333 x = \frac{x}{3}", "wrong"),
        ("-", r"\frac{x - x}{x - x} = 1", "undecided"),
        ("-", r"\frac{x}{(x+1)^2 - x^2 - 2x - 1} = \frac{x}{(x+1)^2 - x^2 - 2x - 1}", "undecided"),
        ("-", r"\sqrt{-x^2 - 1} = 2 \sqrt{-x^2 - 1}", "undecided"),
        ("-", r"\arctan(\tan x) = x", "wrong"),
    ],
    "Vectors and matrices": [
        ("-", r"\sum_i u_i v_i = u^T v", "correct"),
        ("-", r"u v = u^T v", "undecided"),
        ("-", r"(A A^T)_{ij} = \sum_k A_{ik} A_{jk}", "correct"),
        ("-", r"(A A^T)_{ij} = \sum_k A_{ik} A_{kj}", "wrong"),
        ("-", r"A u = u^T", "wrong"),
        ("-", r"u_i = \sum_i A_{ii} v_i", "wrong"),
        ("-", r"A_{ij} = \sum_j A_{ij}", "wrong"),
        ("-", r"\sum_i u_i = \sum_{i=1}^{n-1} u_i", "wrong"),
        ("-", r"u_i = u_{i+1} - u_{i+1} + u_i", "undecided"),
    ],
    "Networks": [
        (MLP, r"\delta_i^{[L]} = 2 (\hat y_i - y_i) f'^{[L]}(z_i^{[L]})", "correct"),
        (MLP, r"\delta_i^{[L]} = 2 (\hat y_i - y_i) f^{[L]}(z_i^{[L]})", "wrong"),
        (MLP, r"\delta_j^{[l]} = f'^{[l]}(z_j^{[l]}) \sum_k w_{kj}^{[l+1]} \delta_k^{[l+1]} \quad (l < L)", "correct"),
        (MLP, r"\delta_j^{[l]} = f'^{[l]}(z_j^{[l]}) \sum_k w_{jk}^{[l+1]} \delta_k^{[l+1]} \quad (l < L)", "wrong"),
        (SOFTMAX, r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)", "correct"),
        (SOFTMAX, r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_i)", "wrong"),
        (SOFTMAX, r"\frac{\partial p_i}{\partial z_i} = p_i (1 - p_i)", "correct"),
        (SOFTMAX, r"\nabla_z L = p - y", "correct"),
        (CONVOLUTION, r"\frac{\partial L}{\partial V_{mn}} = \sum_{k,l} G_{m-k,n-l} K_{kl}", "correct"),
        (CONVOLUTION, r"\frac{\partial L}{\partial V_{mn}} = \sum_{k,l} G_{m+k,n+l} K_{kl}", "wrong"),
        (CONVOLUTION, r"dV = dZ *_{\mathrm{full}} K", "correct"),
        (CONVOLUTION, r"dV = dZ \star K", "wrong"),
    ],
    "Numbers": [
        ("griewank", r"v_6 = v_5 v_4 = 2.0166", "correct"),
        ("griewank", r"v_6 = v_5 v_4 = 2.0177", "wrong"),
        ("griewank", r"\bar v_0 = -\bar v_4 v_3 - \bar v_1 \frac{v_1}{v_0} = -13.7239", "correct"),
        ("griewank", r"\bar v_0 = -\bar v_4 v_3 - \bar v_1 \frac{v_0}{v_{-1}^2} = -13.7239", "wrong"),
    ],
    "Reading": [
        ("-", "1/2x = x", "unread"),
        ("-", r"\sin^{-1} x = \arcsin x", "unread"),
        ("-", r"x = q(1 - x)", "unread"),
        ("-", "x! = x", "unread"),
        ("-", r"x = \input{/etc/passwd}", "unread"),
        ("-", r"x = \theta", "unread"),
        ("-", r"\sum_i \sum_i A_{ii} = 0", "unread"),
        ("-", "x = 1e999999999", "unread"),
    ],
}  # fmt: skip


def rows() -> list[tuple[str, str, str, str, str]]:
    """(section, problem, line, deserved verdict, what is said), in the order of the table."""
    found = []
    single = Verifier(_scalars())
    for section, lines in TABLE.items():
        for problem, line, right in lines:
            made = single if problem == "-" else verifier(problem)
            (judged,) = made.verify(line, ".tex").lines
            verdict = judged.verdict
            told = verdict.reason or verdict.evidence
            if verdict.note:
                told += f"; {verdict.note}"
            said = verdict.verdict if verdict.verdict == right else f"**{verdict.verdict}** (known failure: {right})"
            found.append((section, problem, line, said, told))
    return found


def _scalars() -> Problem:
    return read_problem(PROBLEM)


def table() -> str:
    """The page."""
    lines = [HEADER]
    last = ""
    failures = false = 0
    for section, problem, line, said, told in rows():
        if section != last:
            lines += [f"## {section}", "", "| problem | line | verdict | evidence or reason |", "|---|---|---|---|"]
            if last:
                lines.insert(len(lines) - 4, "")
            last = section
        failures += "known failure" in said
        false += said.startswith(("**correct", "**wrong"))
        code = "`` " + line.replace("|", "\\|") + " ``"
        lines.append(f"| {problem} | {code} | {said} | {told.replace('|', chr(92) + '|')} |")
    lines += ["", f"Known failures: {failures}; {false} of them accept what is wrong or charge what is right.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(), end="")
