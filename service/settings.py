"""The whole configuration: one frozen object, read once from `SEGUE_` variables.

A nested setting is written with two underscores: `SEGUE_KAFKA__BOOTSTRAP`. This module reads the
environment and nothing else; it does not know what the settings are used for.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.core.errors import Refused

PREFIX: Final = "SEGUE_"
TEST_PREFIX: Final = "SEGUE_TEST_"  # read by the tests alone, never a setting

_Path = tuple[str, ...]  # of a setting: ("kafka", "bootstrap")
_SECOND_MS: Final = 1_000
_DAY_MS: Final = 24 * 3600 * _SECOND_MS
_SHIPPED_RANKER: Final = Path(__file__).resolve().parent.parent / "models" / "artifacts" / "ranker"
_TOPIC: Final = r"^[a-zA-Z0-9._-]{1,249}$"
_HOST_PORTS: Final = r"^[^\s,:]+:\d{1,5}(,[^\s,:]+:\d{1,5})*$"


class KafkaSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_KAFKA__*."""

    bootstrap: str = Field(
        default="127.0.0.1:9092", pattern=_HOST_PORTS, description="host:port, comma separated"
    )
    group: str = Field(
        default="segue-worker", min_length=1, max_length=249, description="consumer group id"
    )
    partitions: int = Field(
        default=4, ge=1, le=1024, description="partitions of every topic that Segue creates"
    )
    batch_records_max: int = Field(
        default=500, ge=1, le=10_000, description="records taken from one poll"
    )
    poll_timeout_ms: int = Field(
        default=50, ge=1, le=5_000, description="ms a poll waits when nothing is there"
    )
    commit_interval_ms: int = Field(
        default=250, ge=10, le=60_000, description="ms between offset commits"
    )


class TopicSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_TOPICS__*."""

    events: str = Field(
        default="playback.events.v1", pattern=_TOPIC, description="input: playback events"
    )
    slates: str = Field(
        default="nowplaying.slates.v1", pattern=_TOPIC, description="output: slates, compacted"
    )
    outcomes: str = Field(
        default="nowplaying.outcomes.v1", pattern=_TOPIC, description="what became of slates"
    )
    dead_letters: str = Field(
        default="playback.dead-letters.v1", pattern=_TOPIC, description="input that was refused"
    )
    control: str = Field(
        default="segue.control.v1", pattern=_TOPIC, description="model aliases and switches"
    )


class RedisSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_REDIS__*."""

    url: str = Field(
        default="redis://127.0.0.1:6379/0",
        pattern=r"^(redis|rediss|unix)://",
        description="URL of Redis 7.0 or newer, or of Valkey",
    )
    session_ttl_ms: int = Field(
        default=7 * _DAY_MS, ge=_SECOND_MS, le=400 * _DAY_MS, description="ms a session is kept"
    )
    slate_ttl_ms: int = Field(
        default=_DAY_MS, ge=_SECOND_MS, le=400 * _DAY_MS, description="ms the last slate is cached"
    )


class CatalogSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_CATALOG__*."""

    path: Path = Field(default=Path(".segue/catalog"), description="catalogue folder")


class ModelSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_MODEL__*."""

    path: Path = Field(
        default_factory=lambda: _SHIPPED_RANKER,
        description="folder with ranker.onnx and manifest.json; without it, the shipped ranker",
    )


class RegistrySettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_REGISTRY__*."""

    url: str = Field(
        default="", description="model registry: a folder or s3://bucket/prefix; empty is off"
    )
    name: str = Field(
        default="ranker",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description="the model's name in the registry",
    )
    trusted_keys: str = Field(
        default="", description="public key files, comma separated; with any, models must be signed"
    )
    cache_versions: int = Field(
        default=5, ge=4, le=100, description="fetched versions kept in the work folder"
    )

    @property
    def key_paths(self) -> tuple[Path, ...]:
        """Return the files of the trusted public keys."""
        return tuple(Path(path.strip()) for path in self.trusted_keys.split(",") if path.strip())


class LifecycleSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_LIFECYCLE__*."""

    rank_deadline_ms: int = Field(
        default=2_000,
        ge=1,
        le=60_000,
        description="ms a model may take for a batch; then the fallback ranks",
    )
    drift_psi_max: float = Field(
        default=0.5,
        gt=0,
        description="a new champion's scores may spread so differently (stability index)",
    )
    guard_false_alarm: float = Field(
        default=0.05, gt=0, lt=1, description="chance that an equal canary is ever ended for skips"
    )
    guard_margin: float = Field(
        default=0.02, ge=0, lt=1, description="a skip rate higher by less ends no canary"
    )
    guard_latency_ratio_max: float = Field(
        default=3.0, gt=1, description="a canary may take so many times the champion's time"
    )


class SlateSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_SLATE__*."""

    length: int = Field(default=20, ge=1, le=100, description="items of a slate")
    ttl_ms: int = Field(
        default=30 * 60 * _SECOND_MS,
        ge=_SECOND_MS,
        le=7 * _DAY_MS,
        description="ms after which a consumer should not play from a slate",
    )


class UtilitySettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_UTILITY__*."""

    next: float = Field(default=3.0, description="weight of p(played next), where a model says it")
    skip: float = Field(default=-1.0, description="weight of p(skipped)")
    complete: float = Field(default=1.0, description="weight of p(heard to the end)")
    like: float = Field(default=1.5, description="weight of p(liked or saved)")


class ApiSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_API__*."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8080, ge=1, le=65_535, description="TCP port to listen on")


class WorkerSettings(BaseModel, frozen=True, extra="forbid"):
    """SEGUE_WORKER__*."""

    health_port: int = Field(
        default=0, ge=0, le=65_535, description="TCP port of /livez and /metrics; 0 is off"
    )


class Settings(BaseSettings):
    """Every setting, with its default. Build it with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    kafka: KafkaSettings = KafkaSettings()
    topics: TopicSettings = TopicSettings()
    redis: RedisSettings = RedisSettings()
    catalog: CatalogSettings = CatalogSettings()
    model: ModelSettings = ModelSettings()
    registry: RegistrySettings = RegistrySettings()
    lifecycle: LifecycleSettings = LifecycleSettings()
    slate: SlateSettings = SlateSettings()
    utility: UtilitySettings = UtilitySettings()
    api: ApiSettings = ApiSettings()
    worker: WorkerSettings = WorkerSettings()
    work_dir: Path = Field(default=Path(".segue"), description="folder of the embedded stack")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as `segue config show` prints it."""

    variable: str
    value: str
    source: Literal["default", "env"]
    description: str


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        Refused: A name is unknown or a value out of bounds; the text names the variable.
    """
    check_names(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        raise Refused("; ".join(_complaints(error))) from error


def check_names(environ: Mapping[str, str]) -> None:
    """Refuse a `SEGUE_` variable that is no setting: pydantic would ignore it silently.

    Raises:
        Refused: Says which name, and the nearest one that exists.
    """
    known = [variable for variable, _ in _walk(Settings)]
    for name in sorted(environ):
        if not name.upper().startswith(PREFIX) or name.upper().startswith(TEST_PREFIX):
            continue
        if name.upper() not in known:
            raise Refused(f"unknown setting {name}{_suggestion(name.upper(), known)}")


def explain(settings: Settings) -> list[Setting]:
    """Return each setting with its value and whether it is the default or was given."""
    rows = []
    for variable, path in _walk(Settings):
        owner: BaseModel = settings if len(path) == 1 else getattr(settings, path[0])
        given = path[-1] in owner.model_fields_set
        field = type(owner).model_fields[path[-1]]
        rows.append(
            Setting(
                variable=variable,
                value=_masked(str(getattr(owner, path[-1]))),
                source="env" if given else "default",
                description=field.description or "",
            )
        )
    return rows


def variable_of(*path: str) -> str:
    """Return the environment variable of a setting.

    >>> variable_of("kafka", "bootstrap")
    'SEGUE_KAFKA__BOOTSTRAP'
    """
    return PREFIX + "__".join(path).upper()


def _walk(model: type[BaseModel], above: _Path = ()) -> Iterator[tuple[str, _Path]]:
    for name, field in model.model_fields.items():
        path = (*above, name)
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _walk(inner, path)
        else:
            yield variable_of(*path), path


def _suggestion(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else "; `segue config show` lists every setting"


def _complaints(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        variable = variable_of(*(str(part) for part in problem["loc"]))
        yield f"{variable}={_masked(str(problem['input']))}: {problem['msg']}"


def _masked(value: str) -> str:
    """Hide the password of a URL: `redis://user:secret@host` becomes `redis://user:***@host`."""
    scheme, mark, rest = value.partition("://")
    account, at, host = rest.rpartition("@")
    if not (mark and at):
        return value
    user, colon, _ = account.partition(":")
    return f"{scheme}://{user}{colon}{'***' if colon else ''}@{host}"
