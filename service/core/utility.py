"""What a slate is ranked by: a weighted sum of the model's heads, outside the model.

Weights go by the name of a head. A model without a head has no term for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.core.errors import Refused
from service.core.items import F32


@dataclass(frozen=True)
class Utility:
    """The weight of each head that this service knows; all heads are probabilities."""

    next: float = 3.0
    skip: float = -1.0
    complete: float = 1.0
    like: float = 1.5

    def weights(self, heads: Sequence[str]) -> F32:
        """float32[len(heads)], in their order.

        Raises:
            Refused: A head has no weight here: it would be served without a say.
        """
        known = vars(self)
        if unknown := [head for head in heads if head not in known]:
            raise Refused(
                f"the model's heads {unknown} have no utility weight; this service weighs"
                f" {sorted(known)}: export the model with these heads alone"
            )
        return np.array([known[head] for head in heads], dtype=np.float32)
