"""What a test sees: a desk to sit at, a screen to be watched, and whether everybody could use it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Locator, Page

from tests.console.crm import Crm
from tests.factories.forwarder import Forwarder
from tests.service import Service

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A refused request is told by the card, and text that was to become markup throws.
TOLD_OTHERWISE = ("Failed to load resource", "requires 'TrustedHTML' assignment")
EVERYTHING = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
# Adds up what moved on a page after it was shown, unless somebody did something.
STEADY = """
    window.shifts = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """The service, the road to its store, and the CRM beside it."""

    service: Service
    road: Forwarder
    crm: Crm

    @property
    def api(self) -> httpx.Client:
        return self.service.client

    @property
    def url(self) -> str:
        return f"{self.service.base_url}/console/"

    def token(self, subscriber_id: str, agent_id: str = "mei") -> str:
        """What the CRM's own server asks for and hands to its page."""
        wanted = {"subscriber_id": subscriber_id, "agent_id": agent_id}
        answer = self.api.post("/v1/console-tokens", json=wanted)
        assert answer.status_code == 201, answer.text
        token: str = answer.json()["token"]
        return token


async def sign_in(page: Page, desk: Desk, key: str | None = None, agent: str | None = None) -> None:
    """Have the tab remember a key, as if somebody had signed in."""
    told = json.dumps({"stayline.key": key or desk.service.key} | ({"stayline.agent": agent} if agent else {}))
    await page.add_init_script(f"if (!sessionStorage.length) Object.assign(sessionStorage, {told})")


async def open_card(page: Page, desk: Desk, subscriber_id: str) -> Locator:
    """The card of somebody, on the agent's own page, with its facts shown."""
    await sign_in(page, desk)
    await page.goto(f"{desk.url}#{subscriber_id}")
    card = page.locator("churn-card")
    await card.locator("h2").wait_for()
    return card


async def open_page(page: Page, desk: Desk, agent: str | None = None) -> Locator:
    """The agent's own page with nobody on it; returns the card that will show whoever is chosen."""
    await sign_in(page, desk, agent=agent)
    await page.goto(desk.url)
    return page.locator("churn-card")


async def texts(found: Locator) -> list[str]:
    return [text.strip() for text in await found.all_inner_texts()]


def kept_in(found: list[Any]) -> Callable[[Any], None]:
    """A listener that keeps what it hears. A list's own method is built in, and takes no marks of the listened-to."""

    def keep(heard: Any) -> None:
        found.append(heard)

    return keep


def watched(page: Page) -> list[str]:
    """Whatever goes wrong on a page from now on."""
    faults: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(known in message.text for known in TOLD_OTHERWISE):
            faults.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


async def barriers(page: Page) -> list[tuple[str, Any]]:
    """What would keep somebody from using the page as it is now; dark, all but the colours is the same."""
    found = []
    schemes: list[tuple[Literal["light", "dark"], Any]] = [("light", EVERYTHING), ("dark", CONTRAST)]
    for scheme, options in schemes:
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        results = await Axe().run(page, options=options)
        found += [
            (f"{scheme}: {violation['id']}", [node["html"] for node in violation["nodes"]])
            for violation in results.response["violations"]
        ]
    return found
