"""The agent's own page."""

from playwright.async_api import Page

from tests.console.screen import Desk, barriers


async def test_the_page_opens(page: Page, desk: Desk) -> None:
    await page.goto(desk.url)

    assert await page.title() == "Stayline console"
    assert await barriers(page) == []
