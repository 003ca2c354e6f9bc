"""How steadily and on how little the card is there; and that it fits where it is put."""

import pytest
from playwright.async_api import Page, Response

from tests.console.people import with_a_past
from tests.console.screen import STEADY, Desk, kept_in, open_card

MOST_BYTES = 100 * 1024


async def test_the_card_is_there_on_little_and_nothing_moves(page: Page, desk: Desk) -> None:
    id = with_a_past(desk.api)
    answers: list[Response] = []
    page.on("response", kept_in(answers))
    await page.add_init_script(STEADY)
    await open_card(page, desk, id)
    sizes = [await answer.request.sizes() for answer in answers]
    transferred = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)

    assert transferred <= MOST_BYTES
    assert await page.evaluate("window.shifts") <= 0.01


@pytest.mark.parametrize(("width", "height"), [(320, 568), (640, 450)], ids=["320 px", "1280 px at 200 %"])
async def test_it_fits_without_scrolling_sideways(page: Page, desk: Desk, width: int, height: int) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    card = await open_card(page, desk, with_a_past(desk.api))
    await card.locator(".whynot summary").click()
    await card.locator(".why summary").first.click()
    await card.locator(".choice").first.get_by_role("button", name="Decline").click()

    assert await page.evaluate("document.documentElement.scrollWidth") <= width
