"""Cards and differences: what people read before they promote."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest
from obstore.store import MemoryStore

from models.registry import figures
from models.registry.card import write_card
from models.registry.difference import Difference, diff
from models.registry.figures import flatten, markdown, spell, tables
from models.registry.listing import list_versions, read_document
from models.registry.publish import publish
from service.adapters.model_registry import ModelRegistry
from service.adapters.signing import TrustedKeys
from service.core.errors import Refused
from tests.model_folders import METRICS, NAME, make_folder

SHIPPED = Path(__file__).parents[4] / "models" / "artifacts" / "ranker"
FACTS: dict[str, Any] = {"name": NAME, "version": "a" * 12, "heads": ["next", "skip"]}


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def reader(store: MemoryStore, tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(store, tmp_path / "cache", trusted=TrustedKeys({}))


def changed(found: Difference, section: str) -> dict[str, tuple[Any, Any]]:
    return {change.what: (change.before, change.after) for change in found.sections[section]}


def test_the_shipped_model_s_card_tells_people_what_they_must_know(tmp_path: Path) -> None:
    manifest = json.loads((SHIPPED / "manifest.json").read_text())
    card = write_card(manifest, tmp_path)
    for title in ("Trained on", "Figures", "Calibration", "Limits", "If it goes wrong"):
        assert f"\n## {title}\n" in card
    assert manifest["trained_on"] in card
    assert "Measured in the simulator" in card
    assert "The gate was not asked" in card
    assert "segue models rollback --alias champion" in card
    ece = manifest["metrics"]["mixed_policy"]["ranker"]["skip"]["ece"]
    assert f"| mixed_policy/ranker/skip | {spell(ece)} |" in card
    assert write_card(manifest, tmp_path) == card


def test_figures_with_intervals_are_shown_with_them(tmp_path: Path) -> None:
    precision = {"value": 0.26, "low": 0.25, "high": 0.27}
    card = write_card({**FACTS, "metrics": {"valid": {"ranked": {"P@20": precision}}}}, tmp_path)
    assert "| ranked | 0.26 [0.25, 0.27] |" in card
    assert "Recorded without intervals" not in card
    assert "Measured in the simulator" not in card


def test_a_model_without_figures_says_so(tmp_path: Path) -> None:
    assert "do not promote this version without measuring it" in write_card(FACTS, tmp_path)


def test_a_model_of_one_catalogue_says_which_and_what_it_cannot_tell(tmp_path: Path) -> None:
    card = write_card({**FACTS, "item_space": "30music-60000"}, tmp_path)
    assert "item space `30music-60000` and must not rank another catalogue" in card
    assert "It says nothing about: complete, like." in card


def test_calibration_by_content_type_is_a_table(tmp_path: Path) -> None:
    slope = [[1.0, 0.9], [1.1, 0.8], [1.0, 1.0], [1.0, 1.0]]
    calibration = {"method": "platt by head and content type", "slope": slope}
    metrics = {name: {"skip": {"ece": at}} for name, at in (("ranker", 0.01), ("popularity", 0.3))}
    card = write_card({**FACTS, "calibration": calibration, "metrics": metrics}, tmp_path)
    assert "Method: platt by head and content type, in the graph itself" in card
    assert "| slope | next | skip |\n| --- | --- | --- |\n| music | 1 | 0.9 |" in card
    assert "| ranker/skip | 0.01 |" in card
    assert "| popularity/skip |" not in card
    assert "Not recorded" in write_card(FACTS, tmp_path)


def test_the_gate_s_verdict_is_on_the_card(tmp_path: Path) -> None:
    quality = {"loss_skip": {"value": 0.01, "low": 0.005, "high": 0.015}}
    verdict = {
        "passed": False,
        "candidate": "a",
        "champion": "b",
        "reasons": ["loss_skip is worse"],
    }
    (tmp_path / "gate.json").write_text(json.dumps({**verdict, "evidence": {"quality": quality}}))
    card = write_card(FACTS, tmp_path)
    assert "compared it with b: it **did not pass**" in card
    assert "- loss_skip is worse" in card
    assert "| loss_skip | 0.01 [0.005, 0.015] |" in card


def test_a_card_of_one_s_own_is_published_as_it_is(store: MemoryStore, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "m")
    (folder / "card.md").write_text("# Mine\n")
    version = publish(folder, store, NAME).version
    registry = reader(store, tmp_path)
    manifest = registry.manifest(NAME, version)
    assert read_document(store, manifest, "card.md") == b"# Mine\n"
    assert read_document(store, manifest, "lineage.json") is None
    store.put(f"{NAME}/versions/{version}/card.md", b"# Forged\n")
    with pytest.raises(Refused, match=r"card\.md is not the file"):
        read_document(store, manifest, "card.md")


def test_two_versions_are_compared_by_what_matters(store: MemoryStore, tmp_path: Path) -> None:
    one, two = (
        make_folder(tmp_path / "1", seed=1),
        make_folder(
            tmp_path / "2",
            seed=2,
            heads=["skip"],
            features={"session": ["plays"], "candidate": ["popularity", "age"]},
            metrics={"test": {"skip": {"auc": 0.8, "ece": 0.0125}}},
        ),
    )
    for folder, day in ((one, "monday"), (two, "friday")):
        run = {"runId": f"run of {day}"}
        lineage = {"eventTime": day, "run": run, "inputs": [{"name": f"log of {day}"}]}
        (folder / "lineage.json").write_text(json.dumps(lineage))
    before, after = (publish(folder, store, NAME).version for folder in (one, two))
    found = diff(store, reader(store, tmp_path), NAME, before, after)
    assert changed(found, "facts") == {"heads": (("skip", "like"), ("skip",)), "seed": (1, 2)}
    assert changed(found, "features") == {
        "candidate/freshness": ("freshness", None),
        "candidate/age": (None, "age"),
    }
    assert changed(found, "metrics") == {
        "test/skip/auc": (0.75, 0.8),
        "test/like/auc": (0.5, None),
        "test/like/ece": (0.02, None),
    }
    assert found.sections["metrics"][0].delta == pytest.approx(0.05)
    assert changed(found, "lineage") == {"inputs/0/name": ("log of monday", "log of friday")}
    assert "in all" in changed(found, "bytes")
    assert not any(diff(store, reader(store, tmp_path), NAME, after, after).sections.values())


def test_a_version_that_may_not_be_believed_is_listed_with_why(
    store: MemoryStore, tmp_path: Path
) -> None:
    good = publish(make_folder(tmp_path / "1", seed=1), store, NAME).version
    bad = publish(make_folder(tmp_path / "2", seed=2), store, NAME).version
    store.put(f"{NAME}/versions/{bad}/manifest.json", b"{}")
    rows = {row.version: row for row in list_versions(store, reader(store, tmp_path), NAME)}
    assert (rows[good].problem, rows[good].heads) == ("", ("skip", "like"))
    assert "is no manifest" in rows[bad].problem


def test_a_tree_of_figures_becomes_tables() -> None:
    assert list(tables({"seed": 3, **METRICS})) == [
        ("", [["figure", "value"], ["seed", "3"]]),
        ("test", [["", "auc", "ece"], ["skip", "0.75", "0.0125"], ["like", "0.5", "0.02"]]),
    ]
    assert markdown([["a"], ["b|c\nd"]]) == "| a |\n| --- |\n| b\\|c d |"
    assert flatten({"a": {"b": 1}, "c": []}) == {"a/b": 1}


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(figures) == (0, 2)
