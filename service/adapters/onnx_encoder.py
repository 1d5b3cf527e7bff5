"""The session encoder in ONNX Runtime: where sessions point, for all users of a poll at once."""

import io
from typing import Final, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.adapters.model_folder import ENCODER, GOLDEN, ModelFolder
from service.adapters.onnx import GOLDEN_DRIFT_MAX, session_of
from service.core.encoding import read_plays
from service.core.errors import Refused
from service.core.items import F32, I32

INPUTS: Final = {"vectors", "action", "lengths"}


class OnnxEncoder:
    """An encoder loaded from a model folder. Sessions do not see each other."""

    def __init__(self, session: ort.InferenceSession, vectors: F32) -> None:
        said = session.get_modelmeta().custom_metadata_map
        self._session = session
        self._vectors = vectors
        self._plays_max = int(said["plays_max"])
        self._reads_history = said["reads_history"] == "1"

    @classmethod
    def of(cls, folder: ModelFolder, vectors: F32) -> Self:
        """Build the encoder of a folder, over item vectors float32[n, d], memory-mapped or not.

        Raises:
            Refused: The graph is none, or is not for vectors of this width.
        """
        session = session_of(folder, ENCODER)
        declared = {one.name: one.shape for one in session.get_inputs()}
        if declared.keys() != INPUTS or declared["vectors"][-1] != vectors.shape[1]:
            raise Refused(
                f"{folder.path / ENCODER} reads {declared}, not {sorted(INPUTS)} of vectors"
                f" {vectors.shape[1]} wide as the index has; export the model again"
            )
        if GOLDEN in folder.kept:
            _check_golden(folder, session)
        encoder = cls(session, vectors)
        encoder.encode(*_some_plays())  # the first call makes buffers
        return encoder

    @property
    def dim(self) -> int:
        """Dimensions of a direction."""
        return int(self._vectors.shape[1])

    def encode(self, recent: I32, current: NDArray[np.bool_], end: NDArray[np.integer]) -> F32:
        """Where sessions point: float32[n, d], unit length; zeros without a play to read.

        Shapes:
            recent: int32[n, r] item rows, newest first, -1 padded; current: bool[n, r]; end: [n, r]
        """
        directions = np.zeros((len(recent), self.dim), dtype=np.float32)
        plays = read_plays(
            recent,
            current,
            end,
            plays_max=self._plays_max,
            reads_history=self._reads_history,
        )
        if len(plays.sessions):
            feed = {
                "vectors": self._vectors[plays.rows],
                "action": plays.action,
                "lengths": plays.lengths,
            }
            (directions[plays.sessions],) = self._session.run(["direction"], feed)
        return directions


def _check_golden(folder: ModelFolder, session: ort.InferenceSession) -> None:
    """Where the trained definition pointed, this machine's graph must point too."""
    with np.load(io.BytesIO(folder.file(GOLDEN)), allow_pickle=False) as stored:
        if "encoder_direction" not in stored:
            return  # a folder of before encoders had any
        golden = {name: stored[f"encoder_{name}"] for name in (*INPUTS, "direction")}
    expected = golden.pop("direction")
    (direction,) = session.run(["direction"], golden)
    drift = float(np.abs(direction - expected).max(initial=0))
    if not drift <= GOLDEN_DRIFT_MAX:  # a NaN is refused too
        raise Refused(
            f"{folder.path}: {ENCODER} is {drift:.2g} away from its golden vectors, at most"
            f" {GOLDEN_DRIFT_MAX:g} is rounding; export the model again"
        )


def _some_plays() -> tuple[I32, NDArray[np.bool_], I32]:
    shape = (1, 2)
    return np.zeros(shape, np.int32), np.ones(shape, bool), np.zeros(shape, np.int32)
