"""What every scorer does, and which model folders the real one refuses."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.adapters.memory import PopularityScorer
from service.adapters.onnx import FILE, OnnxScorer
from service.core import events as ev
from service.core.candidates import Candidates
from service.core.errors import Refused
from service.core.features import FEATURE_SCHEMA, Features, featurize
from service.core.session import EMPTY, SessionState
from service.core.sessions import session_batch
from service.ports import Scorer
from service.settings import ModelSettings
from tests.event_makers import folded, item_fact, small_table

SHIPPED = ModelSettings().path
TABLE = small_table(40)


@pytest.fixture(params=["popularity", "onnx"])
def scorer(request: pytest.FixtureRequest) -> Scorer:
    """A scorer of each kind."""
    return PopularityScorer() if request.param == "popularity" else OnnxScorer.load(SHIPPED)


def listener(plays: int) -> SessionState:
    kinds = (ev.Completed, ev.Skipped, ev.Liked)
    return folded(*[item_fact(kinds[n % 3], f"i{n * 3 % 40}") for n in range(plays)])


STATES = [EMPTY, *[listener(n) for n in range(1, 16)]]


def features_of(states: list[SessionState], rows: range = range(40)) -> Features:
    owner = np.repeat(np.arange(len(states), dtype=np.int32), len(rows))
    items = np.tile(np.asarray(rows, dtype=np.int32), len(states))
    candidates = Candidates(owner, items, np.ones(len(items), np.uint32))
    return featurize(session_batch(TABLE, states), candidates)


def test_every_candidate_gets_a_probability_per_head(scorer: Scorer) -> None:
    heads = scorer.score(features_of(STATES))
    assert heads.shape == (len(STATES) * 40, len(scorer.heads))
    assert heads.dtype == np.float32
    assert ((heads >= 0) & (heads <= 1)).all()


def test_no_candidates_get_no_scores(scorer: Scorer) -> None:
    assert scorer.score(features_of(STATES, range(0))).shape == (0, len(scorer.heads))


def test_the_same_input_gets_the_same_scores(scorer: Scorer) -> None:
    features = features_of(STATES)
    assert np.array_equal(scorer.score(features), scorer.score(features))


@pytest.mark.parametrize("b", [0, 7, 15])
def test_a_score_depends_on_its_session_and_candidate_alone(scorer: Scorer, b: int) -> None:
    together = features_of(STATES)
    batch, alone = scorer.score(together), scorer.score(features_of([STATES[b]]))
    np.testing.assert_allclose(batch[together.owner == b], alone, rtol=0, atol=1e-6)
    single = scorer.score(features_of([STATES[b]], range(5, 6)))
    np.testing.assert_allclose(alone[5:6], single, rtol=0, atol=1e-6)


def test_a_scorer_says_who_it_is(scorer: Scorer) -> None:
    assert scorer.model.name
    assert scorer.model.version


# Of the real one: what it refuses


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped model, to spoil."""
    shutil.copytree(SHIPPED, tmp_path / "model")
    return tmp_path / "model"


def told(folder: Path, **changes: Any) -> None:
    """Change the manifest."""
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def also(folder: Path, name: str) -> None:
    """Have the manifest name another file."""
    hashes = json.loads((folder / "manifest.json").read_text())["sha256"]
    told(folder, sha256=hashes | {name: OTHER})


def change_a_byte(folder: Path) -> None:
    path = folder / FILE
    graph = bytearray(path.read_bytes())
    graph[len(graph) // 2] ^= 1
    path.write_bytes(graph)


OTHER = sha256(b"another file").hexdigest()
REFUSED: list[Any] = [
    pytest.param(change_a_byte, "not the file its manifest names", id="a changed byte"),
    pytest.param(lambda f: (f / FILE).unlink(), "no model in", id="no graph"),
    pytest.param(lambda f: (f / "manifest.json").unlink(), "no model in", id="no manifest"),
    pytest.param(lambda f: (f / "manifest.json").write_text("{"), "no model in", id="torn"),
    pytest.param(lambda f: told(f, sha256={}), "not the file its manifest names", id="no hash"),
    pytest.param(lambda f: also(f, "card.md"), "no model in", id="a missing card"),
    pytest.param(lambda f: also(f, "../card.md"), "outside the folder", id="a file elsewhere"),
    pytest.param(lambda f: told(f, feature_schema="0" * 64), FEATURE_SCHEMA[:12], id="features"),
    pytest.param(lambda f: told(f, feature_schema=None), FEATURE_SCHEMA[:12], id="no schema"),
    pytest.param(lambda f: told(f, heads=["skip", "like"]), "heads", id="other heads"),
    pytest.param(lambda f: told(f, heads=None), "heads", id="no heads"),
    pytest.param(lambda f: told(f, blocks=["base", "tarot"]), "tarot", id="an unknown block"),
    pytest.param(
        lambda f: told(f, sha256={FILE: sha256(b"x").hexdigest()}), "not the file", id="other hash"
    ),
    pytest.param(lambda f: told(f, heads=["like", "complete", "skip"]), "heads", id="head order"),
]


def test_the_shipped_model_fits_this_service(folder: Path) -> None:
    model = OnnxScorer.load(folder, variant="challenger").model
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (model.name, model.version) == (manifest["name"], manifest["version"])
    assert model.variant == "challenger"
    assert manifest["feature_schema"] == FEATURE_SCHEMA


@pytest.mark.parametrize(("spoil", "message"), REFUSED)
def test_a_model_that_does_not_fit_is_refused_at_load(
    folder: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(folder)
    with pytest.raises(Refused, match=message):
        OnnxScorer.load(folder)
