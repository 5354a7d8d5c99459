"""Where the laws look for examples: anew at every run here, the same ones on every run of CI."""

from __future__ import annotations

import os

from hypothesis import settings

# a landing must not fail on an example that nobody could have seen before; `make test` by hand keeps looking for one
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
