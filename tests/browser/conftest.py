"""A whole live stack, and a real Chromium to look at it with."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, async_playwright

from loadtest.world.build import build_world_catalog
from service.core.items import ItemTable
from service.embedded.fleet import running_fleet
from service.embedded.topics import create_topics, topic_specs, wait_for_topics
from service.settings import CatalogSettings, KafkaSettings, RedisSettings, Settings, TopicSettings
from service.settings import variable_of as variable

CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Where Chromium is; the tier is left out where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found is not None, "no chromium on PATH (Debian: apt-get install chromium)"
    return found


@pytest.fixture(scope="session")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ItemTable]:
    """The world's catalogue: its folder, and what is in it."""
    folder = tmp_path_factory.mktemp("world") / "catalog"
    return folder, build_world_catalog(folder).table


@pytest.fixture(scope="session")
def live(
    kafka_bootstrap: str,
    valkey_url: str,
    catalog: tuple[Path, ItemTable],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of the page: real Kafka, Valkey, worker and API, the world's catalogue."""
    folder = tmp_path_factory.mktemp("live")
    settings = Settings(
        kafka=KafkaSettings(bootstrap=kafka_bootstrap, group="live-worker"),
        topics=TopicSettings(**{name: f"live.{name}" for name in TopicSettings.model_fields}),
        redis=RedisSettings(url=valkey_url),
        catalog=CatalogSettings(path=catalog[0]),
        work_dir=folder,
    )
    loop = asyncio.new_event_loop()
    fleet = running_fleet(settings, environment(settings))
    loop.run_until_complete(make_topics(settings))
    running = loop.run_until_complete(fleet.__aenter__())
    assert running.api is not None
    yield running.api.health_url
    loop.run_until_complete(fleet.__aexit__(None, None, None))
    loop.close()


def environment(settings: Settings) -> dict[str, str]:
    """The variables that tell a child process all of this."""
    given = {
        variable("kafka", "bootstrap"): settings.kafka.bootstrap,
        variable("kafka", "group"): settings.kafka.group,
        variable("redis", "url"): settings.redis.url,
        variable("catalog", "path"): str(settings.catalog.path),
        variable("work_dir"): str(settings.work_dir),
    }
    topics = settings.topics.model_dump().items()
    return given | {variable("topics", name): topic for name, topic in topics}


async def make_topics(settings: Settings) -> None:
    """Create the topics and wait for their leaders."""
    await create_topics(settings.kafka.bootstrap, topic_specs(settings))
    await wait_for_topics(settings.kafka.bootstrap, topic_specs(settings))


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium of this test's own."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        yield started
        await started.close()


@asynccontextmanager
async def listening(
    browser: Browser, live: str, *, user: str = "", forgive: str = "nothing", **context: Any
) -> AsyncIterator[Page]:
    """A listener's page, by default a new one's, after play. What the browser complains of fails.

    Args:
        browser: Opens the page.
        live: The stack's address.
        user: Who listens.
        forgive: Complaints with these words are none.
        context: Of the page: viewport, motion.
    """
    complaints: list[str] = []
    page = await browser.new_page(**{"viewport": {"width": 1280, "height": 800}} | context)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    await page.goto(f"{live}/?user={user or new_user()}")
    await page.locator("#link[data-link=live]").wait_for()
    await page.locator("#play").click()
    await page.locator("#skip:enabled").wait_for()
    yield page
    await page.close()
    assert [complaint for complaint in complaints if forgive not in complaint] == []


def new_user() -> str:
    """A name that nobody has had."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
async def page(browser: Browser, live: str) -> AsyncIterator[Page]:
    """The page on a desktop."""
    async with listening(browser, live) as opened:
        yield opened
