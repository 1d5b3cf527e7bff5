"""A version as an MLflow run: the folder as artifacts, its figures as metrics, its facts as params.

For teams whose overview is MLflow. Segue's own registry stays the truth: workers follow that one.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from models.registry.figures import flatten
from service.core.errors import Refused, Unavailable
from service.core.manifest import Manifest

_KEY: Final = re.compile(r"[^\w\-. :/]")
_PARAM_MAX: Final = 6000
ARTIFACTS: Final = "model"


def export_mlflow(folder: Path, manifest: Manifest, uri: str) -> str:
    """Log a fetched version as a run of the experiment that is named like the model.

    Exporting the same version again finds the run that is there.

    Args:
        folder: The version's folder, fetched and checked.
        manifest: What it says of itself.
        uri: The tracking URI: `http://...`, `sqlite:///...`, or a folder as `file:...`.

    Returns:
        The run's id.

    Raises:
        Refused: MLflow is not installed.
        Unavailable: The tracking store did not take it.
    """
    client, failure = _client(uri)
    try:
        experiment = _experiment(client, manifest.name)
        named = f"tags.`segue.version` = '{manifest.version}' and attributes.status = 'FINISHED'"
        found = client.search_runs([experiment], named, max_results=1)
        return str(found[0].info.run_id) if found else _log(client, experiment, folder, manifest)
    except failure as error:
        raise Unavailable(f"mlflow at {uri}: {error}; nothing else was changed") from error


def _client(uri: str) -> tuple[Any, type[Exception]]:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    if uri.startswith("file:") or "://" not in uri:
        # MLflow asks for this consent since it prefers databases; who names a folder wants one.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        from mlflow import MlflowClient  # noqa: PLC0415 - optional, and slow to import
        from mlflow.exceptions import MlflowException  # noqa: PLC0415
    except ImportError as error:
        raise Refused(f"MLflow is not installed ({error}): pip install 'segue[mlflow]'") from error
    try:
        return MlflowClient(tracking_uri=uri), MlflowException
    except MlflowException as error:
        raise Unavailable(f"mlflow at {uri}: {error}") from error


def _experiment(client: Any, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _log(client: Any, experiment: str, folder: Path, manifest: Manifest) -> str:
    tags = {"segue.name": manifest.name, "segue.version": manifest.version}
    run: str = client.create_run(experiment, run_name=manifest.version, tags=tags).info.run_id
    try:
        for key, text in _params(manifest):
            client.log_param(run, key, text[:_PARAM_MAX])
        for key, figure in flatten(manifest.metrics).items():
            if isinstance(figure, int | float) and not isinstance(figure, bool):
                client.log_metric(run, _KEY.sub("_", key), figure)
        client.log_artifacts(run, str(folder), ARTIFACTS)
    except BaseException:
        client.set_terminated(run, "FAILED")  # a half run must not pass for a whole one
        raise
    client.set_terminated(run)
    return run


def _params(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield "heads", ",".join(manifest.heads)
    yield "blocks", ",".join(manifest.blocks)
    for field in ("seed", "opset", "item_space", "feature_schema", "trained_on"):
        yield field, str(getattr(manifest, field))
