"""The gate on the shipped ranker: equal ones pass, worse ones fail and are told why."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from typer.testing import CliRunner

from loadtest.commands_world import evaluate
from loadtest.world.gate_set import gate_set, gate_world
from loadtest.world.training import RANKER
from models.evaluation.exposures import ExposureSet
from models.evaluation.gate import Tolerances, judge
from models.evaluation.gate_files import gate_files, measure_folder, recorded
from service.core.errors import Refused
from service.core.items import F32

RECORD = RANKER.parent / "gate.json"
BUSY = Tolerances(latency_ratio=3.0)
"""Tests share the machine: only a ranker that is far slower may fail here."""

CALIBRATION = {"platt_a", "platt_c", "slope", "offset"}
Change = Callable[[str, F32], F32]


@pytest.fixture(scope="module")
def exposures() -> ExposureSet:
    return gate_set(gate_world())


def changed(folder: Path, change: Change) -> Path:
    """A copy of the shipped ranker with other parameters, signed off in its manifest."""
    model = onnx.load(RANKER / "ranker.onnx")
    for at, parameter in enumerate(model.graph.initializer):
        array = change(parameter.name, numpy_helper.to_array(parameter))
        model.graph.initializer[at].CopyFrom(
            numpy_helper.from_array(array.astype(np.float32), parameter.name)
        )
    graph = model.SerializeToString()
    manifest = json.loads((RANKER / "manifest.json").read_text())
    digest = sha256(graph).hexdigest()
    told = {**manifest, "sha256": {"ranker.onnx": digest}, "version": digest[:12]}
    folder.mkdir()
    (folder / "ranker.onnx").write_bytes(graph)
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def slightly(_name: str, array: F32) -> F32:
    draws = np.random.default_rng(0)
    return np.asarray(array * (1 + 1e-4 * draws.standard_normal(array.shape)), np.float32)


def last_layer_shuffled(name: str, array: F32) -> F32:
    return np.random.default_rng(0).permutation(array) if name == "w3" else array


def overconfident(name: str, array: F32) -> F32:
    return array * 2.5 if name in CALIBRATION else array


def test_the_shipped_ranker_may_replace_itself(exposures: ExposureSet) -> None:
    verdict = gate_files(RANKER, RANKER, exposures, BUSY)
    assert verdict.passed, verdict.reasons
    assert verdict.evidence["quality"]["order"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert 0.3 < verdict.evidence["latency"]["ratio"] < 3


def test_a_ranker_changed_by_a_ten_thousandth_passes(
    exposures: ExposureSet, tmp_path: Path
) -> None:
    verdict = gate_files(changed(tmp_path / "near", slightly), RANKER, exposures, BUSY)
    assert verdict.passed, verdict.reasons
    assert verdict.candidate != verdict.champion
    assert any(found["value"] != 0 for found in verdict.evidence["quality"].values())


def test_a_shuffled_last_layer_fails_on_quality(exposures: ExposureSet, tmp_path: Path) -> None:
    worse = changed(tmp_path / "worse", last_layer_shuffled)
    verdict = gate_files(worse, RANKER, exposures, BUSY)
    assert any(reason.startswith("order is worse") for reason in verdict.reasons)
    assert any(reason.startswith("loss_skip is worse") for reason in verdict.reasons)


def test_an_overconfident_ranker_fails_on_calibration(
    exposures: ExposureSet, tmp_path: Path
) -> None:
    verdict = gate_files(changed(tmp_path / "sure", overconfident), RANKER, exposures, BUSY)
    assert any(reason.startswith("calibration of skip") for reason in verdict.reasons)


def test_the_command_writes_the_verdict_and_fails_with_it(
    exposures: ExposureSet, tmp_path: Path
) -> None:
    exposures.save(tmp_path / "set.npz")
    worse = changed(tmp_path / "worse", last_layer_shuffled)
    out = tmp_path / "deep" / "gate.json"
    fixed = ["--set", str(tmp_path / "set.npz"), "--out", str(out), "--latency-ratio", "3"]
    failed = CliRunner().invoke(evaluate, ["gate", str(worse), str(RANKER), *fixed])
    assert failed.exit_code == 1
    told: dict[str, Any] = json.loads(failed.stdout.splitlines()[-1])
    assert told["passed"] is False
    assert told == json.loads(out.read_text())
    equal = CliRunner().invoke(evaluate, ["gate", str(RANKER), str(RANKER), *fixed])
    assert equal.exit_code == 0
    assert json.loads(out.read_text())["passed"] is True
    nothing = CliRunner().invoke(evaluate, ["gate", str(tmp_path), str(RANKER), *fixed])
    assert nothing.exit_code == 1
    assert "no model in" in nothing.stderr


def test_the_shipped_ranker_is_no_worse_than_the_recorded_champion(exposures: ExposureSet) -> None:
    champion = recorded(RECORD).quality
    assert champion.set_digest == exposures.digest, (
        "the world's listeners do other things now: `segue evaluate gate models/artifacts/ranker"
        " --record models/artifacts/gate.json`, and commit"
    )
    verdict = judge(measure_folder(RANKER, exposures).quality, champion, None, Tolerances())
    assert verdict.passed, verdict.reasons


def test_figures_of_other_exposures_are_refused(exposures: ExposureSet) -> None:
    few = slice(0, 700)
    fewer = ExposureSet(exposures.examples.where(few), exposures.listener[few])
    with pytest.raises(Refused, match="record the champion again"):
        judge(measure_folder(RANKER, fewer).quality, recorded(RECORD).quality, None, Tolerances())
    with pytest.raises(Refused, match="neither a model folder nor recorded figures"):
        recorded(Path("nowhere.json"))
