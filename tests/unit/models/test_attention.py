"""Target attention: numpy, JAX and ONNX agree, batches do not matter, it learns what is near."""

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import pytest

from models.fit_choices import ChoiceRecipe, fit_choices
from models.graph import to_onnx
from models.initial import initial_ranker, with_attention
from models.jax_ranker import jax_score
from models.ranker import Ranker
from models.ring_rows import RingRows
from service.core.features import Features, Ring
from service.core.memory import PlayEnd
from service.core.sessions import unit
from tests.unit.models.test_fit_choices import Chosen

DIM = 8


def some_features(sessions: int, per_session: int, seed: int = 3) -> Features:
    draws = np.random.default_rng(seed)
    rows = sessions * per_session
    says = draws.integers(-1, 2, (sessions, 20))
    says[0] = 1  # nothing bad
    ring = Ring(
        unit(draws.normal(size=(rows, DIM)).astype(np.float32)),
        unit(draws.normal(size=(sessions, 20, DIM)).astype(np.float32)),
        (says > 0).astype(np.float32),
        (says < 0).astype(np.float32),
    )
    return Features(
        draws.normal(size=(sessions, 13)).astype(np.float32),
        np.repeat(np.arange(sessions, dtype=np.int32), per_session),
        draws.normal(size=(rows, 44)).astype(np.float32),
        draws.integers(0, 4, rows, dtype=np.uint8),
        ring,
    )


@pytest.fixture(scope="module")
def ranker() -> Ranker:
    asked = some_features(16, 20)
    draws = np.random.default_rng(0)
    plain = initial_ranker(asked.user, asked.candidate, draws)
    return with_attention(plain.with_arrays({"w3": 5 * plain.w3}), DIM, draws)


def in_onnx(ranker: Ranker, features: Features) -> np.ndarray:
    graph = ort.InferenceSession(to_onnx(ranker, {}), providers=["CPUExecutionProvider"])
    arrays = features.arrays()
    arrays["cand"] = arrays.pop("candidate")
    (heads,) = graph.run(None, arrays)
    return np.asarray(heads)


@pytest.mark.parametrize(("sessions", "per_session"), [(1, 1), (1, 200), (16, 37), (3, 0)])
def test_numpy_jax_and_onnx_agree(ranker: Ranker, sessions: int, per_session: int) -> None:
    asked = some_features(sessions, per_session)
    expected = ranker.score(asked)
    assert np.abs(in_onnx(ranker, asked) - expected).max(initial=0) <= 1e-5
    assert np.abs(jax_score(ranker, asked) - expected).max(initial=0) <= 1e-5


def test_attention_has_a_say(ranker: Ranker) -> None:
    asked = some_features(4, 30)
    assert asked.ring is not None
    swapped = replace(asked, ring=replace(asked.ring, good=asked.ring.bad, bad=asked.ring.good))
    assert np.abs(ranker.score(asked) - ranker.score(swapped)).max() > 0.01


@pytest.mark.parametrize("per_session", [1, 64, 200])
def test_a_session_alone_scores_bit_for_bit_as_in_a_batch(ranker: Ranker, per_session: int) -> None:
    asked = some_features(8, per_session)
    together, plain = in_onnx(ranker, asked), ranker.score(asked)
    for session in range(8):
        mine, here = asked.owner == session, slice(session, session + 1)
        assert asked.ring is not None
        ring = Ring(
            asked.ring.items[mine],
            asked.ring.plays[here],
            asked.ring.good[here],
            asked.ring.bad[here],
        )
        owner = np.zeros(per_session, np.int32)
        alone = Features(asked.user[here], owner, asked.candidate[mine], asked.kind[mine], ring)
        assert (in_onnx(ranker, alone) == together[mine]).all()
        assert (ranker.score(alone) == plain[mine]).all()


def near_the_good_play(queries: int, seed: int) -> tuple[Chosen, RingRows]:
    """Nothing but vectors tells: next is the candidate nearest to the play that went well."""
    draws = np.random.default_rng(seed)
    vectors = unit(draws.normal(size=(200, DIM)).astype(np.float32))
    items = draws.integers(0, 200, queries * 12).astype(np.int32)
    plays = draws.integers(0, 200, (queries, 20)).astype(np.int32)
    end = np.full((queries, 20), PlayEnd.SKIPPED)
    good = draws.integers(0, 20, queries)
    end[np.arange(queries), good] = PlayEnd.COMPLETED
    wanted = vectors[plays[np.arange(queries), good]]
    near = np.einsum("qwd,qd->qw", vectors[items].reshape(queries, 12, DIM), wanted)
    features = draws.normal(size=(len(items), 3)).astype(np.float32)
    starts = 12 * np.arange(queries + 1)
    return Chosen(features, starts, near.argmax(axis=1)), RingRows.of(vectors, items, plays, end)


def test_it_learns_to_look_for_what_went_well() -> None:
    examples, ring = near_the_good_play(3000, 0)
    ranker = fit_choices(
        examples, ChoiceRecipe(hidden=(32, 16), epochs=6, rate=1e-2), seed=0, ring=ring
    )
    assert ranker.blocks == ("evidence", "ring")
    test, held = near_the_good_play(300, 0)
    batch = held.batch(np.arange(300), np.arange(3600).reshape(300, 12))
    features = Features(
        np.empty((300, 0), np.float32),
        np.repeat(np.arange(300, dtype=np.int32), 12),
        test.features.astype(np.float32),
        np.zeros(3600, np.uint8),
        Ring(batch.items.reshape(-1, DIM), batch.plays, batch.good, batch.bad),
    )
    best = ranker.logits(features).reshape(300, 12).argmax(axis=1)
    assert (best == test.target_at).mean() > 0.5  # one in twelve by chance
