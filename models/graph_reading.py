"""A ranker read back from its graph: what was exported can be calibrated again without training."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import numpy_helper

from models.bend import Bend
from models.export import FILE
from models.ranker import TYPES, Ranker
from service.adapters.model_folder import read_model_folder
from service.core.errors import Refused

OLD_CALIBRATION: Final = {"slope": "platt_a", "offset": "platt_c"}
"""How graphs named it that had one slope and offset a head, for all content types."""


def read_ranker(folder: Path) -> Ranker:
    """The ranker of a model folder that `models.export` wrote.

    Raises:
        Refused: The folder is not in order, or its graph is none of ours.
    """
    manifest = read_model_folder(folder)
    graph = onnx.load_from_string((folder / FILE).read_bytes()).graph
    found = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for name, old in OLD_CALIBRATION.items():
        if old in found:
            found[name] = np.tile(found.pop(old), (TYPES, 1))
    kept: dict[str, Any] = {
        name: np.asarray(value, np.float32) for name, value in found.items() if value.ndim
    }
    bend = {name: kept.pop(name) for name in ("knot", "bend") if name in kept}
    try:
        return Ranker(
            **kept,
            bend=Bend(**bend) if bend else None,
            heads=manifest.heads,
            blocks=manifest.blocks,
        )
    except TypeError as error:
        raise Refused(f"{folder / FILE}: not a graph of this ranker: {error}") from None
