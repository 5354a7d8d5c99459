"""The limits that hold before any work is done on a text. Each is far above what a sheet of formulas needs."""

from __future__ import annotations

TEXT_CHARACTERS = 1 << 20  # the whole text
PROGRAM_TOKENS = 50_000  # the whole text
LINE_CHARACTERS = 1 << 16
LINE_TOKENS = 5_000
NESTING = 200  # open brackets, minus signs in a row, stacked powers, reductions inside reductions
NAME_CHARACTERS = 200
LITERAL_DIGITS = 1_000
EXPONENT = 10_000  # of ten in a literal, and of a constant exponent
SHOWN_CHARACTERS = 400  # of a source line in an error; a longer one is not shown
