"""How good a ranker is on a fixed set of exposures, in sums by listener.

loss    log loss of each head, in nats
order   share of pairs of a listener's exposures that its utility puts in the order of what they did
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import numpy as np

from models.dataset import HEADS
from models.evaluation.calibration import head_calibration
from models.evaluation.exposures import ExposureSet
from models.evaluation.intervals import F64, by_group
from models.metrics import FLOOR
from service.core.errors import Refused
from service.core.features import Features
from service.core.items import F32

WORTH: Final = {"skip": -1.0, "complete": 1.0, "like": 1.5}
"""What the heads weigh in a slate by default: also what an outcome was worth."""
DIGITS: Final = 5


class Scorer(Protocol):
    """As the service's port."""

    @property
    def heads(self) -> tuple[str, ...]:
        """What the columns are."""
        ...

    def score(self, features: Features) -> F32:
        """float32[M, heads]."""
        ...


@dataclass(frozen=True)
class HeadQuality:
    """What one ranker came to (L listeners, heads in the set's order).

    Shapes: loss float64[L, heads] sums, size float64[L]; right, pairs float64[L]; ece, ece_floor
    float64[heads].
    """

    version: str
    set_digest: str
    bytes: int
    heads: tuple[str, ...]
    loss: F64
    size: F64
    right: F64
    pairs: F64
    ece: F64
    ece_floor: F64

    def record(self) -> dict[str, Any]:
        """As JSON, a few KB: enough to compare another ranker listener by listener."""
        return {
            name: np.round(value, DIGITS).tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_record(cls, told: dict[str, Any]) -> Self:
        """Read what `record` gave.

        Raises:
            Refused: It is something else.
        """
        try:
            heads = tuple(told.pop("heads"))
            arrays = {k: np.asarray(v, float) for k, v in told.items() if isinstance(v, list)}
            return cls(heads=heads, **{**told, **arrays})
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise Refused(
                f"no recorded figures ({error}); write them with `segue evaluate gate --record`"
            ) from error


def measure(scorer: Scorer, exposed: ExposureSet, *, version: str, size: int) -> HeadQuality:
    """Score the whole set; `size` is the model's bytes.

    Raises:
        Refused: The scorer lacks a head that the set has labels for.
    """
    names = scorer.heads
    missing = [head for head in HEADS if head not in names]
    if missing:
        raise Refused(f"{version}: no head {', '.join(missing)}; it has {', '.join(names)}")
    examples, labels = exposed.examples, exposed.examples.labels
    scores = scorer.score(examples.features)[:, [names.index(head) for head in HEADS]]
    p = np.clip(scores.astype(np.float64), FLOOR, 1 - FLOOR)
    nats = -(labels * np.log(p) + (1 - labels) * np.log(1 - p))
    count = exposed.listeners
    right, pairs = _order(scores, examples.labels, exposed)
    errors = head_calibration(scores, labels, HEADS).values()
    return HeadQuality(
        version=version,
        set_digest=exposed.digest,
        bytes=size,
        heads=HEADS,
        loss=np.stack(
            [by_group(nats[:, h], exposed.listener, count) for h in range(len(HEADS))], 1
        ),
        size=np.bincount(exposed.listener, minlength=count).astype(np.float64),
        right=right,
        pairs=pairs,
        ece=np.array([error.ece for error in errors]),
        ece_floor=np.array([error.floor for error in errors]),
    )


def _order(scores: F32, labels: F32, exposed: ExposureSet) -> tuple[F64, F64]:
    """Pairs in the right order (ties half), and pairs whose outcomes differ, by listener."""
    weights = np.array([WORTH[head] for head in HEADS])
    utility, worth = scores @ weights, labels @ weights
    right, pairs = np.zeros(exposed.listeners), np.zeros(exposed.listeners)
    for listener in range(exposed.listeners):
        mine = exposed.listener == listener
        better = worth[mine][:, None] - worth[mine] > 1e-9
        ahead = utility[mine][:, None] - utility[mine]
        pairs[listener] = better.sum()
        right[listener] = (better & (ahead > 0)).sum() + 0.5 * (better & (ahead == 0)).sum()
    return right, pairs
