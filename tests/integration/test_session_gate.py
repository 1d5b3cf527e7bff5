"""The gate on session models: a stale or a foreign index is a worse model, whatever ranks it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loadtest.commands_world import evaluate
from models.evaluation.gate import Tolerances, Verdict
from models.evaluation.gate_files import gate_files
from models.evaluation.session_gate import gate_sessions
from models.initial import initial_ranker
from models.ranker import Ranker
from models.sessions.bases import Bases
from models.sessions.encoder import ACTIONS, Encoder
from models.sessions.folder import About, write_folder
from models.sessions.index import build_index
from models.sessions.queries import every_prefix
from models.sessions.ranker_examples import find
from models.sessions.read import SessionLog, session_log
from models.sessions.recipe import DEFAULT
from models.sessions.recommender import SessionRecommender
from service.core.errors import Refused
from service.core.retrieval.evidence import EVIDENCE_FEATURES

ITEMS, DIM = 400, 16
BUSY = Tolerances(latency_ratio=4.0)
"""Tests share the machine: only a model that is far slower may fail here."""
Made = Callable[[str], Path]


def walks(count: int, step: int, seed: int) -> list[list[int]]:
    """Sessions in which item i is followed by i + step, one play in five astray."""
    draws = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        walk = (draws.integers(ITEMS) + step * np.arange(6)) % ITEMS
        astray = draws.random(6) < 0.2
        found.append(np.where(astray, draws.integers(0, ITEMS, 6), walk).tolist())
    return found


def encoder() -> Encoder:
    """Points at the newest play; what listeners do is the index's to know."""
    table = np.random.default_rng(0).normal(size=(ITEMS + 1, DIM)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    table[-1] = 0
    nothing = np.zeros((DIM, 3 * DIM), np.float32)
    return Encoder(
        table=table,
        w_x=nothing,
        w_h=nothing,
        b_x=nothing[0],
        b_h=nothing[0],
        w_out=nothing[:, :DIM],
        w_last=np.eye(DIM, dtype=np.float32),
        actions=np.zeros((ACTIONS, DIM), np.float32),
        reads_history=False,
    )


def by_evidence(bases: Bases, log: SessionLog, wanted: tuple[str, ...]) -> Ranker:
    """A ranker by hand: the sum of some columns of evidence, the first weighing most."""
    queries = every_prefix(log, bases.encoder).take(slice(0, 200))
    features = np.concatenate([found.features for found in find(bases, queries, DEFAULT)])
    nobody = np.zeros((len(features), 0), np.float32)
    ranker = initial_ranker(
        nobody,
        features,
        np.random.default_rng(1),
        heads=("next",),
        blocks=("evidence",),
        hidden=(8, 8),
    )
    w_cand, w2, w3 = (np.zeros_like(array) for array in (ranker.w_cand, ranker.w2, ranker.w3))
    for place, name in enumerate(wanted):
        w_cand[EVIDENCE_FEATURES.index(name), 0] = 1 / (1 + place)
    w2[0, 0] = w3[0, 0] = 1
    arrays = {"w_cand": w_cand, "b1": np.full(8, 8, np.float32), "w2": w2, "w3": w3}
    return ranker.with_arrays({**arrays, "b3": np.array([-14.0], np.float32)})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Folders by name, each written once."""
    kinds = np.zeros(ITEMS, np.uint8)
    old, new = walks(500, 1, 1), walks(500, 7, 2)
    logs = {"stale": session_log(old), "fresh": session_log(old + new)}
    scrambled = np.random.default_rng(3).permutation(ITEMS)
    logs["foreign"] = session_log([scrambled[one].tolist() for one in old + new])
    bases = {
        name: Bases(
            encoder(), build_index(log, encoder().items, kinds, DEFAULT.neighbours), log, DEFAULT
        )
        for name, log in logs.items()
    }
    ranker = by_evidence(bases["fresh"], logs["fresh"], ("hybrid", "follows_share", "soon_all"))
    rankers = dict.fromkeys(logs, ranker)
    rankers["by popularity"] = by_evidence(bases["fresh"], logs["fresh"], ("popular",))
    bases["by popularity"] = bases["fresh"]
    root = tmp_path_factory.mktemp("models")
    names = [str(row) for row in range(ITEMS)]
    for name, one in rankers.items():
        about = About(names, "space", name, 0, {})
        write_folder(SessionRecommender(bases[name], one, kinds, DEFAULT), root / name, about)
    lines = [" ".join(map(str, one)) for one in walks(80, 7, 9)]
    (root / "later.txt").write_text("\n".join(lines) + "\n")
    return lambda name: root / name


def verdict(made: Made, candidate: str) -> Verdict:
    log = made("later.txt"), "lines"
    return gate_sessions(made(candidate), made("fresh"), log, BUSY)


def test_an_equal_session_model_passes(made: Made) -> None:
    found = verdict(made, "fresh")
    assert found.passed, found.reasons
    assert found.evidence["quality"]["hr@20"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found.evidence["figures"]["champion"]["hr@20"] > 0.5
    assert found.evidence["sessions"] == 80
    assert found.evidence["predictions"] == 80 * 5


@pytest.mark.parametrize("index", ["stale", "foreign"])
def test_a_stale_or_foreign_index_fails_under_the_same_ranker(made: Made, index: str) -> None:
    found = verdict(made, index)
    assert not found.passed
    assert any(reason.startswith("hr@20 is worse") for reason in found.reasons)


def test_a_worse_ranker_fails_over_the_same_index(made: Made) -> None:
    found = verdict(made, "by popularity")
    assert any(reason.startswith("mrr@20 is worse") for reason in found.reasons)


def test_the_command_judges_session_models_on_a_log(made: Made, tmp_path: Path) -> None:
    later, out = str(made("later.txt")), str(tmp_path / "gate.json")
    fixed = ["--set", later, "--format", "lines", "--out", out, "--latency-ratio", "4"]
    failed = CliRunner().invoke(evaluate, ["gate", str(made("stale")), str(made("fresh")), *fixed])
    assert failed.exit_code == 1
    assert json.loads(failed.stdout.splitlines()[-1])["passed"] is False
    passed = CliRunner().invoke(evaluate, ["gate", str(made("fresh")), str(made("fresh")), *fixed])
    assert passed.exit_code == 0
    assert json.loads(Path(out).read_text())["passed"] is True


def test_a_session_model_is_not_judged_on_exposures(made: Made) -> None:
    with pytest.raises(Refused, match="is a session model: judge it on a log"):
        gate_files(made("fresh"), made("fresh"), None, replace(BUSY))  # type: ignore[arg-type]
