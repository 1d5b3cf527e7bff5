"""A session model as a folder that a worker serves, and the same folder read back to be judged.

ranker.onnx, encoder.onnx   the graphs
index                       what retrieval reads, mapped by the workers of a machine
ids.txt                     ids of the items, a line each, in the order of rows
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from models.export import export
from models.ranker import Ranker
from models.sessions.bases import Bases
from models.sessions.encoder import Encoder
from models.sessions.encoder_graph import encoder_golden, encoder_to_onnx
from models.sessions.ranker_examples import limits_of
from models.sessions.read import SessionLog
from models.sessions.recipe import DEFAULT
from models.sessions.recommender import SessionRecommender
from service.adapters.model_folder import ENCODER, read_model_folder
from service.adapters.onnx import OnnxScorer
from service.adapters.onnx_encoder import OnnxEncoder
from service.adapters.session_index import read_index, write_index

NAME: Final = "segue-sessions"
INDEX: Final = "index"
IDS: Final = "ids.txt"


def space_of(names: Sequence[str]) -> str:
    """Name the item space of a list of ids: the same ids in the same order have the same name."""
    return f"sessions-{sha256(chr(10).join(names).encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class About:
    """What a manifest says of a model's origin; names are the ids of the items, by row."""

    names: Sequence[str]
    item_space: str
    window: str
    seed: int
    metrics: Mapping[str, Any]


def write_folder(model: SessionRecommender, folder: Path, about: About) -> Path:
    """Write the whole folder, the manifest last."""
    write_index(folder / INDEX, model.bases.index, limits_of(model.recipe))
    (folder / IDS).write_text("".join(f"{name}\n" for name in about.names))
    encoder, ranker = model.bases.encoder, model.ranker
    assert isinstance(encoder, Encoder), "read from a folder: nothing to export"
    assert isinstance(ranker, Ranker), "read from a folder: nothing to export"
    graph = encoder_to_onnx(encoder, {"item_space": about.item_space})
    (folder / ENCODER).write_bytes(graph)
    return export(
        ranker,
        folder,
        window=about.window,
        seed=about.seed,
        metrics=about.metrics,
        name=NAME,
        item_space=about.item_space,
        more_golden=encoder_golden(encoder, about.seed),
    )


def read_ids(folder: Path) -> list[str]:
    """Ids of the items of a folder, by row.

    Raises:
        ValueError: The folder holds no session model.
    """
    try:
        return (folder / IDS).read_text().splitlines()
    except OSError as error:
        raise ValueError(f"{error}; give a folder that `segue train sessions` wrote") from error


def read_folder(folder: Path, log: SessionLog) -> SessionRecommender:
    """The recommender as a worker runs it: both graphs in ONNX Runtime, the index mapped.

    `log` is what baselines are made of.

    Raises:
        Refused: A file is missing or was changed.
    """
    read = read_model_folder(folder)
    index = read_index(folder / INDEX)
    bases = Bases(OnnxEncoder.of(read, index.vectors), index, log, DEFAULT)
    return SessionRecommender(bases, OnnxScorer.of(read), index.kind, DEFAULT)
