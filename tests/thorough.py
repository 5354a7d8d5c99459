"""How many examples a law is tried on: all of them in `make test-all`, a share of them in `make test`."""

from __future__ import annotations

import os

THOROUGH = bool(os.environ.get("DERIVE_THOROUGH"))


def examples(count: int) -> int:
    """So many examples where time does not matter, a third of them, and at least 20, where it does."""
    return count if THOROUGH else max(min(20, count), count // 3)
