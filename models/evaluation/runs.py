"""A folder for each run of a train or evaluate command: what went in, what came out.

run.json       name, when, parameters, inputs by hash, versions: where the figures come from
metrics.jsonl  {"name": "stages.ranked.hr@20", "value": 0.26} on each line
plots/*.png

With MLFLOW_TRACKING_URI set, the same goes to MLflow.
"""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from models.evaluation.plots import Curves, draw
from service.core.errors import Refused

ROOT: Final = Path(".segue/runs")
CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Run:
    """One run, as its folder tells it."""

    folder: Path
    told: dict[str, Any]
    metrics: dict[str, float]

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name


def record_run(
    name: str,
    *,
    params: Mapping[str, Any],
    report: Mapping[str, Any],
    inputs: Sequence[Path] = (),
    plots: Mapping[str, Curves] | None = None,
    root: Path = ROOT,
) -> Path:
    """Write the run's folder; every number of the report becomes a metric."""
    began = datetime.now(UTC)
    run_id = f"{began:%Y%m%dT%H%M%S}-{name.replace(' ', '-')}-{uuid4().hex[:6]}"
    told = {
        "name": name,
        "at": began.isoformat(timespec="seconds"),
        "params": {key: str(value) for key, value in params.items()},
        "inputs": [_input(path) for path in inputs],
        "versions": _versions(),
    }
    metrics = dict(numbers(report))
    folder = root / run_id
    folder.mkdir(parents=True)
    lines = (json.dumps({"name": key, "value": value}) for key, value in metrics.items())
    (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    for title, curves in (plots or {}).items():
        draw(curves, folder / "plots" / f"{title}.png")
    (folder / "run.json").write_text(json.dumps(told, indent=1) + "\n")  # last: the run is whole
    if os.environ.get("MLFLOW_TRACKING_URI"):
        from models.evaluation.mlflow_runs import log_to_mlflow  # noqa: PLC0415 - a second to load

        log_to_mlflow(Run(folder, told, metrics))
    return folder


def read_run(folder: Path) -> Run:
    """Read one run back.

    Raises:
        Refused: There is no whole run in the folder.
    """
    try:
        told = json.loads((folder / "run.json").read_text())
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        read = [json.loads(line) for line in lines]
        return Run(folder, told, {one["name"]: float(one["value"]) for one in read})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refused(f"no run in {folder} ({error}); `segue evaluate runs` lists them") from error


def all_runs(root: Path = ROOT) -> list[Run]:
    """Every whole run, newest first."""
    folders = sorted((path.parent for path in root.glob("*/run.json")), reverse=True)
    return [read_run(folder) for folder in folders]


def differences(runs: Sequence[Run]) -> dict[str, list[float | None]]:
    """Metrics that at least two of the runs have, by name, in the order of the runs."""
    names = {name: None for run in runs for name in run.metrics}
    rows = {name: [run.metrics.get(name) for run in runs] for name in names}
    return {
        name: row
        for name, row in rows.items()
        if sum(value is not None for value in row) >= min(2, len(runs))
    }


def numbers(report: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Every number in nested mappings and lists, by its path."""
    if isinstance(report, int | float):  # a bool is an int
        yield name, float(report)
    elif isinstance(report, Mapping):
        for key, value in report.items():
            yield from numbers(value, f"{name}.{key}" if name else str(key))
    elif isinstance(report, list | tuple):
        for at, value in enumerate(report):
            yield from numbers(value, f"{name}.{at}")


def _input(path: Path) -> dict[str, Any]:
    """Name, size and hash of a file; the folder it lies in says nothing elsewhere."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _versions() -> dict[str, str]:
    packages = {name: version(name) for name in ("segue", "numpy", "onnxruntime")}
    return {"python": platform.python_version(), **packages}
