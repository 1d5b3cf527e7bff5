"""A listener's no to an artist, pressed on the page, is seen in the queue.

The listener has enjoyed some songs of one artist before the page opens, so that the queue is known
to have more of them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from service.core.items import ItemTable
from tests.browser.conftest import listening, new_user
from tests.browser.test_page import ROWS, count_of, settle, until, wait_for_answer

ENJOYED = 3
PLACES_MIN = 2
SONGS_MIN = 12  # so that there is more of the artist to offer
SKIPS = 2
NEXT = 10
TRIES = 5


@dataclass(frozen=True)
class Fan:
    """A listener whose queue has songs of this artist."""

    user: str
    artist: str


@pytest.fixture
async def fan(live: str, catalog: tuple[Path, ItemTable]) -> Fan:
    """A new listener who has enjoyed the most popular songs of an artist, over the API."""
    table = catalog[1]
    async with httpx2.AsyncClient(base_url=live) as http:
        for artist in known_artists(table)[:TRIES]:
            fan = Fan(new_user(), table.artist_ids[artist])
            sent = await http.post(f"/v1/users/{fan.user}/events", json=enjoyment(table, artist))
            queue = await queue_after(http, fan.user, sent.json()["events"][-1]["offset"])
            if sum(int(table.artist[table.rows[item]]) == artist for item in queue) >= PLACES_MIN:
                return fan
    pytest.fail(f"no artist of {TRIES} had {PLACES_MIN} places after {ENJOYED} songs went well")


def known_artists(table: ItemTable) -> Sequence[int]:
    """Artists with enough songs, the best known first."""
    music = table.content_type == 0
    songs = np.bincount(table.artist[music], minlength=len(table.artist_ids))
    plays = np.bincount(table.artist[music], table.popularity[music], len(table.artist_ids))
    ranked: list[int] = np.argsort(-np.where(songs >= SONGS_MIN, plays, 0.0)).tolist()
    return ranked


def enjoyment(table: ItemTable, artist: int) -> list[dict[str, Any]]:
    mine = np.flatnonzero(table.artist == artist)
    best = mine[np.argsort(-table.popularity[mine], kind="stable")][:ENJOYED]
    kinds = ("started", "liked", "completed")
    return [{"type": kind, "item_id": table.ids[row]} for row in best for kind in kinds]


async def queue_after(http: httpx2.AsyncClient, user: str, offset: int) -> list[str]:
    """The items of the first slate that knows of the event at this offset."""
    async with http.stream("GET", f"/v1/users/{user}/slate/stream", timeout=30) as stream:
        async for line in stream.aiter_lines():
            if not line.startswith("data: "):
                continue
            slate = json.loads(line.removeprefix("data: "))["slate"]
            if slate["source"]["offset"] >= offset:
                return [item["item_id"] for item in slate["items"]]
    raise AssertionError(f"the stream of {user} ended before a slate of offset {offset}")


async def play_one_of(page: Page, artist: str) -> None:
    """Play the first of the artist's items in the queue, unless one plays already."""
    if await page.evaluate("view.current.artist_id") != artist:
        await page.locator(f'{ROWS}[data-artist="{artist}"] button').first.click()
        await until(page, f"view.current.artist_id === {artist!r}")
    await settle(page)


async def next_artists(page: Page) -> list[str]:
    """The artists of the next ten places."""
    artists: list[str] = await page.locator(ROWS).evaluate_all(
        "rows => rows.map(r => r.dataset.artist)"
    )
    assert len(artists) >= NEXT
    return artists[:NEXT]


async def test_skips_push_the_artist_down(browser: Browser, live: str, fan: Fan) -> None:
    async with listening(browser, live, user=fan.user) as page:
        await settle(page)
        await play_one_of(page, fan.artist)
        before = (await next_artists(page)).count(fan.artist)
        assert before >= 1
        for _ in range(SKIPS):
            if await count_of(page, fan.artist):
                await play_one_of(page, fan.artist)
                await page.locator("#skip").click()
                await wait_for_answer(page)
                await settle(page)
        assert (await next_artists(page)).count(fan.artist) < before


async def test_less_of_the_artist_leaves_none_among_the_next_ten(
    browser: Browser, live: str, fan: Fan
) -> None:
    async with listening(browser, live, user=fan.user) as page:
        await settle(page)
        await play_one_of(page, fan.artist)
        assert await count_of(page, fan.artist) >= 1
        await page.locator("#less").click()
        await wait_for_answer(page)
        await expect(page.locator("#tags .tag", has_text="Less of")).to_be_visible()
        assert fan.artist not in await next_artists(page)


async def test_a_deleted_listener_is_told_and_can_begin_again(
    browser: Browser, live: str, fan: Fan
) -> None:
    async with listening(browser, live, user=fan.user, forgive="404") as page:
        await settle(page)
        async with httpx2.AsyncClient(base_url=live) as http:
            await http.post(f"/v1/users/{fan.user}/events", json={"type": "user_deleted"})
        await expect(page.locator("#empty-title")).to_have_text("This listener was deleted")
        await expect(page.locator(ROWS)).to_have_count(0)
        await expect(page.locator("#skip")).to_be_disabled()
        await expect(page.locator("#title")).to_have_text("Nothing is playing")
        await page.locator("#play").click()
        await page.locator("#skip:enabled").wait_for()
        await settle(page)
        assert await page.locator(ROWS).count() >= 10
