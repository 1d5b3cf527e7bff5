"""A fixed set of exposures: what listeners were shown, as the ranker sees it, and what they did."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.dataset import Examples, join
from service.core.errors import Refused
from service.core.features import CANDIDATE_FEATURES, SESSION_FEATURES


@dataclass(frozen=True)
class ExposureSet:
    """Examples with the listener of each: int32[n], from 0, all numbers present."""

    examples: Examples
    listener: NDArray[np.int32]

    def __len__(self) -> int:
        """How many exposures there are."""
        return len(self.listener)

    @property
    def listeners(self) -> int:
        """How many listeners there are."""
        return int(self.listener.max(initial=-1)) + 1

    @property
    def digest(self) -> str:
        """Names who was shown what and did what; features may change beside it."""
        told = (self.listener, self.examples.rows, self.examples.labels.astype(np.uint8))
        return sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in told)).hexdigest()

    @classmethod
    def of(cls, parts: Sequence[Examples]) -> Self:
        """Each part is one listener's."""
        lengths = [len(part) for part in parts]
        return cls(join(parts), np.repeat(np.arange(len(parts), dtype=np.int32), lengths))

    def save(self, path: Path) -> None:
        """Write one npz file."""
        arrays = {field.name: getattr(self.examples, field.name) for field in fields(Examples)}
        np.savez_compressed(path, listener=self.listener, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            Refused: The file is missing, is no such set, or was made with other features.
        """
        names = [field.name for field in fields(Examples)]
        try:
            with np.load(path, allow_pickle=False) as stored:
                examples = Examples(**{name: stored[name] for name in names})
                found = cls(examples, stored["listener"])
        except (OSError, ValueError, KeyError) as error:
            raise Refused(
                f"{path} is no set of exposures ({error}); make one with `segue evaluate gate"
                " --save-set FILE`"
            ) from error
        widths = found.examples.user.shape[1], found.examples.candidate.shape[1]
        if widths != (len(SESSION_FEATURES), len(CANDIDATE_FEATURES)):
            raise Refused(
                f"{path}: made with {widths[0]} + {widths[1]} features, this service computes"
                f" {len(SESSION_FEATURES)} + {len(CANDIDATE_FEATURES)}; make the set again"
            )
        return found
