"""The models' life cycle on a live worker, with simulated listeners."""

from pathlib import Path

import pytest

from loadtest.models_drill.run import DrillOptions, drill_in
from loadtest.world_folder import world_folder
from service.embedded.steps import Steps
from service.settings import explain
from tests.conftest import KafkaForTest, ValkeyForTest


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_models_are_swapped_shadowed_refused_and_rolled_back_without_losing_a_slate(
    kafka: KafkaForTest, valkey: ValkeyForTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The whole world: in a small one a sound model and a bad one are skipped almost as often.
    world, catalog = world_folder(tmp_path)
    settings = kafka.settings(valkey.url).model_copy(update={"work_dir": tmp_path})
    for row in explain(settings):  # the worker inherits what names this test's topics
        if row.variable.startswith("SEGUE_TOPICS__") or row.variable == "SEGUE_KAFKA__GROUP":
            monkeypatch.setenv(row.variable, row.value)
    said: list[str] = []
    # A machine that runs tests may be busy: what is timed is for `segue loadtest models`.
    options = DrillOptions(rate=120.0, listeners=300, prompt_s=60.0)
    report = await drill_in(world, catalog, settings, options, Steps(said.append, 20))
    assert report["failures"] == [], "\n".join(said)
    assert report["passed"]
    assert report["refused"] == ["not_as_published", "drift"]
    assert report["slates_lost"] == 0
    assert report["guard"].startswith("skips")
    forged = report["versions"]["forged"]
    assert not any(forged in who for who in report["slates_by"])
