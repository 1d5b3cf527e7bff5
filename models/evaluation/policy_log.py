"""A log of a policy that drew what it showed: JSONL or Parquet, a context on each row.

context       any id; listener (optional): contexts of one listener are resampled together
items         ids of what could have been shown; chosen: the place of what was, from 0
propensity    probability, in (0, 1], with which it was drawn; propensities (optional): of all
reward        what came of it, any number
target        probabilities of the policy to be judged; or scores, of which a softmax is taken
session, candidates, kinds  (optional) the ranker's features: what a reward model and a model
              folder can read
expected      (simulator only) the true mean reward of each item

Sources: Horvitz and Thompson 1952; Swaminathan and Joachims 2015; Dudik, Langford and Li 2011.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from msgspec import Struct
from numpy.typing import NDArray

from service.core.errors import Refused
from service.core.items import F32

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

SUM_TOLERANCE: Final = 1e-3


class Row(Struct, kw_only=True):
    """One context, as it is in the file."""

    context: str
    items: list[str]
    chosen: int
    propensity: float | None = None
    reward: float
    listener: str | None = None
    propensities: list[float] | None = None
    target: list[float] | None = None
    scores: list[float] | None = None
    session: list[float] | None = None
    candidates: list[list[float]] | None = None
    kinds: list[int] | None = None
    expected: list[float] | None = None


@dataclass(frozen=True)
class PolicyLog:
    """n contexts with m items in all.

    Shapes: starts int64[n + 1] into the items' columns; chosen int64[n], places in them;
    propensity, reward float64[n]; listener int64[n], from 0; item int64[m], numbered. Where the
    file has them: propensities, target, scores, expected float64[m]; session float32[n, Fu],
    candidates float32[m, Fc], kinds uint8[m].
    """

    starts: I64
    chosen: I64
    propensity: F64
    reward: F64
    listener: I64
    item: I64
    propensities: F64 | None
    target: F64 | None
    scores: F64 | None
    expected: F64 | None
    session: F32 | None
    candidates: F32 | None
    kinds: NDArray[np.uint8] | None

    def __len__(self) -> int:
        """How many contexts there are."""
        return len(self.chosen)

    @property
    def owner(self) -> I64:
        """int64[m]: the context of each item."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))


def read_policy_log(path: Path) -> PolicyLog:
    """Read and check every row.

    Raises:
        Refused: The file is missing or empty, or a row breaks the layout; says which and how.
    """
    if not path.exists():
        raise Refused(f"no log at {path}; give a JSONL or Parquet file")
    rows = list(_rows(path))
    for number, row in enumerate(rows, start=1):
        if wrong := _wrong(row):
            raise Refused(f"{path}: row {number}, context {row.context!r}: {wrong}")
    if not rows:
        raise Refused(f"{path} has no rows; log what was shown, and with which probability")
    return policy_log(rows)


def policy_log(rows: Sequence[Row]) -> PolicyLog:
    """Rows side by side."""
    lengths = np.array([len(row.items) for row in rows])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    _, listener = np.unique([row.listener or row.context for row in rows], return_inverse=True)
    _, item = np.unique([name for row in rows for name in row.items], return_inverse=True)
    session = [row.session for row in rows]
    candidates = _flat([row.candidates for row in rows])
    kinds = _flat([row.kinds for row in rows])
    return PolicyLog(
        starts=starts,
        chosen=starts[:-1] + np.array([row.chosen for row in rows], dtype=np.int64),
        propensity=np.array([row.propensity for row in rows], dtype=np.float64),
        reward=np.array([row.reward for row in rows], dtype=np.float64),
        listener=listener.astype(np.int64),
        item=item.astype(np.int64),
        propensities=_column([row.propensities for row in rows]),
        target=_column([row.target for row in rows]),
        scores=_column([row.scores for row in rows]),
        expected=_column([row.expected for row in rows]),
        session=None if None in session else np.array(session, dtype=np.float32),
        candidates=None if candidates is None else np.array(candidates, dtype=np.float32),
        kinds=None if kinds is None else np.array(kinds, dtype=np.uint8),
    )


def _rows(path: Path) -> Iterator[Row]:
    told, number = _told(path), 0
    try:
        while (row := next(told, None)) is not None:
            number += 1
            yield row
    except (msgspec.MsgspecError, OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path}: row {number + 1}: {error}") from error


def _told(path: Path) -> Iterator[Row]:
    if path.suffix == ".parquet":
        for told in pl.read_parquet(path).iter_rows(named=True):
            yield msgspec.convert(told, Row)
        return
    decoder = msgspec.json.Decoder(Row)
    with path.open("rb") as lines:
        for line in lines:
            yield decoder.decode(line)


def _wrong(row: Row) -> str | None:
    """What breaks the layout, or None."""
    if not 0 <= row.chosen < len(row.items):
        return f"chosen is {row.chosen}, there are {len(row.items)} items"
    if row.propensity is None or not 0 < row.propensity <= 1:
        return (
            f"propensity is {row.propensity}; every row needs the probability, in (0, 1], with"
            " which its item was drawn: log it where the draw is made, it cannot be made up later"
        )
    if not np.isfinite(row.reward):
        return f"reward is {row.reward}"
    for name in ("propensities", "target", "scores", "candidates", "kinds", "expected"):
        column: list[Any] | None = getattr(row, name)
        if column is not None and len(column) != len(row.items):
            return f"{len(column)} {name} for {len(row.items)} items"
    return _wrong_probabilities(row)


def _wrong_probabilities(row: Row) -> str | None:
    for name in ("target", "propensities"):
        column: list[float] | None = getattr(row, name)
        if column is None:
            continue
        if min(column) < 0 or abs(sum(column) - 1) > SUM_TOLERANCE:
            return f"{name} are no probabilities: they add up to {sum(column):.4f}"
        if name == "target" and row.propensities is not None:
            missed = sum(t for t, p in zip(column, row.propensities, strict=True) if p <= 0)
            if missed > SUM_TOLERANCE:
                return (
                    f"no support: the target shows items with probability {missed:.3f} that the"
                    " logging policy never shows; log with some exploration, or judge a target that"
                    " stays within what was shown"
                )
    return None


def _flat(columns: Sequence[list[Any] | None]) -> list[Any] | None:
    if any(column is None for column in columns):
        return None
    return [value for column in columns for value in column or ()]


def _column(columns: Sequence[list[float] | None]) -> F64 | None:
    flat = _flat(columns)
    return None if flat is None else np.array(flat, dtype=np.float64)
