"""Matrix products whose rows do not depend on each other, bit for bit."""

from typing import Final

import numpy as np

from service.core.items import F32

ROWS: Final = 64
"""Rows of a product. BLAS takes another path for another number of rows, with other roundings."""


def product(rows: F32, weights: F32) -> F32:
    """`rows @ weights`, each row's result the same bits whatever other rows there are."""
    count = len(rows)
    blocks = np.zeros((-(-count // ROWS), ROWS, rows.shape[1]), dtype=np.float32)
    blocks.reshape(-1, rows.shape[1])[:count] = rows
    return np.asarray((blocks @ weights).reshape(-1, weights.shape[1])[:count])
