"""The commands' own arguments."""

from pathlib import Path

import pytest
import typer

from loadtest.commands import LogFormat, _rate
from loadtest.pace import FlatOut, LogPace, SteadyPace
from loadtest.replay.command import ReplayOptions
from loadtest.rig import alone
from models.data.telling import LOG_FORMATS
from service.settings import KafkaSettings, RedisSettings, Settings


def test_every_format_that_can_be_read_can_be_asked_for() -> None:
    assert {log_format.value for log_format in LogFormat} == set(LOG_FORMATS)


def test_a_rate_is_max_or_a_number_above_zero() -> None:
    assert _rate("max") is None
    assert _rate("250.5") == 250.5
    for text in ("0", "-1", "fast", "nan"):
        with pytest.raises(typer.BadParameter, match="neither `max` nor a number"):
            _rate(text)


def test_a_speed_keeps_the_logs_rhythm_and_a_rate_replaces_it() -> None:
    log = Path("log")
    assert isinstance(ReplayOptions(log, "piki").pace, FlatOut)
    assert ReplayOptions(log, "piki", rate=5.0).pace == SteadyPace(5.0)
    assert ReplayOptions(log, "piki", speed=60.0, rate=5.0).pace == LogPace(60.0)


def test_what_is_thrown_away_is_kept_from_the_users_own_broker_and_store() -> None:
    given = Settings(
        kafka=KafkaSettings(bootstrap="kafka.example:9092", partitions=2),
        redis=RedisSettings(url="redis://store.example", session_ttl_ms=5_000),
    )
    apart = alone(given)
    assert "bootstrap" not in apart.kafka.model_fields_set
    assert "url" not in apart.redis.model_fields_set
    assert (apart.kafka.partitions, apart.redis.session_ttl_ms) == (2, 5_000)
