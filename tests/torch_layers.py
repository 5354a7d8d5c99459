"""What torch says about each layer of the catalogue: the independent witness of its forward equations."""

from __future__ import annotations

from derive.fixtures.adapters.torch_functions import ORACLES, roomy

__all__ = ["ORACLES", "roomy"]
