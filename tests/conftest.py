"""Where the laws look for examples: anew at every run here, the same ones on every run of CI. Children hear SIGINT."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

from tests.thorough import examples

# a landing must not fail on an example that nobody could have seen before; `make test` by hand keeps looking for one
settings.register_profile("derive", max_examples=examples(100), derandomize=bool(os.environ.get("CI")))
settings.load_profile("derive")

# a suite that was started in the background ignores it, and its children would
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
