"""The session encoder: a GRU whose output points at the item vectors that come next.

This is the plain definition in numpy, the one that is judged and exported; `fit_encoder` trains it
in JAX. Gates in the order reset, update, new; the new gate's reset applies after its product (as in
ONNX with linear_before_reset=1).
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from models.sessions.read import I8, I32
from service.core.memory import PlayEnd

F32 = NDArray[np.float32]

PLAYS_MAX: Final = 20
"""The newest plays that the encoder reads."""
ACTIONS: Final = 2 * len(PlayEnd)
"""What a play did: how it ended, in this session or (from len(PlayEnd) on) in an earlier one."""


class Pointing(Protocol):
    """What says where listeners point: the trained definition, or its graph."""

    def encode(self, recent: I32, current: NDArray[np.bool_], end: I8) -> F32:
        """float32[n, d], unit length; zeros without a play to read."""
        ...


@dataclass(frozen=True)
class Encoder:
    """Weights (n items, d dimensions).

    table float32[n + 1, d], unit length, the last row zero (an unknown item); w_x, w_h
    float32[d, 3d]; b_x, b_h float32[3d]; w_out, w_last float32[d, d]; actions float32[10, d], added
    to a play's scaled vector: row PlayEnd, plus 5 for a play of an earlier session. Without
    reads_history, only plays of the current session are read.
    """

    table: F32
    w_x: F32
    w_h: F32
    b_x: F32
    b_h: F32
    w_out: F32
    w_last: F32
    actions: F32
    reads_history: bool

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        return int(self.table.shape[1])

    @property
    def items(self) -> F32:
        """float32[n, d]: the item vectors, unit length."""
        return self.table[:-1]

    def inputs(self, rows: I32, action: I8) -> F32:
        """What the GRU reads: item vectors scaled to entries near 1, and what the plays did."""
        return np.asarray(self.table[rows] * np.float32(np.sqrt(self.dim)) + self.actions[action])

    def step(self, state: F32, x: F32) -> F32:
        """One play further: float32[b, d], float32[b, d] -> float32[b, d]."""
        d = self.dim
        from_x, from_h = x @ self.w_x + self.b_x, state @ self.w_h + self.b_h
        reset = _sigmoid(from_x[:, :d] + from_h[:, :d])
        update = _sigmoid(from_x[:, d : 2 * d] + from_h[:, d : 2 * d])
        new = np.tanh(from_x[:, 2 * d :] + reset * from_h[:, 2 * d :])
        return np.asarray((1 - update) * new + update * state)

    def point(self, state: F32, x: F32) -> F32:
        """Where a state points, given the newest play: float32[b, d], unit length."""
        out = state @ self.w_out + x @ self.w_last
        return np.asarray(out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6))

    def encode(self, recent: I32, current: NDArray[np.bool_], end: I8) -> F32:
        """Where listeners point, from their newest plays: float32[n, d], unit length.

        Reads the newest PLAYS_MAX of recent int32[n, r] (item rows, newest first, -1 padded),
        current bool[n, r] and end int8[n, r]; without a play to read, nowhere (zeros).
        """
        plays, action = self._read(recent, current, end)
        length = (plays >= 0).sum(axis=1)
        order = np.argsort(-length, kind="stable")
        plays, action, length = plays[order], action[order], length[order]
        state = np.zeros((len(plays), self.dim), dtype=np.float32)
        for place in range(int(length.max(initial=0)) - 1, -1, -1):
            alive = int(np.searchsorted(-length, -place, side="left"))
            x = self.inputs(plays[:alive, place], action[:alive, place])
            state[:alive] = self.step(state[:alive], x)
        result = np.zeros_like(state)
        some = int((length > 0).sum())
        x = self.inputs(plays[:some, 0], action[:some, 0])
        result[order[:some]] = self.point(state[:some], x)
        return result

    def _read(self, recent: I32, current: NDArray[np.bool_], end: I8) -> tuple[I32, I8]:
        """int32[n, 20] plays without gaps, and what each did."""
        wanted = (recent >= 0) & (current | self.reads_history)
        newest = np.argsort(~wanted, axis=1, kind="stable")[:, :PLAYS_MAX]
        plays = np.where(wanted, recent, np.int32(-1))
        return (
            np.take_along_axis(plays, newest, axis=1),
            np.take_along_axis(action_of(current, end), newest, axis=1),
        )


def action_of(current: NDArray[np.bool_], end: I8) -> I8:
    """Rows of `Encoder.actions`."""
    return np.where(current, end, end + np.int8(len(PlayEnd)))


def _sigmoid(x: F32) -> F32:
    return np.asarray(1 / (1 + np.exp(-x)))
