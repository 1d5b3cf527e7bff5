"""Lets a model in: fetched, checked, loaded and warmed up beside the one that serves.

    fetch   published as this version, signed, every file by its hash
    fit     heads, feature schema, item space; golden vectors; a first batch
    drift   on real sessions of a moment ago, its scores spread as the champion's do

Blocks: runs in a thread.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from service.core.errors import Refused, Unavailable
from service.core.items import F32
from service.core.session import SessionState
from service.lifecycle.agreement import drift
from service.lifecycle.ports import Registry
from service.ranking import Ranking

DRIFT_SESSIONS: Final = 32
"""The newest. Some hundred candidates each: enough scores for a distribution, done in a moment."""
CHUNK: Final = 8
"""Sessions scored at once: the serving thread gets its turn in between."""

Load = Callable[[Path], Ranking]


class ModelRefused(Refused):
    """A model that is not let in; `reason` is a word for metrics."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Admission:
    """The checks, and what they need."""

    registry: Registry
    name: str
    load: Load
    drift_max: float

    def admit(self, version: str, serving: Ranking) -> Ranking:
        """Fetch, check, load and warm up a version.

        Raises:
            ModelRefused: It is not let in.
            Unavailable: The registry does not answer.
        """
        try:
            folder = self.registry.fetch(self.name, version)
        except Refused as error:
            raise ModelRefused("not_as_published", str(error)) from error
        try:
            ranking = self.load(folder)
        except Unavailable:
            raise
        except Refused as error:
            raise ModelRefused("does_not_fit", str(error)) from error
        except Exception as error:  # a file that was signed can still be nonsense
            raise ModelRefused("does_not_load", f"{version}: {error!r}") from error
        if ranking.model.version != version:
            raise ModelRefused(
                "does_not_fit", f"{folder} says it is {ranking.model.version}, not {version}"
            )
        # The sources read the catalogue alone: one copy of their indexes serves all models.
        return replace(ranking, sources=serving.sources)

    def check_drift(
        self, ranking: Ranking, serving: Ranking, recent: Sequence[Sequence[SessionState]]
    ) -> float | None:
        """Return how far its scores are from those of the one that serves; None if unknowable.

        Raises:
            ModelRefused: Further than is let in unseen, or it cannot score these sessions.
        """
        states = [state for batch in reversed(recent) for state in batch][:DRIFT_SESSIONS]
        if not states:
            return None
        expected = _heads(serving, states)
        try:
            found = _heads(ranking, states)
        except Exception as error:
            raise ModelRefused("does_not_score", f"{ranking.model.version}: {error!r}") from error
        if not np.isfinite(found).all():
            raise ModelRefused("not_finite", f"{ranking.model.version} gives scores that are none")
        heads = (serving.scorer.heads, ranking.scorer.heads)
        psi = drift(expected, found, heads)
        if psi is not None and psi > self.drift_max:
            raise ModelRefused(
                "drift",
                f"the scores of {ranking.model.version} on the last {len(states)} sessions are"
                f" {psi:.2f} (population stability index) away from {serving.model.version}, at"
                f" most {self.drift_max:g} is let in; try it as challenger, or promote it --force",
            )
        return psi


def _heads(ranking: Ranking, states: Sequence[SessionState]) -> F32:
    chunks = [states[at : at + CHUNK] for at in range(0, len(states), CHUNK)]
    return np.concatenate([ranking.score(*ranking.candidates(chunk)) for chunk in chunks])
