"""From a model folder and a catalogue to a ranking pipeline, ready for its first listener."""

from pathlib import Path

from service.adapters.model_folder import read_model_folder
from service.adapters.onnx import OnnxScorer
from service.core.errors import Refused
from service.core.items import ItemTable
from service.core.selectors import Caps
from service.core.session import SessionState
from service.core.utility import Utility
from service.ranking import Ranking
from service.settings import Settings
from service.sources import default_sources


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
    )
    ranking.rank([SessionState()])  # build the indexes now, not on the first listener's skip
    return ranking
