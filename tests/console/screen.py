"""What a test sees: a desk to sit at, a screen to be watched, and whether everybody could use it."""

from dataclasses import dataclass
from typing import Any

import httpx
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import ConsoleMessage, Page

from tests.console.crm import Crm
from tests.factories.forwarder import Forwarder
from tests.service import Service

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}


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


def watched(page: Page) -> list[str]:
    """Whatever goes wrong on a page from now on; that a request was refused is told by the console itself."""
    faults: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            faults.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


async def barriers(page: Page) -> list[tuple[str, Any]]:
    """What would keep somebody from using the page as it is now, light and dark."""
    found = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        results = await Axe().run(page, options=OPTIONS)
        found += [
            (f"{scheme}: {violation['id']}", [node["html"] for node in violation["nodes"]])
            for violation in results.response["violations"]
        ]
    return found
