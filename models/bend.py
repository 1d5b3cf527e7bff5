"""A bend in the calibration: a head's line changes its slope at one knot, by content type.

bent = line + bend[kind] * max(logits - knot[kind], 0)                     [M, H]
"""

from dataclasses import dataclass

import numpy as np

from service.core.items import F32, U8


@dataclass(frozen=True)
class Bend:
    """Shapes: float32[types, H] both. A bend of 0 is none."""

    knot: F32
    bend: F32

    def of(self, logits: F32, kind: U8) -> F32:
        """float32[M, H]: what the bend adds to the calibrated logits."""
        beyond = np.maximum(logits - self.knot[kind], 0)
        return np.asarray(self.bend[kind] * beyond, dtype=np.float32)


NODES = (
    ("Gather", ("knot", "kind_row"), "knot_of_cand"),
    ("Sub", ("logits", "knot_of_cand"), "past_knot"),
    ("Relu", ("past_knot",), "beyond_knot"),
    ("Gather", ("bend", "kind_row"), "bend_of_cand"),
    ("Mul", ("beyond_knot", "bend_of_cand"), "bend_part"),
    ("Add", ("line", "bend_part"), "calibrated"),
)
"""As nodes of a graph that has `logits`, `kind_row` and the `line`."""
