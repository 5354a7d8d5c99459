"""Python code for a page of fixed width: what would be broken is put where it need not be."""

from __future__ import annotations

import io
import textwrap
import tokenize


def comments_above(code: str, columns: int) -> str:
    """The same code, the comment of a line longer than `columns` on lines of its own above it.

    Only comments behind code move, and only where the line is too long. Text that is no Python is answered as it is.
    """
    try:
        found = list(tokenize.generate_tokens(io.StringIO(code).readline))
    except (tokenize.TokenError, SyntaxError):
        return code
    if any(token.type == tokenize.ERRORTOKEN for token in found):
        return code
    rows = code.split("\n")
    for token in reversed(found):
        row, place = token.start[0] - 1, token.start[1]
        if token.type != tokenize.COMMENT or len(rows[row]) <= columns:
            continue
        before = rows[row][:place].rstrip()
        indent = " " * (len(rows[row]) - len(rows[row].lstrip()))
        above = textwrap.wrap(
            token.string.lstrip("#").strip(), columns, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}#   ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        rows[row : row + 1] = [*above, before] if before else above
    return "\n".join(rows)
