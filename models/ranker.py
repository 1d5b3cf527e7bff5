"""The ranker's parameters and its definition in plain numpy: what JAX trains and ONNX must equal.

    x_user = clip((user - mean) / spread, -6, 6)                    [B, Fu]
    x_cand = clip((cand - mean) / spread, -6, 6)                    [M, Fc]
    h1 = relu((x_user Wu)[owner] + x_cand Wc + b1)                  [M, H1], Wu once a user
    h2 = relu(h1 W2 + b2)                                           [M, H2]
    logits = h2 W3 + b3                                             [M, H]
    heads = sigmoid(slope[kind] * logits + offset[kind])            [M, H]

Target attention, off by default, adds its read-out of the newest plays to h1 (attention.py).

A slope and an offset per content type and head: Platt calibration, part of the model; it may have a
bend (`models.bend`). A model
without session columns (Fu = 0) has no user part.

A candidate's row meets nothing but its own user, and rows are multiplied in blocks of one size:
scores do not depend on the batch, bit for bit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from models.attention import Attention
from models.bend import Bend
from service.core.events import CONTENT_TYPES
from service.core.features import Features
from service.core.items import F32, I32
from service.core.products import product

HEADS: Final = ("skip", "complete", "like")
"""Of a ranker that learns from what listeners did with what they were given."""
HIDDEN: Final = (64, 32)
CLIP: Final = 6.0
TYPES: Final = len(CONTENT_TYPES)


@dataclass(frozen=True)
class Ranker:
    """Everything the graph contains. Names as in the module's formulas.

    `heads` and `blocks` name the outputs, and the blocks of features that the columns come from.
    """

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
    slope: F32
    offset: F32
    heads: tuple[str, ...] = HEADS
    blocks: tuple[str, ...] = ("base",)
    attention: Attention | None = None
    bend: Bend | None = None

    def arrays(self) -> dict[str, F32]:
        """The parameters by name."""
        own = {name: getattr(self, name) for name in _ARRAYS}
        bend = vars(self.bend) if self.bend else {}
        return own | bend | (vars(self.attention) if self.attention else {})

    def with_arrays(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The same ranker with other values of some parameters."""
        changes: dict[str, Any] = {name: np.asarray(v, np.float32) for name, v in arrays.items()}
        if self.attention is not None:
            parts = {name: changes.pop(name) for name in vars(self.attention) if name in changes}
            changes["attention"] = replace(self.attention, **parts)
        return replace(self, **changes)

    def with_bend(self, bend: Bend, lines: Mapping[str, NDArray[Any]]) -> Self:
        """The same ranker calibrated by `lines` (slope, offset) and a bend in them."""
        return replace(self.with_arrays(lines), bend=bend)

    def logits(self, features: Features) -> F32:
        """float32[M, H], before calibration."""
        x_cand = _standardised(features.candidate, self.cand_mean, self.cand_spread)
        h1 = product(x_cand, self.w_cand) + self.b1
        if len(self.user_mean):
            x_user = _standardised(features.user, self.user_mean, self.user_spread)
            h1 += product(x_user, self.w_user)[features.owner]
        if self.attention is not None:
            h1 += product(self.attention.read(features), self.attention.w_read)
        h2 = np.maximum(product(np.maximum(h1, 0), self.w2) + self.b2, 0)
        return np.asarray(product(h2, self.w3) + self.b3, dtype=np.float32)

    def score(self, features: Features) -> F32:
        """float32[M, H]: calibrated probabilities."""
        slope, offset = self.slope[features.kind], self.offset[features.kind]
        logits = self.logits(features)
        line = slope * logits + offset
        return sigmoid(line + self.bend.of(logits, features.kind) if self.bend else line)


_ARRAYS: Final = tuple(
    f.name for f in fields(Ranker) if f.name not in ("heads", "blocks", "attention", "bend")
)


def sigmoid(x: F32) -> F32:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float32)


def without_calibration(heads: int) -> dict[str, F32]:
    """Slopes of 1 and offsets of 0: float32[types, heads] each."""
    shape = (TYPES, heads)
    return {"slope": np.ones(shape, np.float32), "offset": np.zeros(shape, np.float32)}


def owners(count: int) -> I32:
    """int32[count]: every candidate has a session of its own, as training examples do."""
    return np.arange(count, dtype=np.int32)


def _standardised(columns: F32, mean: F32, spread: F32) -> F32:
    return np.asarray(np.clip((columns - mean) / spread, -CLIP, CLIP))
