"""The live page in a real browser, on a real stack: what a listener does changes the queue."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import listening

ROWS = "#queue li"


async def order(page: Page) -> list[str]:
    """The item ids of the queue, as shown."""
    ids: list[str] = await page.locator(ROWS).evaluate_all("rows => rows.map(r => r.dataset.item)")
    return ids


async def count_of(page: Page, artist: str) -> int:
    """How many places of the queue an artist has."""
    return await page.locator(f'{ROWS}[data-artist="{artist}"]').count()


async def playing(page: Page) -> str:
    """The item that plays."""
    return str(await page.evaluate("view.current.item_id"))


async def until(page: Page, condition: str) -> None:
    """Wait for something in the page (`wait_for_function` needs an eval that the page forbids)."""
    look = f"() => {condition} ? done() : setTimeout(look, 10)"
    await page.evaluate(f"() => new Promise(done => {{ const look = {look}; look(); }})")


async def wait_for_answer(page: Page) -> None:
    """Until the slate that answers the last thing the listener did is on the screen."""
    await until(page, "view.action?.hops && view.action.after")


async def settle(page: Page) -> None:
    """Until the slate that follows the start of the next item is there as well."""
    await until(page, "!view.busy && view.slate?.version > view.current.served.slate_version")


async def test_a_skip_plays_the_next_item_and_changes_the_queue(page: Page) -> None:
    await settle(page)
    before, first = await order(page), await playing(page)
    await page.locator("#skip").click()
    await wait_for_answer(page)
    await settle(page)
    assert await playing(page) != first
    after = await order(page)
    assert first not in after
    assert after != [item for item in before if item != await playing(page)]
    await expect(page.locator("#queue .move:not(:empty)").first).to_be_visible()


async def test_a_dislike_takes_the_item_away_and_moves_on(page: Page) -> None:
    await settle(page)
    disliked = await playing(page)
    await page.locator("#dislike").click()
    await wait_for_answer(page)
    await settle(page)
    assert await playing(page) != disliked
    assert disliked not in await order(page)
    assert await page.evaluate("view.action.slate.reason") == "disliked"


async def test_a_content_type_that_is_switched_off_is_gone_until_its_tag_is_removed(
    page: Page,
) -> None:
    await settle(page)
    kind = await page.locator(ROWS).first.get_attribute("data-type")
    await page.locator(f".type[data-type={kind}]").click()
    await expect(page.locator(f'{ROWS}[data-type="{kind}"]')).to_have_count(0)
    await expect(page.locator(f".type[data-type={kind}]")).to_have_attribute(
        "aria-checked", "false"
    )
    await page.get_by_role("button", name=re.compile("^Remove: No ")).click()
    await expect(page.locator("#tags")).to_be_hidden()
    await expect(page.locator(f'{ROWS}[data-type="{kind}"]').first).to_be_visible()


async def test_one_wish_can_be_taken_back_and_the_others_stay(page: Page) -> None:
    await settle(page)
    await page.locator("#more").click()
    await expect(page.locator("#tags .tag")).to_have_count(1)
    await page.locator(".type[data-type=video]").click()
    await expect(page.locator("#tags .tag")).to_have_count(2)
    await page.get_by_role("button", name=re.compile("^Remove: More like ")).click()
    await expect(page.locator("#tags .tag")).to_have_count(1)
    await expect(page.locator("#tags .tag")).to_have_text("No video")
    await page.locator("#reset").click()
    await expect(page.locator("#tags")).to_be_hidden()


async def test_the_keyboard_does_what_the_buttons_do(page: Page) -> None:
    await settle(page)
    first = await playing(page)
    await page.keyboard.press("l")
    await expect(page.locator("#like")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("s")
    await until(page, f"view.current.item_id !== {first!r}")
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("heading", name="Keyboard")).to_be_hidden()
    await page.keyboard.press("Space")
    await expect(page.locator("#play")).to_have_attribute("aria-label", "Play")


async def test_the_way_of_the_event_is_told_hop_by_hop(page: Page) -> None:
    await settle(page)
    await page.locator("#like").click()
    await wait_for_answer(page)
    names = await page.locator("#hops span").all_inner_texts()
    assert names == ["To the API", "Kafka in", "State", "Rank", "Kafka out", "To the screen"]
    await expect(page.locator("#total")).to_have_text(re.compile(r"^\d+(\.\d)? ms$"))


async def test_the_drawer_shows_the_record_the_change_and_the_command(page: Page) -> None:
    await settle(page)
    await page.locator("#like").click()
    await wait_for_answer(page)
    await page.keyboard.press("w")
    drawer = page.locator("#drawer")
    await expect(drawer).to_contain_text('"type": "liked"')
    await expect(drawer.get_by_role("row", name=re.compile("liked")).first).to_be_visible()
    await expect(drawer.locator("code").first).to_have_text(
        re.compile(r"^kcat -C -b \S+ -t live\.events -p \d -o \d+ -c 1 ")
    )
    await expect(drawer.locator("code").nth(1)).to_contain_text("-t live.slates")


async def test_letting_it_finish_completes_the_item(page: Page) -> None:
    await settle(page)
    first = await playing(page)
    await page.locator("#finish").click()
    await wait_for_answer(page)
    await until(page, f"view.current.item_id !== {first!r}")
    assert await page.evaluate("view.action.slate.reason") == "completed"


async def test_a_reload_goes_on_where_it_was(page: Page) -> None:
    await settle(page)
    before = await playing(page)
    await page.reload()
    await page.locator(ROWS).first.wait_for()
    assert await playing(page) == before


async def test_a_lost_stream_is_shown_and_comes_back(browser: Browser, live: str) -> None:
    async with listening(browser, live, forgive="503") as page:
        await page.route("**/slate/stream*", lambda route: route.fulfill(status=503))
        await page.evaluate("connect()")
        await expect(page.locator("#link")).to_have_attribute("data-link", "retry")
        await page.unroute("**/slate/stream*")
        await expect(page.locator("#link")).to_have_attribute("data-link", "live", timeout=15_000)


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
async def test_nothing_sticks_out_at_any_width(browser: Browser, live: str, width: int) -> None:
    async with listening(browser, live, viewport={"width": width, "height": 800}) as page:
        await settle(page)
        await page.locator("#more").click()
        await wait_for_answer(page)
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.locator("#what").click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_who_wants_no_motion_gets_none(browser: Browser, live: str) -> None:
    async with listening(browser, live, reduced_motion="reduce") as page:
        await settle(page)
        await page.locator("#skip").click()
        await wait_for_answer(page)
        assert await page.evaluate("document.getAnimations().length") == 0


async def test_every_control_has_a_name(page: Page) -> None:
    nameless = await page.locator("button, input").evaluate_all(
        "all => all.filter(e => !(e.innerText || e.ariaLabel || e.labels?.length)).map(e => e.id)"
    )
    assert nameless == []
