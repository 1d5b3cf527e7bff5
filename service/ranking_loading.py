"""From a model folder and a catalogue to a ranking pipeline, ready for its first listener."""

from pathlib import Path
from threading import Lock

from service.adapters.model_folder import INDEX, ModelFolder, read_model_folder
from service.adapters.onnx import OnnxScorer
from service.adapters.onnx_encoder import OnnxEncoder
from service.adapters.session_index import read_index, read_limits
from service.core.errors import Refused
from service.core.items import F32, I32, ItemTable
from service.core.retrieval.index import Mask
from service.core.selectors import Caps
from service.core.session import SessionState
from service.core.utility import Utility
from service.ranking import Ranking
from service.settings import Settings
from service.sources import default_sources
from service.sources.session_index import Found, SessionIndex


def load_ranking(
    folder: Path, table: ItemTable, settings: Settings, *, variant: str = "champion"
) -> Ranking:
    """Read, check and warm up a model; nothing of it is built on a listener's time later.

    Raises:
        Refused: A file is missing or changed, or the model does not fit the service or the
        catalogue.
    """
    read = read_model_folder(folder)
    if read.item_space not in ("any", table.item_space):
        raise Refused(
            f"{folder} was made for item space {read.item_space!r}, the catalogue {table.name!r} is"
            f" {table.item_space!r}: their items are not the same; serve the catalogue that the"
            " model was trained on, or train a model on this one"
        )
    ranking = Ranking(
        table,
        default_sources(table),
        OnnxScorer.of(read, variant),
        Utility(**settings.utility.model_dump()),
        Caps(length=settings.slate.length),
        retrieval=_retrieval(read, table) if read.has_encoder else None,
    )
    ranking.rank([SessionState()])  # build the indexes now, not on the first listener's skip
    return ranking


def _retrieval(read: ModelFolder, table: ItemTable) -> SessionIndex:
    """The encoder and the index of a session model.

    Raises:
        Refused: The index is not of this catalogue's items.
    """
    # Compiled code: a worker whose model has no index does not load the compiler.
    from service.core.retrieval.retrieve import Retriever  # noqa: PLC0415

    index = read_index(read.path / INDEX)
    if len(index) != len(table):
        raise Refused(
            f"{read.path / INDEX} has {len(index)} items, the catalogue {table.name!r} has"
            f" {len(table)}; serve the catalogue that the model was trained on"
        )
    retriever = Retriever(index, read_limits(read.path / INDEX))

    # Its working memory serves one at a time; a version may be champion and shadow at once.
    alone = Lock()

    def retrieve(
        recent: I32, current: Mask, directions: F32, extra_owner: I32, extra_items: I32
    ) -> Found:
        with alone:
            got = retriever.retrieve(recent, current, directions, extra_owner, extra_items)
        return got.owner, got.items, got.sources, got.evidence

    return SessionIndex(OnnxEncoder.of(read, index.vectors), retrieve)
