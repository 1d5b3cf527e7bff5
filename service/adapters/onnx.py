"""The ranker in ONNX Runtime: one call for all candidates of a poll.

Refuses the wrong model at start: the manifest must carry the file's hash and the feature schema
that this service computes. Loaded from bytes, so that what was hashed is what runs.
"""

import io
from pathlib import Path
from typing import Final, Self

import numpy as np
import onnxruntime as ort

from service.adapters.model_folder import GOLDEN, RANKER, ModelFolder, read_model_folder
from service.core.errors import Refused
from service.core.features import Features
from service.core.items import F32
from service.core.slates import Model

FILE: Final = RANKER
GOLDEN_DRIFT_MAX: Final = 1e-4
OF_SESSION: Final = ("user", "ring_plays", "ring_good", "ring_bad")
DTYPES: Final = {"owner": np.int32, "kind": np.uint8}
WARM_UP_ROWS: Final = (1, 20, 200, 500)

INPUTS: Final = {
    "user": "user",
    "owner": "owner",
    "cand": "candidate",
    "kind": "kind",
    **{f"ring_{name}": f"ring_{name}" for name in ("items", "plays", "good", "bad")},
}
"""What a graph may ask for, and which of the features that is. What it leaves out is not fed."""


class OnnxScorer:
    """A scorer loaded from a model folder.

    Candidates do not see each other: a score depends on the session and that candidate only, so
    batch size and order never change it.
    """

    def __init__(self, session: ort.InferenceSession, folder: ModelFolder, variant: str) -> None:
        self._session = session
        self._model = Model(folder.name, folder.version, variant)
        self._heads = folder.heads
        self._blocks = folder.blocks
        self._inputs = [declared.name for declared in session.get_inputs()]

    @classmethod
    def load(cls, folder: Path, variant: str = "champion") -> Self:
        """Load `ranker.onnx`, after checking it against `manifest.json`.

        Raises:
            Refused: A file is missing, was changed after it was signed off, or expects other
            features.
        """
        return cls.of(read_model_folder(folder), variant)

    @classmethod
    def of(cls, folder: ModelFolder, variant: str = "champion") -> Self:
        """Build the scorer of a model folder that was read and checked.

        Raises:
            Refused: The graph is none, or is not what the manifest says.
        """
        session = session_of(folder, FILE)
        _check_graph(folder, session)
        scorer = cls(session, folder, variant)
        if GOLDEN in folder.kept:
            _check_golden(folder, scorer)
        scorer._warm_up()
        return scorer

    @property
    def model(self) -> Model:
        """Name, version and variant."""
        return self._model

    @property
    def heads(self) -> tuple[str, ...]:
        """What the columns of a score are, as the manifest names them."""
        return self._heads

    @property
    def blocks(self) -> tuple[str, ...]:
        """Which blocks of features the graph reads."""
        return self._blocks

    def score(self, features: Features) -> F32:
        """Score all candidates.

        Shapes:
            user float32[B, Fu], owner int32[M], candidate float32[M, Fc], kind uint8[M] ->
            float32[M, H]
        """
        if not len(features.owner):
            return np.empty((0, len(self._heads)), dtype=np.float32)
        arrays = features.arrays()
        feed = {name: arrays[INPUTS[name]] for name in self._inputs}
        (heads,) = self._session.run(["heads"], feed)
        assert isinstance(heads, np.ndarray), type(heads)
        assert heads.shape == (len(features.owner), len(self._heads)), heads.shape
        return heads

    def _warm_up(self) -> None:
        """Run the sizes that will come, so that the first listener does not pay for them."""
        for rows in WARM_UP_ROWS:
            feed = {
                declared.name: np.zeros(
                    (1 if declared.name in OF_SESSION else rows, *declared.shape[1:]),
                    DTYPES.get(declared.name, np.float32),
                )
                for declared in self._session.get_inputs()
            }
            self._session.run(["heads"], feed)


def _check_golden(folder: ModelFolder, scorer: OnnxScorer) -> None:
    """What the trained definition said of some inputs, this machine's graph must say too."""
    with np.load(io.BytesIO(folder.file(GOLDEN)), allow_pickle=False) as stored:
        inputs, expected = Features.of(stored), stored["heads"]
    drift = float(np.abs(scorer.score(inputs) - expected).max(initial=0))
    if not drift <= GOLDEN_DRIFT_MAX:  # a NaN is refused too
        raise Refused(
            f"{folder.path}: {FILE} is {drift:.2g} away from its golden vectors, at most"
            f" {GOLDEN_DRIFT_MAX:g} is rounding; export the model again"
        )


def session_of(folder: ModelFolder, file: str) -> ort.InferenceSession:
    """Open one of the folder's graphs.

    Raises:
        Refused: ONNX Runtime cannot read it.
    """
    try:
        return ort.InferenceSession(
            folder.file(file), _options(), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime's own errors have no common base
        raise Refused(
            f"{folder.path / file} is no graph that ONNX Runtime {ort.__version__} reads ({error});"
            " export the model again"
        ) from error


def _check_graph(folder: ModelFolder, session: ort.InferenceSession) -> None:
    """The graph itself says which heads it has and what it reads: both must be the manifest's."""
    said = session.get_modelmeta().custom_metadata_map.get("heads", "")
    width = session.get_outputs()[0].shape[-1]
    if tuple(said.split(",")) != folder.heads or width != len(folder.heads):
        raise Refused(
            f"{folder.path}: the manifest names heads {list(folder.heads)}, {FILE} has {width}:"
            f" {said}; export the model again"
        )
    asked = {declared.name for declared in session.get_inputs()}
    if unknown := asked - INPUTS.keys():
        raise Refused(
            f"{folder.path / FILE} reads {sorted(unknown)}, which this service does not compute;"
            " run the service it was made for"
        )


def _options() -> ort.SessionOptions:
    """One thread that never spins: a worker is a process per core, and idle cores stay idle."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # shapes differ from poll to poll
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options
