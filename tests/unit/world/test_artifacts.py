"""The committed model and vectors: small, of this very service, and better than popularity."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from loadtest.world.arms import Arm, OracleArm, PopularArm, RandomArm, SegueArm
from loadtest.world.build import (
    ARTIFACT,
    build_world_catalog,
    load_vectors,
    save_vectors,
)
from loadtest.world.catalogue import World, make_world
from loadtest.world.closed_loop import compare
from loadtest.world.rounds import play_round
from loadtest.world.training import RANKER, Extent, train_world
from models.ranker import HEADS, HIDDEN, TYPES, Ranker
from service.adapters.catalog import read_catalog
from service.adapters.onnx import OnnxScorer
from service.core.errors import Refused
from service.core.features import CANDIDATE_FEATURES, FEATURE_SCHEMA, SESSION_FEATURES
from service.ranking import Ranking
from service.sources import default_sources


def test_the_committed_artefacts_are_small() -> None:
    assert ARTIFACT.stat().st_size < 1.5e6
    assert (RANKER / "ranker.onnx").stat().st_size < 1e6


def test_the_committed_ranker_was_trained_on_our_features() -> None:
    manifest = json.loads((RANKER / "manifest.json").read_text())
    assert manifest["feature_schema"] == FEATURE_SCHEMA, "run `segue train world` and commit"
    assert OnnxScorer.load(RANKER).model.version == manifest["version"]


def test_the_recorded_figures_beat_popularity_on_every_log_and_head() -> None:
    metrics = json.loads((RANKER / "manifest.json").read_text())["metrics"]
    metrics.pop("own_slates_by_type", None)  # of a calibration after training: it has no rival
    assert set(metrics) == {"mixed_policy", "own_slates_1", "own_slates_2", "own_slates_3"}
    for figures in metrics.values():
        for head, ours in figures["ranker"].items():
            assert ours["auc"] > figures["popularity"][head]["auc"]
            assert ours["log_loss"] < figures["popularity"][head]["log_loss"]
    for ours in metrics["mixed_policy"]["ranker"].values():
        assert ours["ece"] < 0.02


def test_the_world_is_built_within_five_seconds_and_read_back(tmp_path: Path) -> None:
    begin = time.perf_counter()
    world = build_world_catalog(tmp_path)
    assert time.perf_counter() - begin < 15  # 4 s alone; other tests may run beside it
    table = read_catalog(tmp_path).table
    assert len(table) == len(world)
    assert (np.abs(table.vectors).sum(axis=1) > 0).mean() > 0.95
    has_one = table.neighbours[:, 0] >= 0
    first = table.neighbours[has_one, 0]
    assert (table.content_type[first] == table.content_type[has_one]).all()


def test_vectors_bring_items_of_one_genre_together(world: World) -> None:
    music = np.flatnonzero((world.table.content_type == 0) & (world.table.neighbours[:, 9] >= 0))
    near = world.table.neighbours[music, :10]
    assert (world.genre[near] == world.genre[music][:, None]).mean() > 0.6


def test_listeners_like_the_service_better_than_the_charts(world: World) -> None:
    ranking = Ranking(world.table, default_sources(world.table), OnnxScorer.load(RANKER))
    arms: dict[str, Arm] = {
        "random": RandomArm(world, 7),
        "popular": PopularArm(world),
        "segue": SegueArm(ranking),
        "oracle": OracleArm(world),
    }
    figures = compare(world, arms, listeners=24, seed=7)
    skips = {name: figures[name]["skip_rate"] for name in arms}
    assert skips["segue"]["high"] < skips["popular"]["low"]
    assert figures["segue"]["affinity"]["low"] > figures["popular"]["affinity"]["high"]
    assert skips["oracle"]["high"] < skips["segue"]["low"]
    assert skips["popular"]["mean"] < skips["random"]["mean"]


def test_vectors_of_another_world_are_refused(tmp_path: Path, small_world: World) -> None:
    path = tmp_path / "vectors.npz"
    save_vectors(path, np.eye(len(small_world), 64, dtype=np.float32), small_world.table)
    with pytest.raises(Refused, match=r"vectors of world-7-0\.1, the world is world-7-1"):
        load_vectors(path, make_world().table)
    with pytest.raises(Refused, match="no item vectors at"):
        load_vectors(tmp_path / "none.npz", small_world.table)


def test_stored_vectors_lose_next_to_nothing(tmp_path: Path, small_world: World) -> None:
    draws = np.random.default_rng(0).normal(size=(len(small_world), 64)).astype(np.float32)
    vectors = draws / np.linalg.norm(draws, axis=1, keepdims=True)
    back = save_vectors(tmp_path / "vectors.npz", vectors, small_world.table)
    assert (vectors * back).sum(axis=1).min() > 0.999


def test_a_round_makes_examples_of_served_items_alone(world: World) -> None:
    features = len(SESSION_FEATURES), len(CANDIDATE_FEATURES)
    examples = play_round(world, untrained(*features), 9, listeners=4)
    assert len(examples) == 4 * 2 * 3 * 4  # listeners, sessions, slates, plays of each
    assert (np.diff(examples.at_ms) >= 0).all()


def test_the_whole_recipe_runs_and_its_model_is_one_the_service_loads(tmp_path: Path) -> None:
    extent = Extent(listeners=40, days=10, rounds=1, round_listeners=16, scale=0.1)
    report = train_world(tmp_path / "ranker", tmp_path / "vectors.npz", extent=extent)
    assert set(report) == {"mixed_policy", "own_slates_1"}
    assert OnnxScorer.load(tmp_path / "ranker").model.name == "segue-mlp"


def untrained(users: int, cands: int) -> Ranker:
    """A ranker that says one half to everything."""
    (h1, h2), heads = HIDDEN, len(HEADS)
    zeros = {"user_mean": users, "cand_mean": cands, "b1": h1, "b2": h2, "b3": heads}
    ones = {"user_spread": users, "cand_spread": cands, "slope": (TYPES, heads)}
    grids = {"w_user": (users, h1), "w_cand": (cands, h1), "w2": (h1, h2), "w3": (h2, heads)}
    shapes = {**zeros, **grids, "offset": (TYPES, heads)}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    arrays |= {name: np.ones(shape, np.float32) for name, shape in ones.items()}
    return Ranker(**arrays)
