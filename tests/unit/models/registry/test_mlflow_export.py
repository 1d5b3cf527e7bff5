"""A version in MLflow's own file store, read back by MLflow's own client."""

from pathlib import Path

import pytest
from obstore.store import MemoryStore

from models.registry.mlflow_export import export_mlflow
from models.registry.publish import publish
from service.adapters.model_registry import ModelRegistry
from service.adapters.signing import TrustedKeys
from service.core.errors import Unavailable
from service.core.manifest import Manifest
from tests.model_folders import NAME, make_folder

mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")


@pytest.fixture
def fetched(tmp_path: Path) -> tuple[Path, Manifest]:
    store = MemoryStore()
    version = publish(make_folder(tmp_path / "m", seed=5), store, NAME).version
    registry = ModelRegistry(store, tmp_path / "cache", trusted=TrustedKeys({}))
    return registry.fetch(NAME, version), registry.manifest(NAME, version)


def test_files_metrics_and_parameters_are_read_back(
    fetched: tuple[Path, Manifest], tmp_path: Path
) -> None:
    folder, manifest = fetched
    uri = f"file:{tmp_path / 'runs'}"
    run_id = export_mlflow(folder, manifest, uri)
    client = mlflow.MlflowClient(tracking_uri=uri)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/skip/auc"] == 0.75
    assert run.data.params["seed"] == "5"
    assert run.data.params["heads"] == "skip,like"
    assert run.data.tags["segue.version"] == manifest.version
    assert client.get_experiment(run.info.experiment_id).name == NAME
    kept = Path(client.download_artifacts(run_id, "model", str(tmp_path)))
    assert (kept / "ranker.onnx").read_bytes() == (folder / "ranker.onnx").read_bytes()
    assert (kept / "index" / "index.json").is_file()
    assert export_mlflow(folder, manifest, uri) == run_id, "a second time, it is there"


def test_a_tracking_store_that_cannot_be_is_told(fetched: tuple[Path, Manifest]) -> None:
    with pytest.raises(Unavailable, match="mlflow at ftp://nowhere"):
        export_mlflow(*fetched, "ftp://nowhere")
