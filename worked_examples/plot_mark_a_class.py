"""
Mark a class
============

Four students handed in the reverse trace of course sheet 003, exercise 1: two in LaTeX, two as plain text. (They are
made up.) Which rows are right, which is the first wrong one, and what went wrong there?
"""

import tempfile
from pathlib import Path

works = {
    "anna.tex": r"""
\begin{align*}
\bar v_6 &= 1 \\
\bar v_5 &= \bar v_6 v_4 \\
\bar v_4 &= \bar v_5 + \bar v_6 v_5 \\
\bar v_3 &= -\bar v_4
\end{align*}
""",
    "ben.tex": r"""
\begin{align*}
\bar v_6 &= 1 \\
\bar v_5 &= \bar v_6 v_5 \\
\bar v_4 &= \bar v_5 + \bar v_6 v_5
\end{align*}
""",
    "carla.txt": "vbar_6 = 1\nvbar_5 = vbar_6*v_4\nvbar_4 = vbar_6*v_5\n",
    "dora.txt": "vbar_6 = 1\nvbar_5 = v_4\nvbar_4 = v_5 + v_4\nvbar_3 = -(v_4 + v_5)\n",
}
folder = Path(tempfile.mkdtemp())
for name, text in works.items():
    (folder / name).write_text(text, encoding="utf-8")

# %%
# A line for each work; the same from the command line is ``derive verify FOLDER --problem griewank``:

from derive.cli.main import run

code = run(["verify", str(folder), "--problem", "griewank"])

# %%
# Ben has taken the wrong factor, Carla has forgotten that ``v_4`` is read twice. Dora has put everything in at once,
# which is right: a row is judged by its value, not by its looks. And Ben's third row is right, too, given his second:
# a mistake is counted once.

import derive

print(derive.verify(works["ben.tex"], "griewank"))

# %%
# With ``--hint`` the class is told which row to look at again, and not why:

run(["verify", str(folder / "carla.txt"), "--problem", "griewank", "--hint"])

# %%
# How close? A verdict is about formulas, not about a tolerance: these are the rows, counted.

verdicts = {name: derive.verify(text, "griewank", suffix=Path(name).suffix) for name, text in works.items()}
for name, report in verdicts.items():
    print(f"{name}: {report.verdict}, first wrong row {report.first_wrong}")
assert [report.first_wrong for report in verdicts.values()] == [None, 2, 3, None]
assert code == 1

import shutil

shutil.rmtree(folder)
