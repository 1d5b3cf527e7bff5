"""The encoder: numpy and JAX agree, and training learns a rule that is there."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from models.sessions.encoder import F32, Encoder
from models.sessions.encoder_batches import Batch, epoch, negatives_law
from models.sessions.encoder_windows import session_weights, windows_of
from models.sessions.fit_encoder import directions, fit_encoder, initial_dense, run_gru, unit
from models.sessions.lazy_adam import LazyAdam
from models.sessions.queries import every_prefix
from models.sessions.read import UNKNOWN, SessionLog, session_log
from models.sessions.recipe import EncoderRecipe
from tests.unit.models.sessions.samples import ITEMS, QUICK, chain_log


def some_encoder(dim: int = 8, *, history: bool = True) -> Encoder:
    draws = np.random.default_rng(3)
    dense = {name: np.asarray(value) for name, value in initial_dense(dim, draws).items()}
    del dense["ends"], dense["earlier"]
    marks = draws.normal(size=(10, dim)).astype(np.float32)
    table = draws.normal(size=(ITEMS + 1, dim)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    table[-1] = 0
    return Encoder(table=table, actions=marks, reads_history=history, **dense)


def encode(encoder: Encoder, recent: list[list[int]], current: int = 50) -> F32:
    """Where rows of plays point, the newest `current` of them of this session, all completed."""
    plays = np.array(recent, dtype=np.int32)
    of_session = np.broadcast_to(np.arange(plays.shape[1]) < current, plays.shape)
    return encoder.encode(plays, of_session, np.full(plays.shape, 3, np.int8))


def test_numpy_equals_jax_play_by_play() -> None:
    encoder, rows = some_encoder(), np.array([[1, 2, 3, 2, 9], [4, 4, 4, 5, 6]])
    fitted = initial_dense(8, np.random.default_rng())
    dense = {n: jnp.asarray(getattr(encoder, n)) for n in fitted if hasattr(encoder, n)}
    x = unit(jnp.asarray(encoder.table[rows])) * np.sqrt(8) + encoder.actions[3]
    expected = np.asarray(directions(dense, run_gru(dense, x), x))[:, -1]
    assert encode(encoder, rows[:, ::-1].tolist()) == pytest.approx(expected, abs=1e-5)


def test_a_session_points_the_same_way_whoever_is_beside_it() -> None:
    encoder = some_encoder()
    alone = encode(encoder, [[3, 2, 1]])
    beside = encode(encoder, [[7, -1, -1], [3, 2, 1], [-1, -1, -1], [5, 5, -1]])
    assert beside[1:2] == pytest.approx(alone, abs=1e-6)
    assert not beside[2].any()


def test_an_encoder_without_history_reads_this_session_alone() -> None:
    alone, whole = some_encoder(history=False), some_encoder()
    assert encode(alone, [[3, 2, 1]], 2) == pytest.approx(encode(alone, [[3, 2]]), abs=1e-6)
    assert np.abs(encode(whole, [[3, 2, 1]], 2) - encode(whole, [[3, 2]])).max() > 0.01


def test_what_a_play_did_is_read() -> None:
    encoder, plays = some_encoder(), np.array([[3, 2]], np.int32)
    here, ends = np.ones((1, 2), bool), np.array([[3, 3]], np.int8)
    skipped = np.array([[3, 2]], np.int8)
    apart = encoder.encode(plays, here, ends) - encoder.encode(plays, here, skipped)
    assert np.abs(apart).max() > 0.01


def test_training_learns_what_follows_and_repeats_itself() -> None:
    log, later = chain_log(400), chain_log(50, seed=9)
    encoder = fit_encoder(log, ITEMS, QUICK.encoder, seed=0)
    queries = every_prefix(later, encoder)
    best = np.argsort(-(queries.direction @ encoder.items.T), axis=1)[:, :5]
    assert (best == queries.target[:, None]).any(axis=1).mean() > 0.5
    again = fit_encoder(log, ITEMS, QUICK.encoder, seed=0)
    assert (again.table == encoder.table).all()


def batches_of(log: SessionLog, recipe: EncoderRecipe) -> list[Batch]:
    law = negatives_law(log, ITEMS + 3, recipe)
    cut = windows_of(log, recipe.recency, history=recipe.history)
    return list(epoch(cut, law, recipe, np.random.default_rng(0)))


def test_every_play_but_a_first_one_is_predicted_once_an_epoch() -> None:
    log = session_log([[1] * 2, [2] * 50, [3], [4] * 7])
    batches = batches_of(log, EncoderRecipe(batch_positions=64, negatives=8, recency=0.0))
    assert sum(int((batch.weight > 0).sum()) for batch in batches) == 1 + 49 + 6
    assert all(batch.weight.size <= 64 for batch in batches)


def test_earlier_sessions_are_read_marked_and_not_predicted() -> None:
    log = session_log([[5, 6], [7], [1, 2]], users=[0, 1, 0])
    recipe = EncoderRecipe(batch_positions=64, negatives=8)
    rows = [row for batch in batches_of(log, recipe) for row in zip(*batch[:3], strict=True)]
    plays, action, weight = next(row for row in rows if 1 in row[0])
    assert plays[:4].tolist() == [5, 6, 1, 2]
    assert action[:4].tolist() == [8, 8, 3, 3]
    assert (weight > 0).tolist() == [False, False, True, False]
    alone = batches_of(log, replace(recipe, history=False))
    assert not any(5 in row and 1 in row for batch in alone for row in batch.plays)


def test_training_turns_away_from_what_a_session_skipped() -> None:
    draws = np.random.default_rng(0)
    plays = [[int(a), int(a) + 10, int(a) + 20] for a in draws.integers(0, 10, 400)]
    ends = [[3, 2, 3]] * 400  # who heard a always gets a + 10, skips it, and stays with a + 20
    log = session_log(plays, ends=ends)
    encoder = fit_encoder(log, ITEMS, replace(QUICK.encoder, epochs=12), seed=0)
    asked = session_log([[a, a + 10, 0] for a in range(10)], ends=[[3, 2, 3]] * 10)
    queries = every_prefix(asked, encoder)
    second = queries.direction[queries.place == 2] @ encoder.items.T
    rows = np.arange(10)
    liking = second[rows, rows + 20] - second[rows, rows + 10]
    assert liking.mean() > 0.42  # without hard negatives 0.39


def test_negatives_never_are_unheard_items_and_their_shares_add_up() -> None:
    log = chain_log(200)
    recipe = EncoderRecipe(batch_positions=64, negatives=500)
    assert batches_of(log, recipe)[0].negatives.max() < ITEMS
    shares = np.exp(negatives_law(log, ITEMS + 3, recipe).log_share)
    assert shares.sum() == pytest.approx(1, abs=1e-3)


def test_newer_sessions_weigh_more_and_one_in_the_mean() -> None:
    weights = session_weights(100, 2.0)
    assert weights.mean() == pytest.approx(1)
    assert weights[-1] / weights[0] == pytest.approx(np.exp(2.0), rel=0.05)


def test_a_step_moves_only_the_rows_it_names_and_sums_repeats() -> None:
    once, twice = (LazyAdam(np.zeros((4, 2), np.float32)) for _ in range(2))
    once.move(np.array([1]), np.full((1, 2), 3.0, np.float32), 0.1)
    twice.move(np.array([1, 1]), np.array([[1.0, 1], [2, 2]], np.float32), 0.1)
    assert (once.rows == twice.rows).all()
    assert once.rows[1] == pytest.approx([-0.1, -0.1])
    assert not once.rows[[0, 2, 3]].any()


def test_hidden_plays_leave_at_least_the_first() -> None:
    log = session_log([[1, 2, 3, 4]])
    queries = every_prefix(log, some_encoder(), withheld=2)
    assert queries.last.tolist() == [1, 1, 1]
    assert queries.target.tolist() == [2, 3, 4]
    fresh = every_prefix(log, some_encoder())
    assert fresh.recent[:, :3].tolist() == [[1, -1, -1], [2, 1, -1], [3, 2, 1]]


def test_unknown_plays_are_asked_for_but_never_read() -> None:
    log = session_log([[UNKNOWN, 5, UNKNOWN, 6], [7, UNKNOWN]])
    queries = every_prefix(log, some_encoder())
    assert queries.target.tolist() == [5, UNKNOWN, 6, UNKNOWN]
    assert queries.last.tolist() == [-1, 5, 5, 7]
    assert not queries.direction[0].any()
    known = every_prefix(session_log([[5, 6]]), some_encoder())
    assert queries.direction[2] == pytest.approx(known.direction[0], abs=1e-6)
