"""The gate on files: model folders, or a champion's recorded figures."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.evaluation.exposures import ExposureSet
from models.evaluation.gate import Tolerances, Verdict, judge
from models.evaluation.head_quality import HeadQuality, measure
from models.evaluation.latency_ratio import latency_ratio
from service.adapters.onnx import FILE, OnnxScorer
from service.core.errors import Refused


@dataclass(frozen=True)
class Measured:
    """A ranker on the set; without a scorer if only its figures were kept."""

    quality: HeadQuality
    scorer: OnnxScorer | None


def gate_files(
    candidate: Path, champion: Path, exposed: ExposureSet, tolerances: Tolerances
) -> Verdict:
    """Judge a model folder against a model folder or a file of recorded figures.

    Raises:
        Refused: A folder holds no model that exposures can judge, or the figures are of another
        set.
    """
    for folder in (candidate, champion):
        if (folder / "index").is_dir():
            raise Refused(
                f"{folder} is a session model: judge it on a log of later sessions, --set LOG"
                " --format F"
            )
    mine = measure_folder(candidate, exposed)
    other = measure_folder(champion, exposed) if champion.is_dir() else recorded(champion)
    latency = None
    if mine.scorer and other.scorer:
        latency = latency_ratio(mine.scorer, other.scorer, exposed)
    return judge(mine.quality, other.quality, latency, tolerances)


def measure_folder(folder: Path, exposed: ExposureSet) -> Measured:
    """Load and measure a ranker as the service would load it.

    Raises:
        Refused: There is none that this service could serve.
    """
    scorer = OnnxScorer.load(folder)
    size = (folder / FILE).stat().st_size
    quality = measure(scorer, exposed, version=scorer.model.version, size=size)
    return Measured(quality, scorer)


def recorded(path: Path) -> Measured:
    """Read figures that `record` wrote.

    Raises:
        Refused: The file is missing or holds something else.
    """
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Refused(
            f"{path} is neither a model folder nor recorded figures ({error}); write figures with"
            " `segue evaluate gate --record`"
        ) from error
    return Measured(HeadQuality.from_record(told), None)


def record(quality: HeadQuality, path: Path) -> None:
    """Write figures for later comparisons."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(quality.record()) + "\n")
