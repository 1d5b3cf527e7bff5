"""A made-up listening log, its catalogue, and settings of a service on it."""

from pathlib import Path
from random import Random

from models.catalogs import catalog_of
from models.data.telling import Telling, tell
from models.data.timed import TimedEvent
from models.formats.play import Play
from service.adapters.catalog import write_catalog
from service.core.items import Names
from service.settings import Settings, explain

SONG_S = 200


def make_plays(count: int, *, users: int = 40, items: int = 60) -> list[Play]:
    """Plays a minute apart, some broken off, some judged."""
    random = Random(5)
    return [
        Play(
            user=f"u{random.randrange(users)}",
            item=f"i{min(random.randrange(items), random.randrange(items))}",
            at_ms=1_600_000_000_000 + 60_000 * n,
            played_s=random.choice([5.0, 150.0, 200.0]),
            duration_s=SONG_S,
            liked=random.choice([None, None, None, None, 1, -1]),
        )
        for n in range(count)
    ]


def events_of_log(plays: list[Play]) -> list[TimedEvent]:
    """The log as events, in order of time."""
    return list(tell(plays, "small", Telling()))


def with_catalog(settings: Settings, plays: list[Play], folder: Path) -> Settings:
    """Write the log's catalogue; the settings with it."""
    table = catalog_of(plays, "small")
    write_catalog(folder, table, Names(table.ids, [], []), built_from="a made-up log")
    catalog = settings.catalog.model_copy(update={"path": folder})
    return settings.model_copy(update={"catalog": catalog, "work_dir": folder.parent})


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give a child process these very settings."""
    return {row.variable: row.value for row in explain(settings)}
