"""The ranker: numpy, JAX and ONNX agree; scores do not depend on the batch; it learns."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from models.dataset import Examples
from models.export import FILE, GOLDEN, export
from models.fit import calibrate, fit_ranker
from models.jax_ranker import jax_score
from models.metrics import auc, calibration_error
from models.ranker import HEADS, Ranker
from models.train import predict
from service.adapters.onnx import OnnxScorer
from service.core.errors import Refused
from service.core.features import CANDIDATE_FEATURES, FEATURE_SCHEMA, SESSION_FEATURES, Features

USERS, CANDS = len(SESSION_FEATURES), len(CANDIDATE_FEATURES)


def some_examples(count: int, seed: int) -> Examples:
    """Labels that depend on one user feature and one candidate feature."""
    draws = np.random.default_rng(seed)
    user = draws.normal(size=(count, USERS)).astype(np.float32)
    cand = draws.normal(size=(count, CANDS)).astype(np.float32)
    logits = 2.0 * cand[:, 0] + user[:, 1]
    skip = draws.random(count) < 1 / (1 + np.exp(logits))
    like = draws.random(count) < 0.2 / (1 + np.exp(-logits))
    labels = np.stack([skip, ~skip, like], axis=1).astype(np.float32)
    rows = np.zeros(count, dtype=np.int32)
    kind = draws.integers(0, 4, count, dtype=np.uint8)
    return Examples(user, cand, labels, rows, np.arange(count, dtype=np.int64), kind, rows - 1)


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    return calibrate(fit_ranker(some_examples(16384, 0), seed=1, epochs=12), some_examples(4096, 1))


@pytest.fixture(scope="module")
def scorer(ranker: Ranker, tmp_path_factory: pytest.TempPathFactory) -> OnnxScorer:
    folder = tmp_path_factory.mktemp("ranker")
    export(ranker, folder, window="a test", seed=1, metrics={})
    return OnnxScorer.load(folder)


def requests(users: int, per_user: int, seed: int = 5) -> Features:
    draws = np.random.default_rng(seed)
    return Features(
        draws.normal(size=(users, USERS)).astype(np.float32),
        np.repeat(np.arange(users, dtype=np.int32), per_user),
        draws.normal(scale=3, size=(users * per_user, CANDS)).astype(np.float32),
        draws.integers(0, 4, users * per_user, dtype=np.uint8),
    )


def of_user(asked: Features, user: int) -> Features:
    mine = asked.owner == user
    owner = np.zeros(int(mine.sum()), np.int32)
    return Features(asked.user[user : user + 1], owner, asked.candidate[mine], asked.kind[mine])


def test_it_learns_what_the_labels_depend_on(ranker: Ranker) -> None:
    test = some_examples(4096, 2)
    heads = predict(ranker, test)
    assert auc(heads[:, 0], test.labels[:, 0]) > 0.8
    assert calibration_error(heads[:, 0], test.labels[:, 0]) < 0.03


@pytest.mark.parametrize(("users", "per_user"), [(1, 1), (1, 200), (16, 37), (3, 0)])
def test_numpy_jax_and_onnx_agree(
    ranker: Ranker, scorer: OnnxScorer, users: int, per_user: int
) -> None:
    asked = requests(users, per_user)
    expected = ranker.score(asked)
    if per_user:
        in_jax = jax_score(ranker, asked)
        assert np.abs(in_jax - expected).max() <= 1e-5
        assert np.abs(scorer.score(asked) - expected).max() <= 1e-5
    assert scorer.score(asked).shape == (users * per_user, len(HEADS))


def test_owners_may_come_in_any_order(ranker: Ranker, scorer: OnnxScorer) -> None:
    asked = requests(4, 50)
    owner = np.random.default_rng(0).permutation(asked.owner)
    mixed = Features(asked.user, owner, asked.candidate, asked.kind)
    expected = ranker.score(mixed)
    assert np.abs(scorer.score(mixed) - expected).max() <= 1e-5


@pytest.mark.parametrize("per_user", [1, 2, 7, 200, 213])
def test_a_user_alone_scores_bit_for_bit_as_in_a_batch_of_sixteen(
    scorer: OnnxScorer, per_user: int
) -> None:
    asked = requests(16, per_user)
    together = scorer.score(asked)
    for user in range(16):
        assert (scorer.score(of_user(asked, user)) == together[asked.owner == user]).all()


def test_a_subset_of_candidates_scores_bit_for_bit_the_same(scorer: OnnxScorer) -> None:
    asked = requests(1, 200)
    whole = scorer.score(asked)
    few = np.arange(3, 200, 9)
    subset = Features(asked.user, asked.owner[few], asked.candidate[few], asked.kind[few])
    assert (scorer.score(subset) == whole[few]).all()


@pytest.mark.parametrize("per_user", [1, 3, 64, 65, 200])
def test_the_plain_definition_does_not_depend_on_the_batch_either(
    ranker: Ranker, per_user: int
) -> None:
    asked = requests(16, per_user)
    together = ranker.score(asked)
    for user in range(16):
        assert (ranker.score(of_user(asked, user)) == together[asked.owner == user]).all()


def test_calibration_goes_by_content_type(
    ranker: Ranker, scorer: OnnxScorer, tmp_path: Path
) -> None:
    offset = ranker.offset + np.arange(4, dtype=np.float32)[:, None]
    export(ranker.with_arrays({"offset": offset}), tmp_path, window="", seed=1, metrics={})
    asked = requests(1, 40)
    asked = replace(asked, candidate=asked.candidate / np.float32(3))
    here, there = OnnxScorer.load(tmp_path).score(asked), scorer.score(asked)
    moved = np.log(here / (1 - here)) - np.log(there / (1 - there))
    np.testing.assert_allclose(moved, np.repeat(asked.kind[:, None], 3, axis=1), atol=0.02)


def test_what_a_place_did_is_not_put_down_to_the_item() -> None:
    """The old ranker put items with a large column 7 first; whatever was first was liked."""
    examples = some_examples(16384, 0)
    draws = np.random.default_rng(4)
    first = examples.candidate[:, 7] + draws.normal(size=len(examples)) > 0
    like = draws.random(len(examples)) < np.where(first, 0.8, 0.1)
    labels = np.stack([*examples.labels.T[:2], like.astype(np.float32)], axis=1)
    served = replace(examples, labels=labels, slot=np.where(first, 0, 5).astype(np.int32))
    unplaced = replace(served, slot=np.full(len(examples), -1, np.int32))
    asked = some_examples(2048, 2)
    with_place, without = (
        np.polyfit(
            asked.candidate[:, 7],
            fit_ranker(given, seed=1, epochs=16).logits(asked.features)[:, 2],
            deg=1,
        )[0]
        for given in (served, unplaced)
    )
    assert without > 0.7
    assert with_place < without / 2


def spoilt(folder: Path, **arrays: np.ndarray) -> None:
    """Change golden vectors; the manifest is made to agree."""
    with np.load(folder / GOLDEN) as stored:
        np.savez(folder / GOLDEN, **({name: stored[name] for name in stored} | arrays))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"][GOLDEN] = sha256((folder / GOLDEN).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("value", [0.5, np.nan])
def test_a_graph_that_misses_its_golden_vectors_is_refused(
    ranker: Ranker, tmp_path: Path, value: float
) -> None:
    export(ranker, tmp_path, window="a test", seed=1, metrics={})
    with np.load(tmp_path / GOLDEN) as stored:
        heads = stored["heads"]
    OnnxScorer.load(tmp_path)
    spoilt(tmp_path, heads=np.full_like(heads, value))
    with pytest.raises(Refused, match="golden"):
        OnnxScorer.load(tmp_path)


def test_wild_inputs_still_give_probabilities(scorer: OnnxScorer) -> None:
    asked = requests(2, 40)
    wild = Features(asked.user * 1e6, asked.owner, asked.candidate * 1e6, asked.kind)
    heads = scorer.score(wild)
    assert ((heads >= 0) & (heads <= 1)).all()


def test_the_same_examples_and_seed_give_the_same_file(tmp_path: Path) -> None:
    digests = set()
    for name in ("first", "second"):
        again = fit_ranker(some_examples(4096, 0), seed=1, epochs=2)
        path = export(again, tmp_path / name, window="a test", seed=1, metrics={})
        digests.add(sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_the_file_says_what_it_was_trained_on(ranker: Ranker, tmp_path: Path) -> None:
    export(ranker, tmp_path, window="a test", seed=1, metrics={"auc": 0.8})
    session = ort.InferenceSession(tmp_path / FILE, providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert said["feature_schema_sha256"] == manifest["feature_schema"] == FEATURE_SCHEMA
    assert said["heads"] == "skip,complete,like"
    assert said["training_window"] == manifest["trained_on"] == "a test"
    assert said["item_space"] == manifest["item_space"] == "any"
    assert manifest["sha256"][FILE] == sha256((tmp_path / FILE).read_bytes()).hexdigest()
