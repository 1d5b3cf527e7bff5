"""The ranker's parameters and its definition in plain numpy: what JAX trains and ONNX must equal.

    x_user = clip((user - mean) / spread, -6, 6)          [B, Fu] x_cand = clip((cand - mean) /
    spread, -6, 6)          [M, Fc] h1 = relu((x_user Wu)[owner] + x_cand Wc + b1)        [M, H1]
    the user part is made once a user h2 = relu(h1 W2 + b2)                                 [M, H2]
    heads = sigmoid(a * (h2 W3 + b3) + c)                 [M, 3]    a, c: Platt calibration

A candidate's row meets nothing but its own user: scores do not depend on the batch.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.items import F32

HEADS: Final = ("skip", "complete", "like")
HIDDEN: Final = (64, 32)
CLIP: Final = 6.0


@dataclass(frozen=True)
class Ranker:
    """Everything the graph contains. Names as in the module's formulas."""

    user_mean: F32
    user_spread: F32
    cand_mean: F32
    cand_spread: F32
    w_user: F32
    w_cand: F32
    b1: F32
    w2: F32
    b2: F32
    w3: F32
    b3: F32
    platt_a: F32
    platt_c: F32

    def arrays(self) -> dict[str, F32]:
        """The parameters by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def logits(self, user: F32, owner: NDArray[np.int32], cand: F32) -> F32:
        """float32[M, 3], before calibration."""
        x_user = np.clip((user - self.user_mean) / self.user_spread, -CLIP, CLIP)
        x_cand = np.clip((cand - self.cand_mean) / self.cand_spread, -CLIP, CLIP)
        h1 = np.maximum((x_user @ self.w_user)[owner] + x_cand @ self.w_cand + self.b1, 0)
        h2 = np.maximum(h1 @ self.w2 + self.b2, 0)
        return np.asarray(h2 @ self.w3 + self.b3, dtype=np.float32)

    def heads(self, user: F32, owner: NDArray[np.int32], cand: F32) -> F32:
        """float32[M, 3]: calibrated probabilities."""
        return sigmoid(self.platt_a * self.logits(user, owner, cand) + self.platt_c)


def sigmoid(x: F32) -> F32:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float32)
