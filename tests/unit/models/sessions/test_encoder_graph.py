"""The encoder's ONNX graph says what the plain definition says, whoever else is encoded."""

from pathlib import Path

import numpy as np
import pytest

from models.sessions.encoder import Encoder
from models.sessions.encoder_graph import encoder_to_onnx
from service.adapters.model_folder import ModelFolder
from service.adapters.onnx_encoder import OnnxEncoder
from service.core.errors import Refused
from tests.unit.models.sessions.test_encoder import some_encoder

PLAYS = 50


def graph_of(encoder: Encoder) -> OnnxEncoder:
    kept = {"encoder.onnx": encoder_to_onnx(encoder, {"training_window": "a test"})}
    return OnnxEncoder.of(ModelFolder(Path("here"), {}, kept), encoder.table)


def some_plays(sessions: int, items: int, seed: int = 5) -> tuple[np.ndarray, ...]:
    """Rings of any length, some of this session, none, or of earlier ones alone."""
    draws = np.random.default_rng(seed)
    lengths = draws.integers(0, PLAYS + 1, sessions)
    place = np.arange(PLAYS)
    recent = draws.integers(0, items, (sessions, PLAYS)).astype(np.int32)
    recent[place >= lengths[:, None]] = -1
    current = place < draws.integers(0, PLAYS, sessions)[:, None]
    end = draws.integers(0, 5, (sessions, PLAYS)).astype(np.int8)
    return recent, current, end


@pytest.fixture(scope="module", params=[False, True], ids=["session", "history"])
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return some_encoder(16, history=request.param)


@pytest.mark.parametrize("sessions", [0, 1, 2, 17, 64])
def test_the_graph_equals_the_plain_definition(encoder: Encoder, sessions: int) -> None:
    plays = some_plays(sessions, len(encoder.items))
    expected = encoder.encode(*plays)
    found = graph_of(encoder).encode(*plays)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max(initial=0) <= 1e-5


def test_a_session_encodes_bit_for_bit_the_same_alone_and_in_any_batch(encoder: Encoder) -> None:
    graph = graph_of(encoder)
    plays = some_plays(33, len(encoder.items))
    together = graph.encode(*plays)
    for size in (1, 2, 16):
        for begin in range(0, 33 - size, size):
            part = tuple(column[begin : begin + size] for column in plays)
            assert (graph.encode(*part) == together[begin : begin + size]).all()


def test_one_play_after_the_other_arrives_where_the_whole_sequence_does(encoder: Encoder) -> None:
    rows = np.array([3, 1, 4, 1, 5, 9, 2, 6], np.int32)  # oldest first
    action = np.zeros(len(rows), np.int8)
    state = np.zeros((1, encoder.dim), np.float32)
    for n in range(len(rows)):
        x = encoder.inputs(rows[n : n + 1], action[n : n + 1])
        state = encoder.step(state, x)
        recent = rows[: n + 1][::-1][None]
        whole = graph_of(encoder).encode(recent, np.ones_like(recent, bool), np.zeros_like(recent))
        assert np.abs(whole - encoder.point(state, x)).max() <= 1e-5


def test_only_the_newest_twenty_plays_are_read(encoder: Encoder) -> None:
    recent, current, end = some_plays(9, len(encoder.items))
    recent, current = np.maximum(recent, 0), np.ones_like(current)
    longer = recent.copy()
    longer[:, 20:] = (longer[:, 20:] + 1) % len(encoder.items)
    graph = graph_of(encoder)
    assert (graph.encode(recent, current, end) == graph.encode(longer, current, end)).all()
    longer[:, 19] = (longer[:, 19] + 1) % len(encoder.items)
    assert (graph.encode(recent, current, end) != graph.encode(longer, current, end)).any()


def test_directions_have_length_one_and_nobody_points_nowhere_but_who_heard_nothing(
    encoder: Encoder,
) -> None:
    plays = some_plays(64, len(encoder.items))
    length = np.linalg.norm(graph_of(encoder).encode(*plays), axis=1)
    heard = (plays[0] >= 0) & (plays[1] | encoder.reads_history)
    assert length == pytest.approx(heard.any(axis=1).astype(float), abs=1e-5)


def test_an_encoder_of_another_width_is_refused() -> None:
    encoder = some_encoder(16)
    kept = {"encoder.onnx": encoder_to_onnx(encoder, {})}
    with pytest.raises(Refused, match="8 wide"):
        OnnxEncoder.of(ModelFolder(Path("here"), {}, kept), np.zeros((5, 8), np.float32))
