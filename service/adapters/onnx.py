"""The ranker in ONNX Runtime: one call for all candidates of a poll.

Refuses the wrong model at start: the manifest must carry the file's hash and the feature schema
that this service computes. Loaded from bytes, so that what was hashed is what runs.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import onnxruntime as ort

from service.core.errors import Refused
from service.core.features import CANDIDATE_FEATURES, FEATURE_SCHEMA, SESSION_FEATURES, Features
from service.core.items import F32
from service.core.slates import Model

FILE: Final = "ranker.onnx"
HEADS: Final = ("skip", "complete", "like")
MODEL_MAX_BYTES: Final = 64 * 1024 * 1024
WARM_UP_ROWS: Final = (1, 20, 200, 500)


class OnnxScorer:
    """A scorer loaded from a model folder.

    Candidates do not see each other: a score depends on the session and that candidate only, so
    batch size and order never change it.
    """

    def __init__(self, session: ort.InferenceSession, model: Model) -> None:
        self._session = session
        self._model = model

    @classmethod
    def load(cls, folder: Path, variant: str = "champion") -> Self:
        """Load `ranker.onnx`, after checking it against `manifest.json`.

        Raises:
            Refused: A file is missing, was changed after it was signed off, or expects other
            features.
        """
        manifest, graph = _read(folder)
        _check(folder, manifest, graph)
        scorer = cls(
            ort.InferenceSession(graph, _options(), providers=["CPUExecutionProvider"]),
            Model(manifest["name"], manifest["version"], variant),
        )
        scorer._warm_up()
        return scorer

    @property
    def model(self) -> Model:
        """Name, version and variant."""
        return self._model

    def score(self, features: Features) -> F32:
        """Score all candidates.

        Shapes:
            user float32[B, Fu], owner int32[M], candidate float32[M, Fc] -> float32[M, 3]
        """
        if not len(features.owner):
            return np.empty((0, len(HEADS)), dtype=np.float32)
        feed = {"user": features.user, "owner": features.owner, "cand": features.candidate}
        (heads,) = self._session.run(["heads"], feed)
        assert isinstance(heads, np.ndarray), type(heads)
        assert heads.shape == (len(features.owner), len(HEADS)), heads.shape
        return heads

    def _warm_up(self) -> None:
        """Run the sizes that will come, so that the first listener does not pay for them."""
        for rows in WARM_UP_ROWS:
            self.score(
                Features(
                    np.zeros((1, len(SESSION_FEATURES)), np.float32),
                    np.zeros(rows, np.int32),
                    np.zeros((rows, len(CANDIDATE_FEATURES)), np.float32),
                )
            )


def _read(folder: Path) -> tuple[dict[str, Any], bytes]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        graph = (folder / FILE).read_bytes()
    except (OSError, ValueError) as error:
        raise Refused(
            f"no model in {folder} ({error}); train one with `segue train world`"
        ) from error
    return manifest, graph


def _check(folder: Path, manifest: dict[str, Any], graph: bytes) -> None:
    if len(graph) > MODEL_MAX_BYTES:
        raise Refused(f"{folder / FILE}: {len(graph)} bytes, at most {MODEL_MAX_BYTES} are loaded")
    if manifest.get("sha256", {}).get(FILE) != sha256(graph).hexdigest():
        raise Refused(
            f"{folder / FILE} is not the file its manifest names; restore it or export again"
        )
    if manifest.get("feature_schema") != FEATURE_SCHEMA:
        raise Refused(
            f"{folder}: trained on feature schema {str(manifest.get('feature_schema'))[:12]}, this"
            f" service computes {FEATURE_SCHEMA[:12]}; train and export again, or run the service"
            " it was made for"
        )
    if tuple(manifest.get("heads", ())) != HEADS:
        raise Refused(f"{folder}: heads {manifest.get('heads')}, this service reads {list(HEADS)}")


def _options() -> ort.SessionOptions:
    """One thread that never spins: a worker is a process per core, and idle cores stay idle."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # shapes differ from poll to poll
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options
