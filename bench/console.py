"""The card on a warm service, in a real browser: how soon it shows what is known, and how much is sent for it."""

import asyncio
import json
import statistics
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, Response, async_playwright

from app.demo.home import Demo
from app.embedded.postgres import postgres
from bench.service import PORT, Row, serving, set_up
from tests.console.conftest import ARGUMENTS, find_chromium
from tests.console.screen import kept_in

OPENINGS: Final = 40
SHOWN: Final = "performance.getEntriesByName('churn-card:shown')[0].startTime"
CONSOLE: Final = f"http://127.0.0.1:{PORT}/console/"


def measure() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder) / "postgres") as server:
        demo = Demo(Path(folder), server.url())
        told = set_up(demo)
        with serving(demo, workers=1):
            sent, times = asyncio.run(_open(told))
    p95 = statistics.quantiles(times, n=20)[-1]
    return [
        (
            "card, from nothing to what is known, median; p95",
            "≤ 300 ms",
            f"{statistics.median(times):.0f} ms; {p95:.0f}",
        ),
        ("… sent for the first opening, all of the agent's page", "≤ 100 KB", f"{sent / 1024:.0f} KB"),
    ]


async def _open(told: dict[str, Any]) -> tuple[int, list[float]]:
    """Open the cards of many on one page after another; returns the bytes of the first, and milliseconds of each."""
    people, key = told["subscriber_ids"][:OPENINGS], told["api_keys"]["agent"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        page = await browser.new_page(viewport={"width": 1280, "height": 900})
        await page.add_init_script(f"Object.assign(sessionStorage, {json.dumps({'stayline.key': key})})")
        answers: list[Response] = []
        page.on("response", kept_in(answers))
        await _shown(page, people[0])
        sizes = [await answer.request.sizes() for answer in answers]
        times = [await _shown(page, subscriber_id) for subscriber_id in people]
        await browser.close()
    return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes), times


async def _shown(page: Page, subscriber_id: str) -> float:
    await page.goto("about:blank")
    await page.goto(f"{CONSOLE}#{subscriber_id}")
    await page.locator("churn-card h2").wait_for()
    taken: float = await page.evaluate(SHOWN)
    return taken
