"""`segue models` as somebody types it: from a key to a rollback, with Kafka there and away."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from service.adapters.log_reader import LogReader
from service.cli import main
from service.core.control import AliasBook, AliasMoved
from service.core.events import Record
from service.settings import Settings
from tests.conftest import KafkaForTest, run_now
from tests.model_folders import make_folder


def variables(tmp_path: Path) -> Mapping[str, str]:
    return {
        "SEGUE_REGISTRY__URL": str(tmp_path / "registry"),
        "SEGUE_REGISTRY__TRUSTED_KEYS": str(tmp_path / "key.pub"),
        "SEGUE_WORK_DIR": str(tmp_path / "work"),
    }


class Typed:
    """Runs `segue` in this process, with a registry and without Kafka."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str]:
        """Return the exit code and what was printed, errors last."""
        try:
            main(words)
        except SystemExit as end:
            code = end.code
        printed = "".join(self._capsys.readouterr())
        if isinstance(code, str):  # Python prints it and exits with 1
            return 1, f"{printed}{code}\n"
        return code or 0, printed

    def json(self, *words: str) -> Any:
        """Return the object on the last line of the output proper."""
        with pytest.raises(SystemExit) as end:
            main([*words, "--json"])
        assert end.value.code == 0
        return json.loads(self._capsys.readouterr().out.splitlines()[-1])


@pytest.fixture
def alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """`segue`, a key, a registry, and no Kafka."""
    settings = {**variables(tmp_path), "SEGUE_KAFKA__BOOTSTRAP": "127.0.0.1:9", "COLUMNS": "200"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    segue = Typed(capsys)
    assert segue.run("models", "keygen", str(tmp_path / "key"))[0] == 0
    return segue


def publishing(tmp_path: Path, seed: int) -> tuple[str, ...]:
    folder = make_folder(tmp_path / f"model-{seed}", seed=seed)
    return ("models", "publish", str(folder), "--key", str(tmp_path / "key"))


async def control_records(settings: Settings) -> list[Record]:
    async with LogReader(settings.kafka.bootstrap, settings.topics.control) as log:
        return [record async for records in log.read() for record in records]


def test_moves_reach_the_control_topic_as_the_registry_has_them(
    kafka: KafkaForTest, alone: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = kafka.settings()
    run_now(kafka.make_topics(settings))
    monkeypatch.setenv("SEGUE_KAFKA__BOOTSTRAP", settings.kafka.bootstrap)
    monkeypatch.setenv("SEGUE_TOPICS__CONTROL", settings.topics.control)
    one, two = (alone.json(*publishing(tmp_path, seed))["version"] for seed in (1, 2))
    why = ("--reason", "a test", "--by", "ana")

    said = alone.json("models", "promote", one, "--alias", "champion", *why, "--no-announce")
    assert (said["announced"], said["move"]["by"]) == (False, "ana")
    said = alone.json("models", "promote", two, "--alias", "champion", *why)
    assert (said["announced"], said["move"]["previous"]) == (True, one)
    alone.json("models", "promote", two, "--alias", "challenger", "--share", "0.25", *why)
    code, printed = alone.run("models", "rollback", *why)
    assert code == 0
    assert f"champion was {two}, is now {one} (move 3); workers were told" in printed
    said = alone.json("models", "announce")
    assert (said["announced"], len(said["moves"])) == (True, 2)

    book = AliasBook("ranker")
    for record in run_now(control_records(settings)):
        assert set(json.loads(record.value or b"")) == set(AliasMoved.__struct_fields__)
        book.read(record.key, record.value)
    told = {alias: (move.version, move.share) for alias, move in book.moves.items()}
    assert told == {"champion": (one, 0.0), "challenger": (two, 0.25)}
    assert book.ignored == {"stale": 2}, "what `announce` said again"


def test_without_kafka_the_alias_moves_and_the_command_says_who_was_not_told(
    alone: Typed, tmp_path: Path
) -> None:
    version = alone.json(*publishing(tmp_path, 1))["version"]
    promote = ("models", "promote", version, "--alias", "champion", "--reason", "first")
    code, printed = alone.run(*promote)
    assert code == 0
    assert "the gate was not asked" in printed
    assert "the alias moved, but workers were not told" in printed
    assert "segue models announce" in printed
    code, printed = alone.run("models", "announce")
    assert (code, "workers were not told" in printed) == (1, True)
    moves = alone.json("models", "audit")["moves"]
    assert [(move["alias"], move["version"], move["reason"]) for move in moves] == [
        ("champion", version, "first")
    ]


def test_versions_are_listed_shown_compared_and_exported(alone: Typed, tmp_path: Path) -> None:
    one, two = (alone.json(*publishing(tmp_path, seed))["version"] for seed in (1, 2))
    shadow = ("--alias", "shadow", "--reason", "try", "--no-announce")
    assert alone.json("models", "promote", two, *shadow)["announced"] is False
    assert [
        (row["version"], row["signed"], row["aliases"])
        for row in alone.json("models", "list")["versions"]
    ] == [(one, True, []), (two, True, ["shadow"])]
    code, printed = alone.run("models", "list")
    assert (code, one in printed, "shadow" in printed) == (0, True, True)
    assert alone.json("models", "show", two)["aliases"] == ["shadow"]
    code, printed = alone.run("models", "card", two)
    assert (code, f"# ranker {two}" in printed) == (0, True)
    assert alone.json("models", "diff", one, two)["facts"] == [
        {"what": "seed", "before": 1, "after": 2, "delta": 1.0}
    ]
    code, printed = alone.run("models", "diff", one, two)
    assert (code, "seed" in printed) == (0, True)
    uri = f"file:{tmp_path / 'runs'}"
    assert len(alone.json("models", "export-mlflow", one, "--uri", uri)["run_id"]) == 32
    withdraw = ("models", "withdraw", "--alias", "shadow", "--reason", "done", "--no-announce")
    code, printed = alone.run(*withdraw)
    assert (code, f"shadow was {two}, is now nothing" in printed) == (0, True)
    code, printed = alone.run("models", "audit")
    assert (code, "withdraw" in printed, "try" in printed) == (0, True, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show", "0" * 12), "the registry has no version"),
        (("rollback", "--alias", "best", "--reason", "x"), "'best' is no alias"),
        (("list", "--name", "../up"), "is no name of a model"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_1(
    alone: Typed, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "registry").mkdir()
    code, printed = alone.run("models", *words)
    assert (code, printed.count("\n"), says in printed) == (1, 1, True), printed


def test_the_gate_s_no_is_shown_and_overruled_by_force_alone(alone: Typed, tmp_path: Path) -> None:
    publish = publishing(tmp_path, 1)
    verdict = {"passed": False, "candidate": "0" * 12, "champion": "b", "reasons": ["slower"]}
    (Path(publish[2]) / "gate.json").write_text(json.dumps(verdict))
    version = alone.json(*publish)["version"]
    promote = ("models", "promote", version, "--alias", "champion", "--reason", "x")
    code, printed = alone.run(*promote, "--no-announce")
    assert code == 1
    assert "gate, against b: NOT passed\n  slower" in printed
    assert "--force promotes it all the same" in printed
    move = alone.json(*promote, "--no-announce", "--force")["move"]
    assert (move["approved"], move["force"]) == (False, True)


def test_without_a_registry_every_command_says_which_setting_is_missing(
    alone: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SEGUE_REGISTRY__URL")
    code, printed = alone.run("models", "list")
    assert (code, "set SEGUE_REGISTRY__URL" in printed) == (1, True)


def test_without_trusted_keys_a_warning_says_what_that_means(
    alone: Typed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("SEGUE_REGISTRY__TRUSTED_KEYS")
    (tmp_path / "registry").mkdir()
    assert alone.run("models", "list")[0] == 0
    assert "models are not checked for a signature" in caplog.text
