"""Foretelling verdicts: labels from the log's own rows, means by hand, and better than both."""

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from models.catalogs import catalog_of
from models.data.telling import Telling, tell
from models.dataset import build_examples
from models.evaluation.feedback import feedback_report, verdicts
from models.evaluation.user_item_means import Judged, means, user_item_scores
from models.formats.play import Play
from service.core.events import PlaybackEvent


def play(user: str, item: str, at_ms: int, **more: object) -> Play:
    told = {"content_type": "video", "played_s": 8.0, "duration_s": 40.0, "liked": 1, **more}
    return msgspec.convert({"user": user, "item": item, "at_ms": at_ms, **told}, Play)


def events_of(plays: list[Play]) -> list[PlaybackEvent]:
    decoder = msgspec.json.Decoder(PlaybackEvent)
    return [decoder.decode(one.value) for one in tell(plays, "test", Telling())]


def judged_log(count: int = 1800) -> list[Play]:
    """People of two tastes and videos of two kinds; nine verdicts in ten follow from both."""
    draws = np.random.default_rng(4)
    plays = []
    for number in range(count):
        user, item = int(draws.integers(12)), int(draws.integers(40))
        fits = (user % 2 == item % 2) != (draws.random() < 0.1)
        heard_s = 38.0 if fits else 4.0
        liked = 1 if fits else -1
        at_ms = 1_700_000_000_000 + number * 60_000
        plays.append(play(f"u{user}", f"v{item}", at_ms, played_s=heard_s, liked=liked))
    return plays


def test_labels_are_the_rows_own_even_if_the_verdict_comes_after_the_next_start() -> None:
    plays = [
        play("u", "a", 1_000_000, played_s=30.0, duration_s=200.0),  # liked 30 s later,
        play("u", "b", 1_005_000, liked=-1),  # when this one was on already
        play("u", "c", 2_000_000, duration_s=None, liked=1),
    ]
    table = catalog_of(plays, "test")
    examples = build_examples(table, events_of(plays))
    assert examples.labels[0, 2] == 0  # the fold's view: no verdict while it was on
    found = verdicts(examples, plays, table).labels
    assert found[:, 2].tolist() == [1, 0, 1]
    assert found[:2, 0].tolist() == [0, 1]  # 30 s are no skip, 8 s of 40 are one
    assert math.isnan(found[2, 0])  # of unknown length


def test_means_lean_on_the_mean_of_all_by_hand() -> None:
    labels = np.array([1, 1, 0, 0], np.float32)
    logits = means(np.array([0, 0, 0, 1]), labels, 3)
    shares = 1 / (1 + np.exp(-logits))
    assert shares == pytest.approx([(2 + 2.5) / 8, (0 + 2.5) / 6, 0.5])


def test_baselines_say_what_the_past_said_and_nothing_of_unknown_labels() -> None:
    user = np.arange(400) % 2
    item = np.zeros(400, np.int32)
    labels = np.where(user == 1, 1.0, 0.0).astype(np.float32)[:, None]
    labels[::7] = np.nan
    noisy = labels.copy()
    noisy[1::20] = 0
    fit, later = Judged(user, item, labels), Judged(user, item, noisy)
    found = user_item_scores(fit, later, Judged(np.array([0, 1]), item[:2], labels[:2]), 2, 1)
    assert found["user mean"][0, 0] < 0.2
    assert found["user mean"][1, 0] > 0.8
    assert found["item mean"][0, 0] == pytest.approx(found["item mean"][1, 0])


def test_what_needs_both_user_and_item_is_found_by_the_ranker_and_by_neither_mean() -> None:
    plays = judged_log()
    report = feedback_report(plays, events_of(plays), name="test", seed=1)
    like = report["heads"]["like"]
    assert like["ranker"]["auc"] > 0.65
    for mean in ("user mean", "item mean", "user and item", "popularity"):
        assert like[mean]["auc"] < 0.6, mean
    assert report["examples"]["test"] == pytest.approx(1800 * 0.2, abs=2)
    assert like["ranker"]["ece"] < 0.15
    assert "no exposure without a verdict" in report["rests_on"]


def test_too_small_a_log_is_refused() -> None:
    with pytest.raises(ValueError, match="900 rows; 1000 are needed"):
        feedback_report(judged_log(900), [], name="test", seed=1)


def test_kuairands_verdicts_are_read_as_verdicts() -> None:
    from models.formats import read_log  # noqa: PLC0415 - only where the file is

    path = Path(__file__).parents[5] / "shared" / "data" / "kuairand" / "likes_and_hates.tsv"
    if not path.exists():
        pytest.skip("no ../shared/data/kuairand beside the repository")
    plays = [one for one, _ in zip(read_log(path, "kuairand"), range(3000), strict=False)]
    table = catalog_of(plays, "kuairand", train_share=0.4)
    found = verdicts(build_examples(table, events_of(plays)), plays, table)
    assert len(found) == len(plays)
    likes = sum(one.liked == 1 for one in plays)
    assert found.labels[:, 2].sum() == likes
