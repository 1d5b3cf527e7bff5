"""What a worker serves of a session model is what was trained and judged, bit for bit."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.compress import Compression, compress
from models.export import GOLDEN, seal
from models.holdout import Holdout
from models.sessions.queries import Queries, every_prefix
from models.sessions.ranker_examples import find
from models.sessions.recommender import SessionRecommender
from service.adapters.model_folder import read_model_folder
from service.adapters.onnx_encoder import OnnxEncoder
from service.core.errors import Refused
from service.core.features import Features, features_of
from service.core.manifest import MANIFEST
from service.core.session import EMPTY, SessionState
from service.core.sessions import session_batch
from service.ranking import Ranking
from service.ranking_loading import load_ranking
from service.settings import Settings
from tests.event_makers import small_table
from tests.unit.models.sessions.samples import ITEMS, QUICK
from tests.unit.models.sessions.serving import (
    TABLE,
    log_of,
    some_listeners,
    states_of,
    trained,
    write_model,
)

pytestmark = pytest.mark.timeout(180)  # the first of all tests to retrieve compiles the kernels


@dataclass(frozen=True)
class Served:
    """A model, its folder, and what a worker makes of it."""

    model: SessionRecommender
    folder: Path
    ranking: Ranking


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    model = trained()
    folder = write_model(model, tmp_path_factory.mktemp("served") / "model")
    return Served(model, folder, load_ranking(folder, TABLE, Settings()))


@pytest.fixture(scope="module")
def listeners() -> list[tuple[SessionState, ...]]:
    return [tuple(states_of(user, heard)) for user, heard in enumerate(some_listeners(25, seed=7))]


@pytest.fixture(scope="module")
def states(listeners: list[tuple[SessionState, ...]]) -> list[SessionState]:
    return [state for mine in listeners for state in mine]


@pytest.fixture(scope="module")
def queries(served: Served) -> Queries:
    log = log_of(some_listeners(25, seed=7))
    read = read_model_folder(served.folder)
    encoder = OnnxEncoder.of(read, served.model.bases.index.vectors)
    return every_prefix(log, encoder)


def test_states_folded_from_events_are_the_queries_that_training_asks(
    states: list[SessionState], queries: Queries
) -> None:
    batch = session_batch(TABLE, states)
    assert len(batch) == len(queries) > 200
    assert (batch.rows == queries.recent).all()
    assert (batch.current == queries.current).all()
    assert (batch.end == queries.end).all()


def test_served_evidence_is_the_evidence_that_was_judged_bit_for_bit(
    served: Served, states: list[SessionState], queries: Queries
) -> None:
    offline = {}
    for number, found in enumerate(find(served.model.bases, queries, QUICK)):
        for owner, item, row in zip(
            found.union.owner, found.union.items, found.features, strict=True
        ):
            offline[256 * number + int(owner), int(item)] = row.tobytes()
    matched = 0
    for begin in range(0, len(states), 16):
        sessions, kept = served.ranking.candidates(states[begin : begin + 16])
        features = features_of(("evidence",), sessions, kept)
        for owner, item, row in zip(kept.owner, kept.items, features.candidate, strict=True):
            if (known := offline.get((begin + int(owner), int(item)))) is not None:
                assert row.tobytes() == known
                matched += 1
    assert matched > 10 * len(states)


def test_served_base_features_are_those_of_training_bit_for_bit(
    served: Served, states: list[SessionState]
) -> None:
    sessions, kept = served.ranking.candidates(states[:40])
    together = features_of(("base",), sessions, kept)
    for at in range(0, len(kept), 97):
        b = int(kept.owner[at])
        one = session_batch(TABLE, [states[b]])
        mine = np.zeros(len(kept), bool)
        mine[at] = True
        alone = kept.where(mine)
        asked = features_of(("base",), one, type(kept)(alone.owner * 0, alone.items, alone.sources))
        assert asked.candidate.tobytes() == together.candidate[at].tobytes()
        assert asked.user[0].tobytes() == together.user[b].tobytes()


def test_both_blocks_side_by_side_are_each_of_them(
    served: Served, states: list[SessionState]
) -> None:
    sessions, kept = served.ranking.candidates(states[:16])
    base, evidence, both = (
        features_of(blocks, sessions, kept)
        for blocks in (("base",), ("evidence",), ("base", "evidence"))
    )
    assert (both.user == base.user).all()
    assert (both.candidate == np.hstack([base.candidate, evidence.candidate])).all()


def test_a_slate_carries_the_probability_that_was_judged(
    served: Served, states: list[SessionState], queries: Queries
) -> None:
    judged = {}
    for number, found in enumerate(find(served.model.bases, queries, QUICK)):
        scores = served.model.scores(found)
        for owner, item, score in zip(found.union.owner, found.union.items, scores, strict=True):
            judged[256 * number + int(owner), TABLE.ids[item]] = float(score)
    slates = served.ranking.rank(states[:100])
    pairs = [
        (item.heads["next"], judged[b, item.item_id])
        for b, slate in enumerate(slates)
        for item in slate.items
        if (b, item.item_id) in judged
    ]
    assert len(pairs) > 500
    served_p, judged_p = np.array(pairs).T
    assert np.abs(served_p - judged_p).max() < 1e-4  # slates round to four places


def test_a_slate_does_not_depend_on_who_else_is_ranked(
    served: Served, states: list[SessionState]
) -> None:
    some = [*states[:12], EMPTY]
    assert served.ranking.rank(some) == [served.ranking.rank([state])[0] for state in some]


def test_what_comes_next_in_the_log_is_mostly_on_the_slate(served: Served) -> None:
    """Items go round a ring: i + 1 follows i four times in five."""
    heard = some_listeners(40, seed=9)
    found = total = 0
    for user, listener in enumerate(heard):
        states = states_of(user, listener)
        wanted = [row for rows in listener.rows for row in rows[1:]]
        for state, row, slate in zip(states, wanted, served.ranking.rank(states), strict=True):
            found += f"i{row}" in [item.item_id for item in slate.items[:5]]
            total += state.ring[-1].item_id != f"i{row}"
    assert found / total > 0.55  # five of forty by chance


def test_a_session_model_can_be_compressed_and_served(
    served: Served, queries: Queries, states: list[SessionState], tmp_path: Path
) -> None:
    found = next(find(served.model.bases, queries, QUICK))
    labels = np.zeros(len(found.features), np.float32)
    labels[found.target_at[found.target_at >= 0]] = 1
    kind = TABLE.content_type[found.union.items]
    nobody = np.empty((len(found.queries), 0), np.float32)
    features = Features(nobody, found.union.owner, found.features, kind)
    Holdout(features, labels[:, None]).save(tmp_path / "held.npz")
    report = compress(
        served.folder, tmp_path / "small", Compression(int8=True), tmp_path / "held.npz"
    )
    quality = report["heads"]["next"]["quality"]
    assert quality["metric"] == "ndcg@20"
    assert quality["new"] == pytest.approx(quality["old"], abs=0.1)
    ranking = load_ranking(tmp_path / "small", TABLE, Settings())
    assert ranking.model.version == report["version"] != served.ranking.model.version
    assert all(slate.items for slate in ranking.rank(states[:8]))


# What does not fit


def test_a_model_of_another_item_space_is_refused(served: Served, tmp_path: Path) -> None:
    folder = write_model(served.model, tmp_path / "model", item_space="elsewhere:1")
    with pytest.raises(Refused, match=r"'elsewhere:1'.*'small:1'.*train a model on this one"):
        load_ranking(folder, TABLE, Settings())


def test_an_index_of_another_number_of_items_is_refused(served: Served) -> None:
    with pytest.raises(Refused, match=rf"{ITEMS} items, the catalogue 'small' has {ITEMS + 1}"):
        load_ranking(served.folder, small_table(ITEMS + 1), Settings())


@pytest.mark.parametrize("name", ["index/plays.npy", "encoder.onnx", "golden.npz"])
def test_a_changed_file_is_refused(served: Served, tmp_path: Path, name: str) -> None:
    folder = write_model(served.model, tmp_path / "model")
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(Refused, match="not the file its manifest names"):
        load_ranking(folder, TABLE, Settings())


def test_an_encoder_that_misses_its_golden_vectors_is_refused(
    served: Served, tmp_path: Path
) -> None:
    folder = write_model(served.model, tmp_path / "model")
    with np.load(folder / GOLDEN) as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["encoder_direction"] = -arrays["encoder_direction"]
    np.savez(folder / GOLDEN, **arrays)
    manifest = json.loads((folder / MANIFEST).read_text())
    seal(folder, manifest)
    with pytest.raises(Refused, match=r"encoder\.onnx is .* away from its golden vectors"):
        load_ranking(folder, TABLE, Settings())


def test_a_worker_whose_model_has_no_index_loads_no_compiler() -> None:
    code = (
        "import sys; import service.app\n"
        "from service.ranking_loading import load_ranking\n"
        "from service.settings import Settings\n"
        "from tests.event_makers import small_table\n"
        "load_ranking(Settings().model.path, small_table(40), Settings())\n"
        "sys.exit('numba' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
