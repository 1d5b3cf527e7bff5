"""The encoder: numpy and JAX agree, and training learns a rule that is there."""

import jax.numpy as jnp
import numpy as np
import pytest

from models.sessions.encoder import Encoder
from models.sessions.encoder_batches import epoch, negatives_law, pieces, session_weights
from models.sessions.fit_encoder import directions, fit_encoder, initial_dense, run_gru, unit
from models.sessions.lazy_adam import LazyAdam
from models.sessions.queries import every_prefix
from models.sessions.read import UNKNOWN, session_log
from models.sessions.recipe import EncoderRecipe
from tests.unit.models.sessions.samples import ITEMS, QUICK, chain_log


def some_encoder(dim: int = 8) -> Encoder:
    draws = np.random.default_rng(3)
    dense = {name: np.asarray(value) for name, value in initial_dense(dim, draws).items()}
    table = draws.normal(size=(ITEMS + 1, dim)).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    table[-1] = 0
    return Encoder(table=table, **dense)


def test_numpy_equals_jax_play_by_play() -> None:
    encoder, log = some_encoder(), session_log([[1, 2, 3, 2, 9], [4, 4, 4, 5, 6]])
    dense = {n: jnp.asarray(getattr(encoder, n)) for n in initial_dense(8, np.random.default_rng())}
    x = unit(jnp.asarray(encoder.table[log.items.reshape(2, 5)])) * np.sqrt(8)
    expected = directions(dense, run_gru(dense, x), x)
    assert encoder.encode(log.items.reshape(2, 5)[:, ::-1]) == pytest.approx(
        np.asarray(expected)[:, -1], abs=1e-5
    )


def test_a_session_points_the_same_way_whoever_is_beside_it() -> None:
    encoder = some_encoder()
    alone = encoder.encode(np.array([[3, 2, 1]], np.int32))
    beside = np.array([[7, -1, -1], [3, 2, 1], [-1, -1, -1], [5, 5, -1]], np.int32)
    assert encoder.encode(beside)[1:2] == pytest.approx(alone, abs=1e-6)
    assert not encoder.encode(beside)[2].any()


def test_training_learns_what_follows_and_repeats_itself() -> None:
    log, later = chain_log(400), chain_log(50, seed=9)
    encoder = fit_encoder(log, ITEMS, QUICK.encoder, seed=0)
    queries = every_prefix(later, encoder)
    best = np.argsort(-(queries.direction @ encoder.items.T), axis=1)[:, :5]
    assert (best == queries.target[:, None]).any(axis=1).mean() > 0.5
    again = fit_encoder(log, ITEMS, QUICK.encoder, seed=0)
    assert (again.table == encoder.table).all()


def test_every_position_is_trained_on_once_an_epoch() -> None:
    log = session_log([[1] * 2, [2] * 50, [3], [4] * 7])
    recipe = EncoderRecipe(batch_positions=64, negatives=8, recency=0.0)
    law = negatives_law(log, ITEMS, recipe)
    batches = list(epoch(log, pieces(log), law, recipe, np.random.default_rng(0)))
    assert sum(int((batch.weight > 0).sum()) for batch in batches) == 1 + 32 + 16 + 6
    assert all(batch.weight.size <= 64 for batch in batches)


def test_negatives_never_are_unheard_items_and_their_shares_add_up() -> None:
    log = chain_log(200)
    recipe = EncoderRecipe(batch_positions=64, negatives=500)
    law = negatives_law(log, ITEMS + 3, recipe)
    batch = next(epoch(log, pieces(log), law, recipe, np.random.default_rng(0)))
    assert batch.negatives.max() < ITEMS
    assert np.exp(law.log_share).sum() == pytest.approx(1, abs=1e-3)


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
